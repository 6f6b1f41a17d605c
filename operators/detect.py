"""The face detector: YuNet through OpenCV, from weights given as bytes."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelAlteredError
from schemas.media import Image

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]  # x1, y1, x2, y2
Point = tuple[float, float]

UPSCALE_MAX = 4.0  # beyond this, enlarging adds nothing that the detector could use
SIDE_PX_MAX = 4096


@dataclass(frozen=True, slots=True)
class Detection:
    """One face in pixels of the whole picture; parts of the box may lie outside it.

    points_px: right eye, left eye, nose tip, right and left mouth corner, where right means the
    person's own right, which is on the left of the picture. score: the detector's, in [0, 1].
    """

    box_xyxy_px: Box
    points_px: tuple[Point, Point, Point, Point, Point]
    score: float

    def __post_init__(self) -> None:
        if len(self.box_xyxy_px) != 4 or len(self.points_px) != 5:
            raise ValueError("a detection has 4 box edges and 5 points")

    @property
    def size_px(self) -> float:
        """Return the shorter side of the box."""
        x1, y1, x2, y2 = self.box_xyxy_px
        return min(x2 - x1, y2 - y1)

    def moved(self, dx_px: float, dy_px: float) -> "Detection":
        """Return the detection shifted, as from a part of a picture to the whole."""
        x1, y1, x2, y2 = self.box_xyxy_px
        right_eye, left_eye, nose, right_mouth, left_mouth = (
            (x + dx_px, y + dy_px) for x, y in self.points_px
        )
        return Detection(
            (x1 + dx_px, y1 + dy_px, x2 + dx_px, y2 + dy_px),
            (right_eye, left_eye, nose, right_mouth, left_mouth),
            self.score,
        )


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How the network's raw answers, several for each face, are made into faces.

    Answers that overlap the best one of a face by `vote_iou` are averaged with it, weighted by
    score: on still faces the points then jitter half as much as the best answer's own.
    """

    score_min: float = 0.4
    nms_iou: float = 0.3
    vote_iou: float = 0.5
    answers_max: int = 2000
    faces_max: int = 64


@dataclass(slots=True)
class FaceDetector:
    """YuNet (2023mar) in OpenCV; one instance serves one thread at a time.

    Runs on as many threads as OpenCV is set to. Raises ModelAlteredError where `weights` are not
    an ONNX model that OpenCV can read; their hash is for the caller to check.
    Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023.
    """

    weights: bytes = field(repr=False)
    settings: DetectorSettings = DetectorSettings()
    _net: cv2.FaceDetectorYN = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._net = _load(self.weights, self.settings)

    def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Detection]:
        """Find faces in an RGB picture scaled so that its longer side is `side_px`.

        None takes the picture as it is. Pictures are enlarged at most `UPSCALE_MAX` times and
        looked at with at most `SIDE_PX_MAX` pixels a side. Faces found best are between about 20
        and 300 px after scaling. Ordered by falling score.
        """
        height_px, width_px = image_rgb.shape[:2]
        scale = scale_for(max(height_px, width_px), side_px)
        size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
        picture = cv2.cvtColor(_resized(image_rgb, size), cv2.COLOR_RGB2BGR)
        self._net.setInputSize(size)
        _, rows = self._net.detect(picture)
        if rows is None:
            return []
        factors = (width_px / size[0], height_px / size[1])
        answers = np.asarray(rows, np.float64)
        answers = answers[np.isfinite(answers).all(axis=1)]
        return [_detection(row, *factors) for row in _merged(answers, self.settings)]


def scale_for(long_side_px: int, side_px: int | None) -> float:
    """Return the factor by which a picture of this longer side is scaled before detection."""
    wanted = long_side_px if side_px is None else side_px
    return min(wanted / long_side_px, UPSCALE_MAX, SIDE_PX_MAX / long_side_px)


def _load(weights: bytes, settings: DetectorSettings) -> cv2.FaceDetectorYN:
    # OpenCV 5 warns on stderr about a target nobody chose; a command's stderr is for its user.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.FaceDetectorYN.create(
            "onnx",
            np.frombuffer(weights, np.uint8),
            np.zeros(0, np.uint8),
            (320, 320),
            settings.score_min,
            1.0,  # overlapping answers are kept; they are merged here
            settings.answers_max,
        )
    except cv2.error as error:
        raise ModelAlteredError(
            "detect", "the face detector's weights cannot be read", f"{len(weights)} bytes",
            "run `facestate models fetch`",
        ) from error  # fmt: skip
    finally:
        cv2.utils.logging.setLogLevel(level)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    if size == (image.shape[1], image.shape[0]):
        return image
    is_smaller = size[0] < image.shape[1]
    method = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _merged(answers: Floats, settings: DetectorSettings) -> list[Floats]:
    """Return one row per face from rows of x, y, width, height, 5 × (x, y) and score."""
    left = answers[np.argsort(-answers[:, 14], kind="stable")]
    faces: list[Floats] = []
    for _ in range(settings.faces_max):
        if not len(left):
            break
        overlap = _overlap(left[0], left)
        votes = left[overlap >= settings.vote_iou]
        face = np.average(votes, axis=0, weights=votes[:, 14])
        face[14] = left[0, 14]
        faces.append(face)
        left = left[1:][overlap[1:] < settings.nms_iou]
    return faces


def _overlap(one: Floats, rows: Floats) -> Floats:
    low = np.maximum(one[:2], rows[:, :2])
    high = np.minimum(one[:2] + one[2:4], rows[:, :2] + rows[:, 2:4])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    together = one[2] * one[3] + rows[:, 2] * rows[:, 3] - shared
    return np.asarray(shared / np.maximum(together, 1e-9))


def _detection(row: Floats, x_factor: float, y_factor: float) -> Detection:
    x, y, width, height = (float(v) for v in row[:4])
    box = (x * x_factor, y * y_factor, (x + width) * x_factor, (y + height) * y_factor)
    right_eye, left_eye, nose, right_mouth, left_mouth = (
        (float(px) * x_factor, float(py) * y_factor) for px, py in row[4:14].reshape(5, 2)
    )
    points = (right_eye, left_eye, nose, right_mouth, left_mouth)
    return Detection(box, points, min(max(float(row[14]), 0.0), 1.0))


def iou(one: Box, other: Box) -> float:
    """Return the area that two boxes share, as a part of what they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    shared = width * height
    return shared / (area(one) + area(other) - shared)


def area(box: Box) -> float:
    """Return a box's area in square pixels, 0 where it is turned inside out."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def geometry(box: Box) -> tuple[float, float, float]:
    """Return the middle x, middle y and size (root of the area) of a box, in pixels."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, math.sqrt(area(box))


def visible_share(box: Box, image_shape: tuple[int, ...]) -> float:
    """Return the part of a box's area that lies inside a picture of this shape."""
    inside = (
        max(box[0], 0.0), max(box[1], 0.0),
        min(box[2], float(image_shape[1])), min(box[3], float(image_shape[0])),
    )  # fmt: skip
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        return 0.0
    return area(inside) / area(box)
