"""Goal: detections come out in pixels of the picture given, from the very bytes given.

Method: the true detector on real clips scaled and shifted; pure geometry on made-up boxes.
"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from operators.detect import (
    Detection,
    DetectorSettings,
    FaceDetector,
    area,
    geometry,
    iou,
    scale_for,
    visible_share,
)
from schemas.errors import ModelAlteredError

POINTS = ((1.0, 1.0), (3.0, 1.0), (2.0, 2.0), (1.0, 3.0), (3.0, 3.0))


@pytest.fixture(scope="module")
def detector(weights: Path) -> FaceDetector:
    return FaceDetector((weights / "face_detection_yunet_2023mar.onnx").read_bytes())


@pytest.fixture(scope="module")
def photo(clips: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(clips / "multi_face_5.jpg")), cv2.COLOR_BGR2RGB)


def test_five_faces_of_a_group_are_found(detector: FaceDetector, photo: np.ndarray) -> None:
    faces = detector.detect(photo, 640)
    assert len(faces) == 5
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)
    assert all(60 < face.size_px < 130 for face in faces)


def test_boxes_are_in_pixels_of_the_picture_whatever_the_scale(
    detector: FaceDetector, photo: np.ndarray
) -> None:
    def middles(side_px: int) -> np.ndarray:
        faces = detector.detect(photo, side_px)
        return np.array(sorted(geometry(f.box_xyxy_px)[:2] for f in faces))

    assert np.abs(middles(500) - middles(1000)).max() < 8


def test_the_five_points_lie_where_their_names_say(
    detector: FaceDetector, photo: np.ndarray
) -> None:
    for face in detector.detect(photo, 640):
        right_eye, left_eye, nose, right_mouth, left_mouth = face.points_px
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_colours_are_taken_as_rgb(detector: FaceDetector, photo: np.ndarray) -> None:
    as_rgb = sum(face.score for face in detector.detect(photo, 640))
    as_bgr = sum(face.score for face in detector.detect(photo[:, :, ::-1].copy(), 640))
    assert as_rgb != as_bgr


def test_averaging_answers_lets_points_jitter_less(
    weights: Path, detector: FaceDetector, photo: np.ndarray
) -> None:
    alone = FaceDetector(detector.weights, DetectorSettings(vote_iou=0.999))

    def jitter(one: FaceDetector) -> float:
        seen = []
        for shift in range(8):  # the same face on other places of the network's grid
            faces = one.detect(photo[shift : 600 + shift, shift : 900 + shift], 640)
            best = min(faces, key=lambda face: face.box_xyxy_px)
            seen.append(np.array(best.points_px) + shift)
        return float(np.std(seen, axis=0).mean())

    assert jitter(detector) < jitter(alone)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (33, 17), (5, 4096)])
def test_odd_shapes_are_searched_without_complaint(
    detector: FaceDetector, shape: tuple[int, int]
) -> None:
    assert detector.detect(np.zeros((*shape, 3), np.uint8), 640) == []


def test_pictures_are_enlarged_and_reduced_within_bounds() -> None:
    assert scale_for(1280, 640) == 0.5
    assert scale_for(100, 640) == 4.0
    assert scale_for(1000, None) == 1.0
    assert scale_for(8192, None) == 0.5


def test_weights_that_are_no_model_are_refused_with_the_remedy() -> None:
    with pytest.raises(ModelAlteredError, match="facestate models fetch"):
        FaceDetector(b"not a model" * 50)


def test_loading_says_nothing_and_leaves_threads_as_they_were(weights: Path) -> None:
    program = (
        "import sys, pathlib, cv2; cv2.setNumThreads(3)\n"
        "from operators.detect import FaceDetector\n"
        "FaceDetector(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "sys.exit(cv2.getNumThreads() != 3)"
    )
    path = str(weights / "face_detection_yunet_2023mar.onnx")
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_overlap_of_boxes_is_a_share_of_what_they_cover_together() -> None:
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert iou((0, 0, 2, 2), (2, 0, 3, 2)) == 0.0
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1.0


def test_the_visible_share_counts_what_lies_in_the_picture() -> None:
    assert visible_share((-5, 0, 5, 10), (100, 100, 3)) == 0.5
    assert visible_share((10, 10, 20, 20), (100, 100, 3)) == 1.0
    assert visible_share((200, 0, 210, 10), (100, 100, 3)) == 0.0


def test_a_turned_box_has_no_area() -> None:
    assert area((5, 5, 1, 1)) == 0.0


def test_a_detection_moves_as_a_whole() -> None:
    moved = Detection((0, 0, 4, 4), POINTS, 0.9).moved(10, 20)
    assert moved.box_xyxy_px == (10, 20, 14, 24)
    assert moved.points_px[2] == (12, 22)
    assert moved.score == 0.9


def test_a_detection_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="5 points"):
        Detection((0, 0, 4, 4), POINTS[:4], 0.9)  # type: ignore[arg-type]
