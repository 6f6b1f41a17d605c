"""Tumbling windows in event time: which observation falls where, and when a window closes.

A window [start, start + size) closes when the watermark, the highest event time seen minus
`out_of_order_ms`, reaches its end. It is then kept until the watermark passes its end by
`lateness_ms`; an observation that comes in that time gives the window again with the next
revision. What comes later still is counted and dropped. Only tracks are kept: a participant's
window is the merge of the windows of the participant's tracks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from operators.aggregates import SCORE_COUNT, Tally, add
from schemas.names import CloseReason, FaceStatus, Subject
from schemas.windows import WINDOW_SIZES_S

# Bound on the windows that one stream holds. Past it the watermark moves on, so that the oldest
# close early; 32 faces in windows of 1, 10 and 60 s are 96.
HELD_WINDOWS_MAX = 1024

# Bound on `out_of_order_ms` and `lateness_ms`, and so on what late data may keep in memory.
WAIT_MS_MAX = 600_000


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How windows are cut; `sizes_s` ascend and are multiples of the first.

    fps: analysed frames per second, the measure of coverage.
    """

    fps: float = 5.0
    out_of_order_ms: int = 0
    lateness_ms: int = 0
    sizes_s: tuple[int, ...] = WINDOW_SIZES_S

    def __post_init__(self) -> None:
        if self.fps <= 0:
            raise ValueError(f"windows: fps must be above 0 (given {self.fps})")
        for name in ("out_of_order_ms", "lateness_ms"):
            given = getattr(self, name)
            if not 0 <= given <= WAIT_MS_MAX:
                raise ValueError(f"windows: {name} must lie in 0…{WAIT_MS_MAX} (given {given})")
        sizes_s = self.sizes_s
        if not sizes_s or list(sizes_s) != sorted(set(sizes_s)) or sizes_s[0] < 1:
            raise ValueError(f"windows: sizes must ascend from at least 1 s (given {sizes_s})")
        if any(size_s % sizes_s[0] for size_s in sizes_s):
            raise ValueError(f"windows: sizes must be multiples of the first (given {sizes_s})")


@dataclass(frozen=True, slots=True)
class Observation:
    """One tracked face on one analysed frame.

    values: float64 [35], order of `SCORE_NAMES`, NaN where not observed; ignored unless scored.
    A skipped face moves the watermark and enters no window.
    """

    participant_id: str
    track_id: str
    event_ms: int
    status: FaceStatus
    values: NDArray[np.float64]
    is_speaking: bool | None = None

    def __post_init__(self) -> None:
        if self.values.shape != (SCORE_COUNT,):
            raise ValueError(f"Observation.values has shape {self.values.shape}")


class WindowKey(NamedTuple):
    """A window of one track, sorted by its end, or of a participant (`track_id` None)."""

    end_ms: int
    window_s: int
    participant_id: str
    track_id: str | None

    @property
    def participant(self) -> "WindowKey":
        """Return the key of the same window of the participant."""
        return self._replace(track_id=None)


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A window as it stands when it is given out; the highest revision counts."""

    key: WindowKey
    revision: int
    closed_by: CloseReason
    tally: Tally
    fps: float

    @property
    def start_ms(self) -> int:
        """Return the window's start in event time, Unix ms."""
        return self.key.end_ms - self.key.window_s * 1000

    def to_row(self) -> dict[str, Any]:
        """Return the columns of table `windows` that the window knows.

        `start_ms` (Unix ms) stands for `start_at`; aggregates are None where nothing was observed;
        times of maxima are after the window's start; `*_hist` sums to the score's own n.
        """
        tally = self.tally
        return {
            "subject": Subject.PARTICIPANT if self.key.track_id is None else Subject.TRACK,
            "participant_id": self.key.participant_id,
            "track_id": self.key.track_id,
            "window_s": self.key.window_s,
            "start_ms": self.start_ms,
            "revision": self.revision,
            "closed_by": self.closed_by,
            "frame_count": tally.scored_count + tally.abstained_count,
            "scored_count": tally.scored_count,
            "abstained_count": tally.abstained_count,
            "coverage": min(tally.scored_count / (self.fps * self.key.window_s), 1.0),
            "flagged_count": tally.flagged_count,
            "speaking_share": (
                tally.speaking_count / tally.flagged_count if tally.flagged_count else None
            ),
            **tally.aggregate.columns(self.start_ms),
        }


