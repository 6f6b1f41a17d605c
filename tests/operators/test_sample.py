"""Sampling takes one frame per slot of media time, whatever the source's rate.

Method: tables of real rates, and Hypothesis against a naive reference.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.sample import SampleState, is_sampled


def taken(times_ms: list[float], fps: float) -> list[float]:
    state, found = SampleState(), []
    for pts_ms in times_ms:
        state, is_taken = is_sampled(state, pts_ms, fps)
        if is_taken:
            found.append(pts_ms)
    return found


@pytest.mark.parametrize(
    ("source_fps", "count"), [(25.0, 50), (30.0, 60), (24000 / 1001, 48), (12.5, 25)]
)
def test_two_seconds_at_five_per_second_give_ten_frames(source_fps: float, count: int) -> None:
    times = [index * 1000 / source_fps for index in range(count)]
    assert len(taken(times, 5.0)) == 10


def test_thirty_per_second_sampled_at_five_takes_every_sixth_frame() -> None:
    times = [index * 1000 / 30 for index in range(90)]
    assert taken(times, 5.0) == times[::6]


@pytest.mark.parametrize("fps", [25.0, 30.0, 1000.0])
def test_a_rate_at_or_above_the_source_takes_every_frame(fps: float) -> None:
    times = [index * 40.0 for index in range(100)]
    assert taken(times, fps) == times


def test_a_gap_in_the_source_costs_only_the_frames_of_the_gap() -> None:
    assert taken([0.0, 40.0, 5000.0, 5040.0, 5200.0], 5.0) == [0.0, 5000.0, 5200.0]


def test_time_before_zero_is_sampled_like_any_other() -> None:
    assert taken([-400.0, -360.0, -200.0, 0.0, 40.0], 5.0) == [-400.0, -200.0, 0.0]


def test_a_frame_that_goes_back_in_time_is_not_taken() -> None:
    assert taken([0.0, 1000.0, 400.0, 1200.0], 5.0) == [0.0, 1000.0, 1200.0]


def test_a_frame_a_rounding_error_before_its_slot_belongs_to_the_slot() -> None:
    assert taken([0.0, 199.9999999999, 220.0], 5.0) == [0.0, 199.9999999999]


times = st.lists(st.floats(0, 100_000, width=32), min_size=1, max_size=60, unique=True).map(sorted)


@given(times, st.floats(0.1, 60), st.integers(0, 60))
def test_a_state_kept_as_json_goes_on_where_it_stopped(
    times_ms: list[float], fps: float, cut: int
) -> None:
    state, found = SampleState(), []
    for index, pts_ms in enumerate(times_ms):
        if index == cut:
            state = SampleState.from_json(json.loads(json.dumps(state.to_json())))
        state, is_taken = is_sampled(state, pts_ms, fps)
        found += [pts_ms] * is_taken
    assert found == taken(times_ms, fps)


@given(times, st.floats(0.1, 60))
def test_each_slot_gives_its_first_frame_and_no_other(times_ms: list[float], fps: float) -> None:
    first_of_slot: dict[int, float] = {}
    for pts_ms in times_ms:
        first_of_slot.setdefault(int(pts_ms * fps / 1000.0 + 1e-6), pts_ms)
    assert taken(times_ms, fps) == list(first_of_slot.values())
