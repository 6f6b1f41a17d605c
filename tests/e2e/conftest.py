"""Fixtures for tests of the whole command: an empty folder, a small video, and a run over clips."""

import os
from pathlib import Path

import pytest

from pipeline.lake.tables import Lake
from tests.e2e.clip_runs import analyse
from tests.videos import video


@pytest.fixture
def place(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder without settings of this machine."""
    for name in [name for name in os.environ if name.startswith("FACESTATE_") and "__" in name]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("FACESTATE_OUT", raising=False)
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(weights.resolve()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def good() -> bytes:
    return video(20)


@pytest.fixture(scope="session")
def clip_lake(clips: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return the tables of one run over all real clips."""
    return analyse([clips], tmp_path_factory.mktemp("clips"))
