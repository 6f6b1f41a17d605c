"""The search for faces: where in a frame to look, how closely, and what to believe."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from operators.detect import Box, Detection, geometry, iou, visible_share
from schemas.media import Image


class Detector(Protocol):
    """Whatever finds faces in one picture."""

    def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Detection]:
        """Find faces in the picture scaled to this longer side."""


@dataclass(frozen=True, slots=True)
class FindSettings:
    """How often, how closely and how sceptically to look.

    A new face must score `new_score_min` on the average of looks at several scales. Of a thousand
    looks at real faces (also noisy, dark, bright, halved) 995 reach 0.84; a dog that scores up to
    0.86 in one look never exceeds 0.66.

    The points come from a closer look of their own: on faces scaled to 72 px the detector sees
    only a third of a head's tilt, at 176 px five sixths.
    """

    full_search_s: float = 1.0
    idle_search_s: float = 0.4  # where no face is expected
    retry_search_s: float = 0.2  # where an expected face is missing
    detail_search_s: float = 4.0  # for small faces in large pictures
    side_px: int = 640
    detail_side_px: int = 1280
    detail_gain_min: float = 1.3  # below it the closer search sees little more
    look_face_px: float = 72.0  # an expected face is scaled to this size
    second_look_face_px: float = 44.0  # at which small noisy faces are found best
    new_look_faces_px: tuple[float, ...] = (36.0, 40.0, 44.0, 48.0, 64.0)
    look_side_px: float = 192.0  # 2.7 faces at `look_face_px`
    points_look_face_px: float = 176.0
    points_look_side_px: float = 246.0  # 1.4 faces
    upscale_max: float = 2.0
    points_upscale_max: float = 3.0
    points_iou_min: float = 0.6
    points_score_min: float = 0.75
    points_shift_max: float = 0.09  # mean shift in face sizes; real ones reach 0.06, strays 0.11
    candidate_score_min: float = 0.6
    new_score_min: float = 0.75
    expected_score_min: float = 0.5
    nms_iou: float = 0.4
    near_faces: float = 0.9  # how far from its place an expected face may be, in face sizes
    size_ratio_max: float = 2.0
    aspect_max: float = 2.5
    visible_share_min: float = 0.4
    face_px_min: float = 8.0
    faces_max: int = 32


DEFAULTS = FindSettings()


@dataclass(frozen=True, slots=True)
class FindState:
    """When the whole picture was searched last, in media time; None before the first time."""

    whole_search_ms: float | None = None
    detail_search_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON values."""
        return {
            "whole_search_ms": self.whole_search_ms,
            "detail_search_ms": self.detail_search_ms,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "FindState":
        """Return the state that `to_json` described."""
        return cls(values["whole_search_ms"], values["detail_search_ms"])


def find_faces(
    state: FindState,
    image: Image,
    pts_ms: float,
    expected: Sequence[Box],
    detector: Detector,
    settings: FindSettings = DEFAULTS,
    *,
    is_cut: bool = False,
) -> tuple[FindState, list[Detection], bool]:
    """Find the faces of one RGB frame; returns the state, the faces, and whether all was searched.

    `expected` holds the boxes where tracked faces should be now: each is looked for close by, at
    a scale of its own. The whole picture is searched when its time has come, on the first frame,
    after a cut (`is_cut`, where nothing is expected), and when an expected face is missing.
    Faces come from left to right, at most `faces_max`.
    """
    expected = () if is_cut else tuple(expected)[: settings.faces_max]
    looks = [_look_near(image, box, detector, settings) for box in expected]
    missing = [box for box, face in zip(expected, looks, strict=True) if face is None]
    faces = [face for face in looks if face is not None]
    wait_s = _wait_s(bool(expected), bool(missing), settings)
    is_due = is_cut or _is_due(state.whole_search_ms, pts_ms, wait_s)
    if is_due:
        state, candidates = _search_whole(state, image, pts_ms, detector, settings)
        faces += _believed(image, candidates, faces, missing, detector, settings)
    kept = _suppressed(faces, settings)[: settings.faces_max]
    precise = [_with_precise_points(image, face, detector, settings) for face in kept]
    return state, sorted(precise, key=lambda face: face.box_xyxy_px), is_due


def _wait_s(is_any_expected: bool, is_any_missing: bool, settings: FindSettings) -> float:
    if is_any_missing:
        return settings.retry_search_s
    return settings.full_search_s if is_any_expected else settings.idle_search_s


def _is_due(last_ms: float | None, pts_ms: float, wait_s: float) -> bool:
    # Media time that went back belongs to another epoch: the last search says nothing about it.
    return last_ms is None or not 0.0 <= pts_ms - last_ms < wait_s * 1000.0 - 1.0


def _search_whole(
    state: FindState, image: Image, pts_ms: float, detector: Detector, settings: FindSettings
) -> tuple[FindState, list[Detection]]:
    long_side_px = max(image.shape[:2])
    side_px = min(settings.side_px, round(long_side_px * settings.upscale_max))
    found = list(detector.detect(image, side_px))
    detail_ms = state.detail_search_ms
    is_large = long_side_px >= settings.detail_gain_min * settings.side_px
    if is_large and _is_due(detail_ms, pts_ms, settings.detail_search_s):
        found += detector.detect(image, min(settings.detail_side_px, long_side_px))
        detail_ms = pts_ms
    plausible = [face for face in found if _is_plausible(face, image, settings)]
    return FindState(pts_ms, detail_ms), _suppressed(plausible, settings)


def _believed(
    image: Image,
    candidates: list[Detection],
    faces: list[Detection],
    missing: list[Box],
    detector: Detector,
    settings: FindSettings,
) -> list[Detection]:
    """Return the candidates that are neither known already nor refuted by closer looks."""
    believed: list[Detection] = []
    unknown = [face for face in candidates if not _is_among(face, faces, settings)]
    for face in unknown[: settings.faces_max]:
        if any(_is_near(face, box, settings) for box in missing):
            believed.append(face)
        elif face.score >= settings.candidate_score_min:
            confirmed = _confirmed(image, face, detector, settings)
            believed += [confirmed] if confirmed is not None else []
    return believed


def _confirmed(
    image: Image, face: Detection, detector: Detector, settings: FindSettings
) -> Detection | None:
    """Look again at several scales: a face is one at each, a likeness only at some."""
    sizes_px = settings.new_look_faces_px
    looks = [_look(image, face.box_xyxy_px, px, detector, settings) for px in sizes_px]
    score = sum(look.score for look in looks if look is not None) / len(looks)
    if score < settings.new_score_min:
        return None
    # The closest look has the most precise points.
    return next((look for look in reversed(looks) if look is not None), face)


def _look_near(
    image: Image, box: Box, detector: Detector, settings: FindSettings
) -> Detection | None:
    for face_px in (settings.look_face_px, settings.second_look_face_px):
        face = _look(image, box, face_px, detector, settings)
        if face is not None:
            return face
    return None


def _look(
    image: Image, box: Box, face_px: float, detector: Detector, settings: FindSettings
) -> Detection | None:
    """Look for the face of `box` in a part of the picture where it comes out at `face_px`."""
    side_px, upscale = settings.look_side_px, settings.upscale_max
    near = [
        face
        for face in _seen_in_part(image, box, face_px, side_px, upscale, detector, settings)
        if face.score >= settings.expected_score_min
        and _is_near(face, box, settings)
        and _is_plausible(face, image, settings)
    ]
    return min(near, key=lambda face: (_distance(face, box), -face.score), default=None)


def _with_precise_points(
    image: Image, face: Detection, detector: Detector, settings: FindSettings
) -> Detection:
    """Return the face with the points of a closer look, or as it is where that sees nothing."""
    box, face_px = face.box_xyxy_px, settings.points_look_face_px
    side_px, upscale = settings.points_look_side_px, settings.points_upscale_max
    seen = _seen_in_part(image, box, face_px, side_px, upscale, detector, settings)
    best = max(seen, key=lambda other: iou(other.box_xyxy_px, box), default=face)
    is_same = iou(best.box_xyxy_px, box) >= settings.points_iou_min
    shifts = [math.dist(a, b) for a, b in zip(best.points_px, face.points_px, strict=True)]
    is_stray = sum(shifts) / len(shifts) > settings.points_shift_max * geometry(box)[2]
    if not is_same or is_stray or best.score < settings.points_score_min:
        return face
    return replace(face, points_px=best.points_px)


def _seen_in_part(
    image: Image,
    box: Box,
    face_px: float,
    side_px: float,
    upscale_max: float,
    detector: Detector,
    settings: FindSettings,
) -> list[Detection]:
    """Detect in the square around `box` that is `side_px` wide where the face is `face_px`."""
    x, y, size_px = geometry(box)
    if size_px <= 0.0:
        return []
    half_px = side_px / face_px * size_px / 2
    height_px, width_px = image.shape[:2]
    x1, x2 = (round(min(max(v, 0.0), width_px)) for v in (x - half_px, x + half_px))
    y1, y2 = (round(min(max(v, 0.0), height_px)) for v in (y - half_px, y + half_px))
    if min(x2 - x1, y2 - y1) < settings.face_px_min:
        return []
    scale = min(face_px / size_px, upscale_max)
    long_side_px = max(1, round(max(x2 - x1, y2 - y1) * scale))
    found = detector.detect(image[y1:y2, x1:x2], long_side_px)
    return [face.moved(x1, y1) for face in found]


def _distance(face: Detection, box: Box) -> float:
    """Return how far a face is from a box, in sizes of the box."""
    (x, y, _), (box_x, box_y, box_px) = geometry(face.box_xyxy_px), geometry(box)
    return float(((x - box_x) ** 2 + (y - box_y) ** 2) ** 0.5) / box_px


def _is_near(face: Detection, box: Box, settings: FindSettings) -> bool:
    ratio = geometry(face.box_xyxy_px)[2] / max(geometry(box)[2], 1e-9)
    is_alike = 1.0 / settings.size_ratio_max <= ratio <= settings.size_ratio_max
    return is_alike and _distance(face, box) <= settings.near_faces


def _is_plausible(face: Detection, image: Image, settings: FindSettings) -> bool:
    x1, y1, x2, y2 = face.box_xyxy_px
    width_px, height_px = x2 - x1, y2 - y1
    if min(width_px, height_px) < settings.face_px_min:
        return False
    if max(width_px, height_px) > settings.aspect_max * min(width_px, height_px):
        return False
    return visible_share(face.box_xyxy_px, image.shape) >= settings.visible_share_min


def _is_among(face: Detection, faces: Sequence[Detection], settings: FindSettings) -> bool:
    return any(iou(face.box_xyxy_px, other.box_xyxy_px) > settings.nms_iou for other in faces)


def _suppressed(faces: Sequence[Detection], settings: FindSettings) -> list[Detection]:
    """Return the faces by falling score, without those that overlap a better one."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: (-face.score, face.box_xyxy_px)):
        if not _is_among(face, kept, settings):
            kept.append(face)
    return kept
