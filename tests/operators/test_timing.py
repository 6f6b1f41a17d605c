"""Packet times are made good: wraps undone, missing ones estimated, jumps noticed.

Method: packets of a 25 fps stream in ticks of 1/90000 s, fed one by one.
"""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from operators.timing import PacketTime, TimingRules, TimingState, time_packet

FRAME = 3600
RULES = TimingRules.of(Fraction(1, 90_000), Fraction(25), wrap_bits=33)
WRAP = 1 << 33


def timed(
    pairs: list[tuple[int | None, int | None]], rules: TimingRules = RULES, duration: int = FRAME
) -> list[PacketTime]:
    state, found = TimingState(), []
    for pts, dts in pairs:
        state, time = time_packet(state, rules, pts, dts, duration)
        found.append(time)
    return found


def jumps(pairs: list[tuple[int | None, int | None]], duration: int = FRAME) -> list[int]:
    return [index for index, time in enumerate(timed(pairs, duration=duration)) if time.is_jump]


def test_times_of_a_regular_stream_are_left_alone() -> None:
    pairs = [(n * FRAME, n * FRAME) for n in range(100)]
    assert timed(pairs) == [PacketTime(pts) for pts, _ in pairs]


@given(st.integers(-5, 5))
def test_a_wrap_is_undone_wherever_it_falls(shift: int) -> None:
    start = WRAP - 10 * FRAME + shift
    pairs = [((start + n * FRAME) % WRAP, (start + n * FRAME) % WRAP) for n in range(20)]
    assert [time.pts for time in timed(pairs)] == [start + n * FRAME for n in range(20)]
    assert jumps(pairs) == []


def test_a_second_wrap_is_undone_as_well() -> None:
    step = WRAP // 4
    rules = TimingRules.of(Fraction(1, 90_000), Fraction(25), 33)
    pairs = [((n * step) % WRAP, (n * step) % WRAP) for n in range(12)]
    assert [time.pts for time in timed(pairs, rules, duration=step)] == [
        n * step for n in range(12)
    ]


def test_reordered_pictures_are_no_jump() -> None:
    order = [0, 4, 2, 1, 3, 8, 6, 5, 7]
    pairs = [(pts * FRAME, n * FRAME - 2 * FRAME) for n, pts in enumerate(order)]
    assert jumps(pairs) == []


def test_reordering_at_one_frame_per_second_is_no_jump() -> None:
    rules = TimingRules.of(Fraction(1, 1000), Fraction(1))
    pairs = [(pts * 1000, None) for pts in (0, 4, 2, 1, 3)]
    assert not any(time.is_jump for time in timed(pairs, rules, duration=0))


def test_more_than_ten_seconds_forward_is_a_jump() -> None:
    ten_s = 90_000 * 10
    assert jumps([(0, 0), (FRAME + ten_s, FRAME + ten_s)]) == []
    assert jumps([(0, 0), (FRAME + ten_s + 1, FRAME + ten_s + 1)]) == [1]


def test_a_long_picture_of_declared_duration_is_no_jump() -> None:
    minute = 90_000 * 60
    assert jumps([(0, 0), (minute, minute)], duration=minute) == []


def test_more_than_a_second_backward_is_a_jump_after_which_time_goes_on() -> None:
    late = 90_000 * 100
    pairs = [(late, late), (0, 0), (FRAME, FRAME), (2 * FRAME, 2 * FRAME)]
    assert jumps(pairs) == [1]


def test_half_a_second_backward_is_no_jump() -> None:
    assert jumps([(90_000, 90_000), (45_000, 45_000)]) == []


def test_presentation_far_behind_while_decode_time_goes_on_is_no_jump() -> None:
    pairs = [(0, 0), (90_000 * 8, FRAME), (90_000 * 2, 2 * FRAME), (90_000 * 4, 3 * FRAME)]
    assert jumps(pairs) == []


def test_missing_times_are_estimated_from_durations() -> None:
    times = timed([(None, None)] * 4)
    assert [time.pts for time in times] == [0, FRAME, 2 * FRAME, 3 * FRAME]
    assert all(time.is_estimated for time in times)


def test_missing_times_without_durations_follow_the_nominal_rate() -> None:
    assert [time.pts for time in timed([(None, None)] * 3, duration=0)] == [0, FRAME, 2 * FRAME]


def test_an_unknown_or_absurd_rate_counts_as_twenty_five() -> None:
    for fps in (None, Fraction(0), Fraction(90_000)):
        assert TimingRules.of(Fraction(1, 90_000), fps).interval == FRAME


def test_one_missing_time_is_estimated_after_the_latest() -> None:
    times = timed([(0, 0), (None, None), (2 * FRAME, 2 * FRAME)])
    assert [(time.pts, time.is_estimated) for time in times] == [
        (0, False),
        (FRAME, True),
        (2 * FRAME, False),
    ]
