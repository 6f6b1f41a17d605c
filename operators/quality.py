"""Quality: judges whether a face is seen well enough to be scored."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from operators.align import TEMPLATE, similarity
from operators.detect import Detection, visible_share
from operators.pose import Pose, pose_of
from schemas.media import Image
from schemas.names import AbstainReason

Floats = NDArray[np.float32]

# The part of an aligned crop that holds brows to mouth, as fractions of its side.
INNER = (0.22, 0.78)
# Blur is judged where the crop has this side: what is finer matters to no model here.
JUDGED_SIDE_PX = 64
# Second differences over contrast of a face at its sharpest; real ones lie between 0.22 and 0.50.
SHARP = 0.40


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """The limits beyond which a face is not scored.

    blur_max: faces of real clips reach 0.56 (31 px in a palette GIF, 80 px in quick motion); the
    same ones blurred by 6 % of the face's width or smeared over 30 % of it begin at 0.72.
    """

    size_px_min: float = 24.0
    outside_share_max: float = 0.25
    brightness_min: float = 0.08
    brightness_max: float = 0.95
    blur_max: float = 0.63
    yaw_deg_max: float = 60.0
    pitch_deg_max: float = 45.0
    score_min: float = 0.6
    confidence_min: float = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face is seen; `reason` is None where it may be scored.

    blur: 0 sharp to 1 no detail, relative to the size the face really has. brightness: mean luma,
    0 to 1. Angles as in `Pose`. size_px: shorter side of the box.
    """

    blur: float
    brightness: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    size_px: float
    reason: AbstainReason | None


DEFAULTS = QualityLimits()


def assess(
    detection: Detection,
    crop: Image,
    image_shape: tuple[int, ...],
    limits: QualityLimits = DEFAULTS,
) -> Quality:
    """Judge a face by its detection and its crop from `align`, uint8 RGB [S, S, 3].

    The first reason in the order of `AbstainReason` counts.
    """
    side_px = crop.shape[0]
    low, high = (round(side_px * edge) for edge in INNER)
    inner = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[low : max(high, low + 1), low : max(high, 1)]
    luma = np.asarray(inner, np.float32)
    blur = _blur(luma, _true_side_px(detection, side_px) * (INNER[1] - INNER[0]))
    brightness = float(luma.mean()) / 255.0
    pose = pose_of(detection.points_px)
    visible = visible_share(detection.box_xyxy_px, image_shape)
    reason = _reason(detection, visible, brightness, blur, pose, limits)
    return Quality(
        blur, brightness, pose.yaw_deg, pose.pitch_deg, pose.roll_deg, detection.size_px, reason
    )


def reason_after_scoring(
    confidence: float, limits: QualityLimits = DEFAULTS
) -> AbstainReason | None:
    """Return why a scored face is not believed: the model itself sees no free face there."""
    return None if confidence >= limits.confidence_min else AbstainReason.OCCLUDED


def _reason(
    detection: Detection,
    visible: float,
    brightness: float,
    blur: float,
    pose: Pose,
    limits: QualityLimits,
) -> AbstainReason | None:
    is_extreme = (
        abs(pose.yaw_deg) > limits.yaw_deg_max or abs(pose.pitch_deg) > limits.pitch_deg_max
    )
    checks = (
        (detection.size_px < limits.size_px_min, AbstainReason.TOO_SMALL),
        (visible < 1.0 - limits.outside_share_max, AbstainReason.CUT_OFF),
        (brightness < limits.brightness_min, AbstainReason.TOO_DARK),
        (brightness > limits.brightness_max, AbstainReason.TOO_BRIGHT),
        (blur > limits.blur_max, AbstainReason.BLURRED),
        (is_extreme, AbstainReason.EXTREME_POSE),
        (detection.score < limits.score_min, AbstainReason.OCCLUDED),
    )
    return next((reason for is_so, reason in checks if is_so), None)


def _true_side_px(detection: Detection, side_px: int) -> float:
    """Return how many pixels of the picture one side of the crop covers, at most the crop's."""
    matrix = similarity(detection.points_px, np.asarray(TEMPLATE) * side_px)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return side_px / max(scale, 1.0)


def _blur(luma: Floats, true_px: float) -> float:
    """Return the lack of fine detail, brought to a size that the picture really resolves.

    The axis with less detail counts, so that a smear in one direction is found. Second
    differences are divided by contrast, so that light and skin do not matter.
    """
    judged_px = JUDGED_SIDE_PX * (INNER[1] - INNER[0])
    side_px = max(4, round(min(judged_px, true_px, luma.shape[0])))
    small = cv2.resize(luma, (side_px, side_px), interpolation=cv2.INTER_AREA)
    detail = min(float(np.sqrt(np.mean(np.diff(small, 2, axis=axis) ** 2))) for axis in (0, 1))
    sharpness = detail / (float(small.std()) + 1.0)
    return min(max(1.0 - sharpness / SHARP, 0.0), 1.0)
