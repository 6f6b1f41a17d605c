"""Goal: smoothing is causal, follows the data's own time and invents nothing.

Method: steps and gaps against the closed form of an exponential; properties over random courses.
"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.aggregates import SCORE_COUNT, SCORE_NAMES
from operators.smooth import SmoothSettings, SmoothState, step

AU12, AU45 = SCORE_NAMES.index("AU12"), SCORE_NAMES.index("AU45")
EMOTIONS = slice(SCORE_NAMES.index("emotion_neutral"), SCORE_NAMES.index("valence"))


def flat(value: float) -> np.ndarray:
    return np.full(SCORE_COUNT, value)


def run(course, settings=None):
    state, outputs = SmoothState(), []
    for pts_ms, values in course:
        state, smoothed = step(state, pts_ms, values, settings)
        outputs.append(smoothed)
    return state, outputs


def test_the_first_values_pass_unchanged():
    _, (first,) = run([(40.0, flat(0.7))])
    assert (first == 0.7).all()


@pytest.mark.parametrize("fps", [2, 5, 12.5, 30])
def test_a_step_reaches_63_percent_after_tau_at_every_frame_rate(fps):
    settings = SmoothSettings(tau_s=0.5, reset_s=2)
    course = [(0.0, flat(0.0))] + [(k * 1000 / fps, flat(1.0)) for k in range(1, 100)]
    _, outputs = run(course, settings)
    for (pts_ms, _), smoothed in zip(course, outputs, strict=True):
        assert smoothed[AU12] == pytest.approx(1 - np.exp(-pts_ms / 500), abs=1e-9)


def test_eye_closures_are_not_smoothed():
    _, (_, second) = run([(0, flat(0.0)), (200, flat(1.0))])
    assert second[AU45] == 1.0
    assert 0.4 < second[AU12] < 0.5


def test_a_long_gap_starts_afresh_and_a_short_one_does_not():
    _, (_, after_short) = run([(0, flat(0.0)), (1000, flat(1.0))])
    _, (_, after_long) = run([(0, flat(0.0)), (1001, flat(1.0))])
    assert after_short[AU12] < 1.0
    assert after_long[AU12] == 1.0


def test_what_is_not_observed_stays_so_and_is_remembered_no_longer_than_a_gap():
    absent = flat(0.0)
    absent[AU12] = np.nan
    _, outputs = run([(0, flat(0.0)), (200, absent), (400, flat(1.0))])
    assert np.isnan(outputs[1][AU12])
    assert outputs[2][AU12] == pytest.approx(1 - np.exp(-400 / 350))
    late = [(0, flat(0.0)), *((t, absent) for t in range(200, 1200, 200)), (1200, flat(1.0))]
    assert run(late)[1][-1][AU12] == 1.0


def test_infinite_values_count_as_not_observed():
    _, (_, second) = run([(0, flat(0.5)), (200, flat(np.inf))])
    assert np.isnan(second).all()


def test_time_that_stands_still_or_goes_back_weighs_nothing():
    _, outputs = run([(1000, flat(0.2)), (1000, flat(0.9)), (900, flat(0.9))])
    assert outputs[1][AU12] == outputs[2][AU12] == 0.2


def test_without_a_time_constant_nothing_is_smoothed():
    _, (_, second) = run([(0, flat(0.0)), (10, flat(1.0))], SmoothSettings(tau_s=0))
    assert (second == 1.0).all()


def test_emotions_that_sum_to_one_still_do():
    rng = np.random.default_rng(1)
    course = []
    for index in range(50):
        values = flat(0.1)
        values[EMOTIONS] = rng.dirichlet(np.ones(8))
        course.append((index * 200.0, values))
    sums = [smoothed[EMOTIONS].sum() for smoothed in run(course)[1]]
    assert sums == pytest.approx([1.0] * 50)


courses = st.lists(
    st.tuples(
        st.integers(0, 2500), st.none() | st.floats(-1, 1), st.none() | st.floats(0, 1, width=32)
    ),
    min_size=2,
    max_size=25,
)


@given(courses, st.integers(0, 24))
def test_a_state_restored_from_json_goes_on_exactly(course, cut):
    pts_ms, frames = 0, []
    for passed_ms, one, other in course:
        pts_ms += passed_ms
        values = flat(np.nan if one is None else one)
        values[::3] = np.nan if other is None else other
        frames.append((pts_ms, values))
    cut = min(cut, len(frames))
    state, _ = run(frames[:cut])
    restored = SmoothState.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))
    for pts_ms, values in frames[cut:]:
        state, expected = step(state, pts_ms, values)
        restored, found = step(restored, pts_ms, values)
        np.testing.assert_array_equal(found, expected)
        assert (np.isnan(found) == np.isnan(values)).all()
