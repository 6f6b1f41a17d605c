"""The tracker: follows each face of a stream from frame to frame by place, motion and size."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from operators.assign import assign
from operators.detect import Box, Detection, geometry, iou


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How far a face may move, and how long it may be gone. Distances are in face sizes.

    A face is confirmed by its second sighting, or at once by a score of `sure_score_min`, so that
    a still picture has faces too.
    """

    timeout_s: float = 1.0
    sure_score_min: float = 0.8
    reach_faces: float = 0.8
    reach_faces_per_s: float = 1.2
    reach_faces_max: float = 2.0
    growth_max: float = 0.45  # of the logarithm of the size
    growth_per_s: float = 0.7
    growth_limit: float = 1.1
    unmatched_cost: float = 4.0
    velocity_tau_s: float = 0.3  # how quickly the speed follows what is seen
    coast_tau_s: float = 0.3  # how quickly a face out of sight is believed to stop
    tracks_max: int = 64


DEFAULTS = TrackerSettings()


@dataclass(frozen=True, slots=True)
class Track:
    """One face as last seen; speeds in px/s, and per second for the logarithm of the size."""

    track_id: str
    box_xyxy_px: Box
    started_ms: float
    seen_ms: float
    is_confirmed: bool
    x_speed_px: float = 0.0
    y_speed_px: float = 0.0
    growth_per_s: float = 0.0

    def box_at(self, time_ms: float, settings: TrackerSettings) -> Box:
        """Return where the face should be at a later time; its motion dies away unseen."""
        tau_s = settings.coast_tau_s
        reach_s = tau_s * -math.expm1(-self._gap_s(time_ms) / tau_s)
        x, y, _ = geometry(self.box_xyxy_px)
        x, y = x + self.x_speed_px * reach_s, y + self.y_speed_px * reach_s
        limit = settings.growth_limit
        grown = math.exp(min(max(self.growth_per_s * reach_s, -limit), limit))
        half_width = (self.box_xyxy_px[2] - self.box_xyxy_px[0]) * grown / 2
        half_height = (self.box_xyxy_px[3] - self.box_xyxy_px[1]) * grown / 2
        return (x - half_width, y - half_height, x + half_width, y + half_height)

    def _gap_s(self, time_ms: float) -> float:
        return max(0.0, time_ms - self.seen_ms) / 1000.0

    def is_live(self, time_ms: float, settings: TrackerSettings) -> bool:
        """Tell whether the face was seen within the timeout; time that went back ends it."""
        return 0.0 <= time_ms - self.seen_ms <= settings.timeout_s * 1000.0

    def seen(self, face: Detection, time_ms: float, settings: TrackerSettings) -> "Track":
        """Return the track after one more sighting."""
        moved = replace(
            self, box_xyxy_px=face.box_xyxy_px, seen_ms=time_ms, is_confirmed=True
        )  # fmt: skip
        gap_s = self._gap_s(time_ms)
        if gap_s <= 0.0:
            return moved
        x, y, size = geometry(self.box_xyxy_px)
        new_x, new_y, new_size = geometry(face.box_xyxy_px)
        weight = -math.expm1(-gap_s / settings.velocity_tau_s)
        observed = ((new_x - x) / gap_s, (new_y - y) / gap_s, math.log(new_size / size) / gap_s)
        speeds = (self.x_speed_px, self.y_speed_px, self.growth_per_s)
        x_speed, y_speed, growth = (
            old + weight * (new - old) for old, new in zip(speeds, observed, strict=True)
        )
        return replace(moved, x_speed_px=x_speed, y_speed_px=y_speed, growth_per_s=growth)


@dataclass(frozen=True, slots=True)
class TrackerState:
    """The tracks of one stream and the number of the next one."""

    tracks: tuple[Track, ...] = ()
    next_number: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON values."""
        tracks = [{**asdict(track), "box_xyxy_px": [*track.box_xyxy_px]} for track in self.tracks]
        return {"tracks": tracks, "next_number": self.next_number}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrackerState":
        """Return the state that `to_json` described."""
        tracks = (
            Track(**{**track, "box_xyxy_px": tuple(track["box_xyxy_px"])})
            for track in values["tracks"]
        )
        return cls(tuple(tracks), values["next_number"])


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A confirmed track's face on this frame; `is_new` on the first frame it is handed out."""

    track_id: str
    detection: Detection
    is_new: bool
    started_ms: float


