"""Presentation times of coded packets: wraps undone, missing ones estimated, jumps noticed."""

from dataclasses import dataclass
from fractions import Fraction

FPS_UNKNOWN = Fraction(25)
FPS_MAX = 1_000
JUMP_FORWARD_MS = 10_000
JUMP_BACKWARD_MS = 1_000
# Deepest reordering of H.264 and HEVC; at a low frame rate it spans more than a second.
_REORDER_FRAMES_MAX = 16
MPEG_TS_WRAP_BITS = 33


@dataclass(frozen=True, slots=True)
class TimingRules:
    """Bounds of one source, in ticks of its timebase; `wrap_bits` is None where nothing wraps."""

    interval: int
    forward: int
    backward: int
    wrap_bits: int | None = None

    @classmethod
    def of(
        cls, timebase: Fraction, fps: Fraction | None, wrap_bits: int | None = None
    ) -> "TimingRules":
        """Return the rules of a source with nominal `fps` (25 where unknown or absurd)."""
        rate = fps if fps is not None and 0 < fps <= FPS_MAX else FPS_UNKNOWN
        interval = max(1, round(1 / (rate * timebase)))
        second = 1 / timebase
        backward = max(round(second * JUMP_BACKWARD_MS / 1000), 0)
        if rate < _REORDER_FRAMES_MAX:
            backward = max(backward, _REORDER_FRAMES_MAX * interval)
        return cls(interval, round(second * JUMP_FORWARD_MS / 1000), backward, wrap_bits)


@dataclass(frozen=True, slots=True)
class TimingState:
    """The last decode time, the highest presentation time and the last declared duration."""

    dts: int | None = None
    pts_max: int | None = None
    duration: int = 0


@dataclass(frozen=True, slots=True)
class PacketTime:
    """A packet's presentation time in ticks, and what is to be known about it."""

    pts: int
    is_estimated: bool = False
    is_jump: bool = False


def time_packet(
    state: TimingState, rules: TimingRules, pts: int | None, dts: int | None, duration: int | None
) -> tuple[TimingState, PacketTime]:
    """Take one packet in decode order and return its time.

    A jump is a presentation time 10 s past the end of all before it, or 1 s before the latest
    (more at rates below 16 frames per second, where reordering alone goes further back) while
    decode time goes back as well. Estimated times never jump.
    """
    step = duration if duration is not None and duration > 0 else rules.interval
    dts = _unwrapped(dts, state.dts if state.dts is not None else state.pts_max, rules)
    pts = _unwrapped(pts, state.pts_max, rules)
    if pts is None:
        pts = _estimate(state, rules, dts)
        pts_max = pts if state.pts_max is None else max(pts, state.pts_max)
        return TimingState(dts, pts_max, step), PacketTime(pts, is_estimated=True)
    if _is_jump(state, rules, pts, dts):
        return TimingState(dts, pts, step), PacketTime(pts, is_jump=True)
    pts_max = pts if state.pts_max is None else max(pts, state.pts_max)
    return TimingState(dts, pts_max, step), PacketTime(pts)


def _estimate(state: TimingState, rules: TimingRules, dts: int | None) -> int:
    if state.pts_max is None:
        return dts if dts is not None else 0
    if dts is not None:
        return max(dts, state.pts_max + 1)
    return state.pts_max + (state.duration or rules.interval)


def _is_jump(state: TimingState, rules: TimingRules, pts: int, dts: int | None) -> bool:
    if state.pts_max is None:
        return False
    if pts - state.pts_max - max(state.duration, 0) > rules.forward:
        return True
    is_dts_forward = dts is not None and state.dts is not None and dts > state.dts
    return state.pts_max - pts > rules.backward and not is_dts_forward


def _unwrapped(ticks: int | None, near: int | None, rules: TimingRules) -> int | None:
    """Return `ticks` moved by whole wraps to where it is nearest to `near`."""
    if ticks is None or near is None or rules.wrap_bits is None:
        return ticks
    wrap = 1 << rules.wrap_bits
    return ticks + wrap * ((near - ticks + wrap // 2) // wrap)