@dataclass(frozen=True, slots=True)
class WindowsState:
    """The windows of one stream that are open or may still be revised.

    watermark_ms: None before the first frame; never goes back.
    held: tallies per track's window. revisions: the last revision given out, per track's and
    participant's window; a window that is missing here is open. late_count: observations dropped
    since the stream began.
    """

    watermark_ms: int | None = None
    held: Mapping[WindowKey, Tally] = field(default_factory=dict)
    revisions: Mapping[WindowKey, int] = field(default_factory=dict)
    late_count: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {
            "watermark_ms": self.watermark_ms,
            "held": [[*key, tally.to_json()] for key, tally in self.held.items()],
            "revisions": [[*key, revision] for key, revision in self.revisions.items()],
            "late_count": self.late_count,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        return cls(
            data["watermark_ms"],
            {WindowKey(*row[:4]): Tally.from_json(row[4]) for row in data["held"]},
            {WindowKey(*row[:4]): row[4] for row in data["revisions"]},
            data["late_count"],
        )


Step = tuple[WindowsState, list[ClosedWindow], int]


def observe(
    state: WindowsState, observations: Iterable[Observation], settings: WindowSettings
) -> Step:
    """Add a batch of observations in any order, then let time move to the latest of them.

    Returns the new state, the windows that closed or were revised, sorted by end, size and
    subject (`None` last), and how many observations came too late for every window. A batch
    revises a window at most once. An observation is in windows of all sizes or of none: it is
    late once its smallest window is given up.
    """
    given = list(observations)
    if not given:
        return state, [], 0
    entering = [o for o in given if o.status is not FaceStatus.SKIPPED]
    in_time = [o for o in entering if not _is_late(o.event_ms, state.watermark_ms, settings)]
    late_count = len(entering) - len(in_time)
    held = dict(state.held)
    touched: set[WindowKey] = set()
    for keys, tally in _panes(in_time, settings):
        for key in keys:
            held[key] = held[key].plus(tally) if key in held else tally
        touched.update(keys)
    late_count_total = state.late_count + late_count
    grown = replace(state, held=held, late_count=late_count_total)
    revised, late = _revise(grown, touched, settings)
    event_ms = max(o.event_ms for o in given)
    moved, closed = advance(revised, event_ms, settings, CloseReason.WATERMARK)
    return moved, sorted([*late, *closed], key=_order), late_count


def advance(
    state: WindowsState, event_ms: int, settings: WindowSettings, reason: CloseReason
) -> tuple[WindowsState, list[ClosedWindow]]:
    """Let event time move to `event_ms`, as a frame without a face or an idle clock tells it.

    `reason` is WATERMARK or IDLE. Time never goes back: an earlier `event_ms` changes nothing.
    """
    watermark_ms = event_ms - settings.out_of_order_ms
    if state.watermark_ms is not None:
        watermark_ms = max(watermark_ms, state.watermark_ms)
    if len(state.held) > HELD_WINDOWS_MAX:
        ends_ms = sorted(key.end_ms for key in state.held)
        excess_end_ms = ends_ms[len(ends_ms) - HELD_WINDOWS_MAX - 1]
        watermark_ms = max(watermark_ms, excess_end_ms + settings.lateness_ms)
    due = {k for k in state.held if k.end_ms <= watermark_ms and k not in state.revisions}
    state, closed = _give_out(replace(state, watermark_ms=watermark_ms), due, reason, settings)
    return _forget(state, watermark_ms - settings.lateness_ms), closed


def close_all(
    state: WindowsState, settings: WindowSettings, reason: CloseReason = CloseReason.END_OF_STREAM
) -> tuple[WindowsState, list[ClosedWindow]]:
    """Close every open window and forget the closed ones; what follows in them is late."""
    due = {key for key in state.held if key not in state.revisions}
    state, closed = _give_out(state, due, reason, settings)
    watermark_ms = state.watermark_ms
    if state.held:
        last_ms = max(key.end_ms for key in state.held) + settings.lateness_ms
        watermark_ms = last_ms if watermark_ms is None else max(watermark_ms, last_ms)
    return WindowsState(watermark_ms, {}, {}, state.late_count), closed


def _end_ms(event_ms: int, size_s: int) -> int:
    size_ms = size_s * 1000
    return event_ms // size_ms * size_ms + size_ms


def _is_late(event_ms: int, watermark_ms: int | None, settings: WindowSettings) -> bool:
    if watermark_ms is None:
        return False
    return _end_ms(event_ms, settings.sizes_s[0]) + settings.lateness_ms <= watermark_ms


def _panes(
    observations: list[Observation], settings: WindowSettings
) -> Iterator[tuple[list[WindowKey], Tally]]:
    """Yield the tally of each track's observations in one smallest window, and its windows."""

    def pane(o: Observation) -> tuple[int, str, str]:
        return _end_ms(o.event_ms, settings.sizes_s[0]), o.participant_id, o.track_id

    for (pane_end_ms, participant_id, track_id), group in groupby(
        sorted(observations, key=pane), pane
    ):
        keys = [
            WindowKey(_end_ms(pane_end_ms - 1, size_s), size_s, participant_id, track_id)
            for size_s in settings.sizes_s
        ]
        yield keys, reduce(_counted, group, Tally())


def _counted(tally: Tally, observation: Observation) -> Tally:
    if observation.status is FaceStatus.ABSTAINED:
        return replace(tally, abstained_count=tally.abstained_count + 1)
    is_speaking = observation.is_speaking
    return Tally(
        tally.scored_count + 1,
        tally.abstained_count,
        tally.flagged_count + (is_speaking is not None),
        tally.speaking_count + bool(is_speaking),
        add(tally.aggregate, observation.values, observation.event_ms),
    )


def _revise(
    state: WindowsState, touched: set[WindowKey], settings: WindowSettings
) -> tuple[WindowsState, list[ClosedWindow]]:
    """Give out again what was touched behind the watermark."""
    watermark_ms = state.watermark_ms
    late = {k for k in touched if watermark_ms is not None and k.end_ms <= watermark_ms}
    return _give_out(state, late, CloseReason.LATE, settings)


def _give_out(
    state: WindowsState, due: set[WindowKey], reason: CloseReason, settings: WindowSettings
) -> tuple[WindowsState, list[ClosedWindow]]:
    """Return the windows of the tracks in `due` and of their participants, next revisions."""
    if not due:
        return state, []
    revisions = dict(state.revisions)
    tallies = {key: state.held[key] for key in due}
    owners = {key.participant for key in due}
    for key, tally in state.held.items():
        if (owner := key.participant) in owners:
            tallies[owner] = tallies[owner].plus(tally) if owner in tallies else tally
    closed = []
    for key in sorted(tallies, key=_key_order):
        revisions[key] = revisions.get(key, -1) + 1
        closed.append(ClosedWindow(key, revisions[key], reason, tallies[key], settings.fps))
    return replace(state, revisions=revisions), closed


def _forget(state: WindowsState, before_ms: int) -> WindowsState:
    """Drop what ended at or before `before_ms`: nothing may revise it any more."""
    held = {key: tally for key, tally in state.held.items() if key.end_ms > before_ms}
    revisions = {key: count for key, count in state.revisions.items() if key.end_ms > before_ms}
    return replace(state, held=held, revisions=revisions)


def _key_order(key: WindowKey) -> tuple[int, int, str, bool, str]:
    return key.end_ms, key.window_s, key.participant_id, key.track_id is None, key.track_id or ""


def _order(window: ClosedWindow) -> tuple[int, int, str, bool, str]:
    return _key_order(window.key)
