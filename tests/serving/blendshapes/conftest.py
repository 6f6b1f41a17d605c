"""The scorer, once for all tests, and faces of real pictures cut out for it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from operators.align import align_many
from operators.detect import FaceDetector
from serving.blendshapes.scorer import BlendshapeScorer
from serving.store import ModelStore


@pytest.fixture(scope="session")
def task(weights: Path) -> bytes:
    return ModelStore(weights).read("face_landmarker")


@pytest.fixture(scope="session")
def scorer(task: bytes) -> BlendshapeScorer:
    return BlendshapeScorer(task)


@pytest.fixture(scope="session")
def five_faces(weights: Path, clips: Path) -> NDArray[np.uint8]:
    """Return the crops of the group photo, left to right; the third person does not smile."""
    picture = cv2.cvtColor(cv2.imread(str(clips / "multi_face_5.jpg")), cv2.COLOR_BGR2RGB)
    found = FaceDetector(ModelStore(weights).read("yunet")).detect(np.asarray(picture, np.uint8))
    largest = sorted(found, key=lambda face: face.size_px)[-5:]
    ordered = sorted(largest, key=lambda face: face.box_xyxy_px[0])
    return align_many(np.asarray(picture, np.uint8), [face.points_px for face in ordered], 256)
