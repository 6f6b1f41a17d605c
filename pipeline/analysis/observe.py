"""From a decoded frame to faces to be scored: find, follow, admit, judge, cut out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from operators import cuts, find, policy, quality, tracks
from operators.align import align
from operators.detect import Box, FaceDetector
from operators.policy import Candidate, Decision, GateState
from operators.tracks import TrackedFace
from pipeline.analysis.stream_state import StreamState
from schemas.media import DecodedFrame, Image
from schemas.names import Policy
from schemas.registration import Registration

# A crop shows more than its face. Skipped faces are blackened before any crop is cut, their boxes
# grown by this part of their sides, so that nothing of them comes along in a neighbour's crop.
HIDDEN_MARGIN = 0.1
# Masks kept, one per registration and size of picture.
SHOWN_PARTS_MAX = 8


@dataclass(frozen=True, slots=True)
class Looking:
    """What looking at frames needs: the detector, the registration and the operators' settings."""

    detector: FaceDetector
    registration: Registration
    crop_size_px: int
    search: find.FindSettings
    tracking: tracks.TrackerSettings
    limits: quality.QualityLimits


@dataclass(frozen=True, slots=True)
class SeenFace:
    """One tracked face on one frame, of which `frame` tells number and time but has no image.

    `crop` is None, and so is `judged`, where policy skips the face: its pixels are not cut out.
    `crop` is also None where the face is abstained from.
    """

    frame: DecodedFrame
    time_ms: int
    tracked: TrackedFace
    decision: Decision
    judged: quality.Quality | None
    crop: NDArray[np.uint8] | None


def observe(
    state: StreamState, frame: DecodedFrame, time_ms: int, looking: Looking
) -> tuple[StreamState, list[SeenFace]]:
    """Return the tracked faces of one frame and the state after it; `frame.image` must be there.

    `time_ms` is event time, which never goes back within a stream.
    """
    image = frame.image
    assert image is not None, frame
    cut_state, is_cut = cuts.step(state.cuts, image)
    expected = tracks.predict(state.tracker, time_ms, looking.tracking)
    boxes = [box for _, box in expected]
    search, detections, _ = find.find_faces(
        state.search, image, time_ms, boxes, looking.detector, looking.search, is_cut=is_cut
    )
    tracker, followed = tracks.step(state.tracker, detections, time_ms, is_cut, looking.tracking)
    live = tracks.live_ids(tracker)
    gate, decisions = policy.admit(
        state.gate, _candidates(followed, image), looking.registration, time_ms, live
    )
    admitted = [
        face.detection.box_xyxy_px
        for face in followed
        if decisions[face.track_id].policy is not Policy.SKIP
    ]
    shown = image
    if admitted:  # nothing is cut out where nobody is
        expected = tracks.predict(tracker, time_ms, looking.tracking)
        skipped = _skipped(expected, gate, decisions, image, looking)
        shown = _hide(image, looking.registration, skipped, admitted)
    # Faces wait for the scorer in batches; their pictures must not wait with them.
    bare = replace(frame, image=None)
    seen = [
        _look(bare, shown, time_ms, tracked, decisions[tracked.track_id], looking)
        for tracked in followed
    ]
    state = replace(state, cuts=cut_state, search=search, tracker=tracker, gate=gate)
    return state, seen


def _candidates(followed: Sequence[TrackedFace], image: Image) -> list[Candidate]:
    return [
        Candidate(face.track_id, _fraction(face.detection.box_xyxy_px, image)) for face in followed
    ]


def _fraction(box: Box, image: Image) -> Box:
    height, width = image.shape[:2]
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _skipped(
    expected: Sequence[tuple[str, Box]],
    gate: GateState,
    decisions: Mapping[str, Decision],
    image: Image,
    looking: Looking,
) -> list[Box]:
    """Return the boxes of faces that policy skips, also unconfirmed and briefly unseen ones."""

    def is_skipped(track_id: str, box: Box) -> bool:
        if track_id in decisions:
            return decisions[track_id].policy is Policy.SKIP
        # Not seen on this frame, or not believed yet: only who was admitted before may show.
        known = gate.tracks.get(track_id)
        if known is None or not known.is_admitted:
            return True
        return policy.decide(looking.registration, _fraction(box, image)).policy is Policy.SKIP

    return [box for track_id, box in expected if is_skipped(track_id, box)]


def _hide(
    image: Image, registration: Registration, skipped: Sequence[Box], admitted: Sequence[Box]
) -> Image:
    """Return the picture with everything black that no face in it may be scored from.

    Black are the parts that belong to no region or to one whose policy skips, whether a face was
    found there or not, except under an admitted face's own box; and always the boxes of skipped
    faces. The picture itself where nothing is hidden. Where several people share a region, a face
    that the detector has not found cannot be told from the background.
    """
    shown = _shown_parts(image.shape[0], image.shape[1], registration)
    if shown is None and not skipped:
        return image
    shown = np.full(image.shape[:2], 255, np.uint8) if shown is None else shown.copy()
    for box in admitted:
        shown[_slices(box, 0.0, image)] = 255
    for box in skipped:
        shown[_slices(box, HIDDEN_MARGIN, image)] = 0
    return np.asarray(cv2.bitwise_and(image, image, mask=shown), np.uint8)


@lru_cache(maxsize=SHOWN_PARTS_MAX)
def _shown_parts(height: int, width: int, registration: Registration) -> NDArray[np.uint8] | None:
    """Return 255 where faces may be scored and 0 elsewhere, uint8 [H, W]; None for everywhere."""
    shown = np.zeros((height, width), np.uint8)
    for region in reversed(registration.regions):  # the first region that holds a point counts
        x1, y1, x2, y2 = region.box
        box = (x1 * width, y1 * height, x2 * width, y2 * height)
        is_skipped = policy.policy_of(registration, region) is Policy.SKIP
        shown[_slices(box, 0.0, shown)] = 0 if is_skipped else 255
    return None if shown.all() else shown


def _slices(box: Box, margin: float, image: NDArray[Any]) -> tuple[slice, slice]:
    """Return rows and columns of a box grown by `margin` of its sides, within the picture."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    dx, dy = margin * (x2 - x1), margin * (y2 - y1)
    left, right = (round(min(max(v, 0.0), width)) for v in (x1 - dx, x2 + dx))
    top, bottom = (round(min(max(v, 0.0), height)) for v in (y1 - dy, y2 + dy))
    return slice(top, bottom), slice(left, right)


def _look(
    frame: DecodedFrame,
    image: Image,
    time_ms: int,
    tracked: TrackedFace,
    decision: Decision,
    looking: Looking,
) -> SeenFace:
    if decision.policy is Policy.SKIP:
        return SeenFace(frame, time_ms, tracked, decision, None, None)
    crop = align(image, tracked.detection.points_px, looking.crop_size_px)
    judged = quality.assess(tracked.detection, crop, image.shape, looking.limits)
    return SeenFace(
        frame, time_ms, tracked, decision, judged, crop if judged.reason is None else None
    )
