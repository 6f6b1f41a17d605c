"""From a decoded frame to faces to be scored: find, follow, admit, judge, cut out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from operators import cuts, find, policy, quality, tracks
from operators.align import align
from operators.detect import FaceDetector
from operators.policy import Candidate, Decision
from operators.tracks import TrackedFace
from pipeline.stream_state import StreamState
from schemas.media import DecodedFrame, Image
from schemas.names import Policy
from schemas.registration import Registration


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
    """One tracked face on one frame.

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
    expected = [box for _, box in tracks.predict(state.tracker, time_ms, looking.tracking)]
    search, detections, _ = find.find_faces(
        state.search, image, time_ms, expected, looking.detector, looking.search, is_cut=is_cut
    )
    tracker, followed = tracks.step(state.tracker, detections, time_ms, is_cut, looking.tracking)
    live = tracks.live_ids(tracker)
    gate, decisions = policy.admit(
        state.gate, _candidates(followed, image), looking.registration, time_ms, live
    )
    seen = [
        _look(frame, time_ms, tracked, decisions[tracked.track_id], looking) for tracked in followed
    ]
    state = replace(state, cuts=cut_state, search=search, tracker=tracker, gate=gate)
    return state, seen


def _candidates(followed: Sequence[TrackedFace], image: Image) -> list[Candidate]:
    height, width = image.shape[:2]
    scale = np.array([width, height, width, height], dtype=np.float64)
    return [
        Candidate(face.track_id, tuple(np.array(face.detection.box_xyxy_px) / scale))
        for face in followed
    ]


def _look(
    frame: DecodedFrame, time_ms: int, tracked: TrackedFace, decision: Decision, looking: Looking
) -> SeenFace:
    if decision.policy is Policy.SKIP:
        return SeenFace(frame, time_ms, tracked, decision, None, None)
    assert frame.image is not None
    crop = align(frame.image, tracked.detection.points_px, looking.crop_size_px)
    judged = quality.assess(tracked.detection, crop, frame.image.shape, looking.limits)
    return SeenFace(
        frame, time_ms, tracked, decision, judged, crop if judged.reason is None else None
    )
