"""Fixtures for data that may be missing on a user's machine: real clips and model weights."""

import os
from pathlib import Path

import pytest

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
def weights() -> Path:
    """Return the folder that holds the fetched weights under their file names."""
    folder = Path(os.environ.get("FACESTATE_WEIGHTS", Path.home() / ".cache/facestate/models"))
    if not (folder / "face_detection_yunet_2023mar.onnx").is_file():
        missing("weights are not fetched; run `facestate models fetch`")
    return folder
