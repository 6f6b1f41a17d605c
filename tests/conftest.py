"""Fixtures for data that may be missing on a user's machine: real clips and model weights."""

import os
from pathlib import Path

import pytest

from serving.store import ModelStore, WeightsState

REPOSITORY = Path(__file__).parents[1]
CLIPS = REPOSITORY.parent / "shared" / "clips"


def missing(reason: str) -> None:
    """Skip with the reason; where CI is set a missing part is a failure instead."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI nothing may be missing: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def clips() -> Path:
    """Return the folder of real clips beside the repository."""
    if not CLIPS.is_dir():
        missing("the folder shared/clips is not beside the repository")
    return CLIPS


@pytest.fixture(scope="session")
def sample() -> Path:
    """Return the rendered call of two that comes with the repository."""
    return REPOSITORY / "samples" / "two_party_call.mp4"


@pytest.fixture(scope="session")
def weights() -> Path:
    """Return the folder that holds the fetched weights under their file names."""
    store = ModelStore()
    if any(store.state(name) is not WeightsState.READY for name in store.table):
        missing("weights are not fetched; run `facestate models fetch`")
    return store.folder
