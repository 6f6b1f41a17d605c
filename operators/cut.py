"""The rule that cuts a stream of coded packets into segments."""

from dataclasses import dataclass

# A keyframe's pts may miss the mark by rounding of its timebase.
_TOLERANCE_MS = 0.5


@dataclass(frozen=True, slots=True)
class CutRules:
    """Bounds of a segment.

    From `span_ms_min` on the next keyframe begins a new segment. Where none comes until
    `span_ms_max` or `size_bytes_max`, the next packet that is displayed after all before it does.
    `size_bytes_limit` and `packet_count_max` cut wherever they are reached, so that no stream,
    however broken its timestamps, makes a segment without bound.
    """

    span_ms_min: float = 2_000.0
    span_ms_max: float = 10_000.0
    size_bytes_max: int = 8 * 1024 * 1024
    size_bytes_limit: int = 32 * 1024 * 1024
    packet_count_max: int = 10_000


FILE_RULES = CutRules()
# The decoder of a live session goes on across cuts, so that a long GOP need not delay a segment.
# Raw pictures of a webcam are far larger than coded video.
LIVE_RULES = CutRules(span_ms_max=2_000.0, size_bytes_max=32 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class CutState:
    """What is known of the segment in progress; empty before its first packet."""

    pts_ms_min: float | None = None
    pts_ms_max: float = 0.0
    size_bytes: int = 0
    packet_count: int = 0

    def with_packet(self, pts_ms: float, size_bytes: int) -> "CutState":
        """Return the state after one more packet of the same segment."""
        low = pts_ms if self.pts_ms_min is None else min(self.pts_ms_min, pts_ms)
        high = pts_ms if self.pts_ms_min is None else max(self.pts_ms_max, pts_ms)
        return CutState(low, high, self.size_bytes + size_bytes, self.packet_count + 1)


def cut(
    state: CutState,
    pts_ms: float,
    size_bytes: int,
    *,
    is_keyframe: bool,
    rules: CutRules = FILE_RULES,
) -> tuple[CutState, bool]:
    """Take one packet in decode order and tell whether it begins a new segment.

    The very first packet begins none. Packets that are never displayed do not belong here: they
    go with the packet before them.
    """
    if _begins_segment(state, pts_ms, size_bytes, is_keyframe, rules):
        return CutState().with_packet(pts_ms, size_bytes), True
    return state.with_packet(pts_ms, size_bytes), False


def _begins_segment(
    state: CutState, pts_ms: float, size_bytes: int, is_keyframe: bool, rules: CutRules
) -> bool:
    if state.pts_ms_min is None:
        return False
    if state.size_bytes + size_bytes > rules.size_bytes_limit:
        return True
    if state.packet_count >= rules.packet_count_max:
        return True
    span_ms = pts_ms - state.pts_ms_min + _TOLERANCE_MS
    if is_keyframe and span_ms >= rules.span_ms_min:
        return True
    is_full = span_ms >= rules.span_ms_max or state.size_bytes >= rules.size_bytes_max
    return is_full and pts_ms > state.pts_ms_max