def predict(
    state: TrackerState, time_ms: float, settings: TrackerSettings = DEFAULTS
) -> list[tuple[str, Box]]:
    """Return id and expected box of each track that has not timed out, unconfirmed ones too."""
    live = (track for track in state.tracks if track.is_live(time_ms, settings))
    return [(track.track_id, track.box_at(time_ms, settings)) for track in live]


def live_ids(state: TrackerState) -> tuple[str, ...]:
    """Return the ids of all tracks that may go on."""
    return tuple(track.track_id for track in state.tracks)


def step(
    state: TrackerState,
    detections: Sequence[Detection],
    time_ms: float,
    is_cut: bool,
    settings: TrackerSettings = DEFAULTS,
) -> tuple[TrackerState, list[TrackedFace]]:
    """Join the faces of one frame to tracks; returns the state, and the confirmed faces seen.

    Times are milliseconds of a clock that does not go back; if it does, all tracks end. A cut
    ends all tracks. Ids are never used twice. The order of `detections` does not matter. Faces
    come in order of their ids.
    """
    live = [t for t in state.tracks if not is_cut and t.is_live(time_ms, settings)]
    faces = sorted((f for f in detections if geometry(f.box_xyxy_px)[2] > 0.0), key=_order)
    pairs = dict(assign(_costs(live, faces, time_ms, settings), settings.unmatched_cost))
    tracks = [
        track.seen(faces[pairs[index]], time_ms, settings) if index in pairs else track
        for index, track in enumerate(live)
    ]
    tracked = [
        TrackedFace(track.track_id, faces[pairs[index]], not live[index].is_confirmed,
                    track.started_ms)
        for index, track in enumerate(tracks)
        if index in pairs
    ]  # fmt: skip
    joined = set(pairs.values())
    alone = [face for index, face in enumerate(faces) if index not in joined]
    born, first = _born(
        alone, state.next_number, time_ms, settings.tracks_max - len(live), settings
    )
    number = state.next_number + len(born)
    return TrackerState((*tracks, *born), number), [*tracked, *first]


def _born(
    faces: Sequence[Detection], number: int, time_ms: float, room: int, settings: TrackerSettings
) -> tuple[list[Track], list[TrackedFace]]:
    best = sorted(faces, key=lambda face: -face.score)[: max(0, room)]
    born: list[Track] = []
    first: list[TrackedFace] = []
    for index, face in enumerate(sorted(best, key=_order)):
        track_id = f"t{number + index:04d}"
        is_sure = face.score >= settings.sure_score_min
        born.append(Track(track_id, face.box_xyxy_px, time_ms, time_ms, is_sure))
        first += [TrackedFace(track_id, face, is_new=True, started_ms=time_ms)] if is_sure else []
    return born, first


def _order(face: Detection) -> tuple[Any, ...]:
    return (face.box_xyxy_px, face.points_px, face.score)


def _costs(
    tracks: Sequence[Track], faces: Sequence[Detection], time_ms: float, settings: TrackerSettings
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    costs = np.full((len(tracks), len(faces)), np.inf)
    for row, track in enumerate(tracks):
        box = track.box_at(time_ms, settings)
        gap_s = (time_ms - track.seen_ms) / 1000.0
        for column, face in enumerate(faces):
            costs[row, column] = _cost(box, face.box_xyxy_px, gap_s, settings)
    return costs


def _cost(expected: Box, found: Box, gap_s: float, settings: TrackerSettings) -> float:
    """Return how badly a face fits a place, infinite where it cannot be the same one."""
    x, y, size = geometry(expected)
    found_x, found_y, found_size = geometry(found)
    distance = math.hypot(found_x - x, found_y - y) / math.sqrt(size * found_size)
    growth = abs(math.log(found_size / size))
    reach = settings.reach_faces + settings.reach_faces_per_s * gap_s
    growth_max = settings.growth_max + settings.growth_per_s * gap_s
    if distance > min(reach, settings.reach_faces_max):
        return math.inf
    if growth > min(growth_max, settings.growth_limit):
        return math.inf
    return 1.0 - iou(expected, found) + distance + growth
