"""Goal: each reason for abstaining comes when it should, in its order, and not before.

Method: a made-up textured face put into every bad condition; blur on real faces.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from operators.align import TEMPLATE, align
from operators.detect import Detection, FaceDetector
from operators.quality import QualityLimits, assess, reason_after_scoring
from schemas.names import AbstainReason

SHAPE = (480, 640, 3)


def detection(
    x: float = 320, y: float = 240, size: float = 160, score: float = 0.9, nose_dx: float = 0
) -> Detection:
    crop_px = size / 0.6
    points = (np.array(TEMPLATE) - 0.5) * crop_px + (x, y)
    points[2, 0] += nose_dx
    half = size / 2
    box = (x - half, y - half, x + half, y + half)
    return Detection(box, tuple((float(a), float(b)) for a, b in points), score)


def picture(level: float = 128, contrast: float = 60) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1, (240, 320, 3))
    noise = cv2.resize(cv2.GaussianBlur(noise, (0, 0), 1.0), (640, 480))
    return np.clip(level + contrast * noise / noise.std(), 0, 255).astype(np.uint8)


def reason(image: np.ndarray, face: Detection) -> AbstainReason | None:
    return assess(face, align(image, face.points_px, 256), image.shape).reason


def test_a_good_face_may_be_scored() -> None:
    face = detection()
    quality = assess(face, align(picture(), face.points_px, 256), SHAPE)
    assert quality.reason is None
    assert quality.size_px == 160
    assert abs(quality.brightness - 0.5) < 0.05
    assert quality.blur < 0.5
    assert abs(quality.yaw_deg) < 2


@pytest.mark.parametrize(
    ("image", "face", "expected"),
    [
        (picture(), detection(size=23), AbstainReason.TOO_SMALL),
        (picture(), detection(x=20), AbstainReason.CUT_OFF),
        (picture(8, 4), detection(), AbstainReason.TOO_DARK),
        (picture(250, 3), detection(), AbstainReason.TOO_BRIGHT),
        (cv2.GaussianBlur(picture(), (0, 0), 12), detection(), AbstainReason.BLURRED),
        (picture(), detection(nose_dx=140), AbstainReason.EXTREME_POSE),
        (picture(), detection(score=0.5), AbstainReason.OCCLUDED),
    ],
)
def test_each_bad_condition_is_named(
    image: np.ndarray, face: Detection, expected: AbstainReason
) -> None:
    assert reason(image, face) is expected


def test_the_first_reason_in_their_order_counts() -> None:
    dark = picture(8, 4)
    assert reason(dark, detection(size=20, score=0.5)) is AbstainReason.TOO_SMALL
    assert reason(dark, detection(score=0.5)) is AbstainReason.TOO_DARK


def test_a_quarter_of_the_box_may_lie_outside() -> None:
    assert reason(picture(), detection(x=41)) is None
    assert reason(picture(), detection(x=38)) is AbstainReason.CUT_OFF


def test_limits_can_be_set() -> None:
    face = detection(size=40)
    crop = align(picture(), face.points_px, 256)
    assert (
        assess(face, crop, SHAPE, QualityLimits(size_px_min=50)).reason is AbstainReason.TOO_SMALL
    )


def test_blur_does_not_depend_on_light_or_contrast() -> None:
    face = detection()
    bright, faint = (
        assess(face, align(image, face.points_px, 256), SHAPE).blur
        for image in (picture(150, 40), picture(90, 20))
    )
    assert abs(bright - faint) < 0.06


@pytest.mark.parametrize("size_px", [64, 112, 256])
def test_a_flat_crop_of_any_size_has_no_detail(size_px: int) -> None:
    crop = np.full((size_px, size_px, 3), 120, np.uint8)
    quality = assess(detection(), crop, SHAPE)
    assert quality.blur > 0.999
    assert quality.reason is AbstainReason.BLURRED


def test_a_model_that_sees_no_face_means_occlusion() -> None:
    assert reason_after_scoring(0.2) is AbstainReason.OCCLUDED
    assert reason_after_scoring(0.5) is None
    assert reason_after_scoring(0.2, QualityLimits(confidence_min=0.1)) is None


def gaussian(image: np.ndarray, face_px: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 0.07 * face_px)


def smeared(image: np.ndarray, face_px: float) -> np.ndarray:
    return cv2.blur(image, (round(0.35 * face_px), 1))


@pytest.mark.parametrize("spoil", [gaussian, smeared])
def test_real_faces_are_sharp_until_they_are_blurred(
    clips: Path, weights: Path, spoil: Callable[[np.ndarray, float], np.ndarray]
) -> None:
    detector = FaceDetector((weights / "face_detection_yunet_2023mar.onnx").read_bytes())
    photo = cv2.cvtColor(cv2.imread(str(clips / "multi_face_5.jpg")), cv2.COLOR_BGR2RGB)
    for face in detector.detect(photo, 640):
        assert reason(photo, face) is None
        assert reason(spoil(photo, face.size_px), face) is AbstainReason.BLURRED
