"""Segments end where the rule says, and never grow without bound.

Method: packet lists with known cuts, and Hypothesis over hostile ones.
"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from operators.cut import FILE_RULES, LIVE_RULES, CutRules, CutState, cut

Packet = tuple[float, int, bool]


def cuts(packets: list[Packet], rules: CutRules = FILE_RULES) -> list[int]:
    state, found = CutState(), []
    for index, (pts_ms, size_bytes, is_keyframe) in enumerate(packets):
        state, is_cut = cut(state, pts_ms, size_bytes, is_keyframe=is_keyframe, rules=rules)
        found += [index] * is_cut
    return found


def stream(count: int, gop: int, interval_ms: float = 40.0, size_bytes: int = 1000) -> list[Packet]:
    return [(n * interval_ms, size_bytes, n % gop == 0) for n in range(count)]


def test_a_segment_ends_at_the_first_keyframe_from_two_seconds_on() -> None:
    assert cuts(stream(200, gop=30)) == [60, 120, 180]


def test_a_keyframe_exactly_at_two_seconds_ends_it() -> None:
    assert cuts(stream(120, gop=25)) == [50, 100]


def test_a_timebase_that_rounds_does_not_shift_the_cut() -> None:
    packets = [(round(n * 1000 / 30) + 0.0, 1000, n % 60 == 0) for n in range(130)]
    assert cuts(packets) == [60, 120]


def test_without_keyframes_it_ends_after_ten_seconds() -> None:
    assert cuts(stream(600, gop=10_000)) == [250, 500]


def test_without_keyframes_it_ends_at_eight_megabytes() -> None:
    assert cuts(stream(30, gop=10_000, size_bytes=1024 * 1024)) == [8, 16, 24]


def test_a_forced_cut_waits_until_no_earlier_picture_is_pending() -> None:
    # Decode order I P B B: the cut falls on a P, whose B pictures follow it.
    order = [0.0, *(p + d for p in range(0, 12_000, 120) for d in (120.0, 40.0, 80.0))]
    packets = [(pts_ms, 100, pts_ms == 0) for pts_ms in order]
    (index,) = cuts(packets)
    assert packets[index][0] > max(pts_ms for pts_ms, _, _ in packets[:index])
    assert min(pts_ms for pts_ms, _, _ in packets[index:]) > max(
        pts_ms for pts_ms, _, _ in packets[:index]
    )


def test_leading_pictures_of_an_open_gop_stay_with_their_keyframe() -> None:
    packets = [*stream(50, gop=50), (2080.0, 10, True), (2000.0, 10, False), (2040.0, 10, False)]
    assert cuts(packets) == [50]


def test_live_video_is_cut_at_two_seconds_without_waiting_for_a_keyframe() -> None:
    assert cuts(stream(160, gop=10_000), LIVE_RULES) == [50, 100, 150]


def test_time_that_stands_still_is_cut_by_count() -> None:
    rules = CutRules(packet_count_max=100)
    assert cuts([(0.0, 1, False)] * 350, rules) == [100, 200, 300]


packet = st.tuples(st.floats(-1e6, 1e6), st.integers(1, 4_000_000), st.booleans())


@given(st.lists(packet, max_size=60))
def test_no_segment_exceeds_its_hard_bounds(packets: list[Packet]) -> None:
    rules = CutRules(packet_count_max=20)
    edges = [0, *cuts(packets, rules), len(packets)]
    for start, end in pairwise(edges):
        assert end - start <= rules.packet_count_max
        assert sum(size for _, size, _ in packets[start:end]) <= rules.size_bytes_limit
