"""Goal: the resting value is the face's own, early, and is not dragged up by a smile or a talk.

Method: curves with noise like that of real scores, drawn with a fixed seed; the bounds are those
measured for the histogram, with room.
"""

import json
import zlib

import numpy as np
import pytest

from operators.aggregates import SCORE_COUNT, SCORE_NAMES
from operators.baseline import HISTORY_S, TICK_MS, BaselineSettings, BaselineState, step

AU04 = SCORE_NAMES.index("AU04")
VALENCE = SCORE_NAMES.index("valence")


def vector(value: float, index: int = AU04) -> np.ndarray:
    values = np.full(SCORE_COUNT, np.nan)
    values[index] = value
    return values


def curve(rest, duration_s, *, smiles=(), talks=(), noise=0.04, fps=5.0):
    """Return times [s] and values: rest, smiles (from, to) to 0.8, talks, correlated noise."""
    rng = np.random.default_rng(3)
    times = np.arange(int(duration_s * fps)) / fps
    values = np.full(len(times), rest)
    for start, end in smiles:
        ramp = np.clip(np.minimum((times - start) / 0.5, (end - times) / 0.7), 0, 1)
        values += (0.8 - rest) * ramp
    for start, end in talks:
        swing = 0.8 * np.abs(np.sin(2 * np.pi * 3.1 * times)) * rng.uniform(0.3, 1, len(times))
        values = np.where((times >= start) & (times < end), np.maximum(values, swing), values)
    drift = 0.0
    for index in range(len(times)):
        drift = 0.8 * drift + rng.normal(0, noise * 0.6)
        values[index] += drift
    return times, np.clip(values, 0, 1)


def follow(times, values, settings=None, index=AU04) -> np.ndarray:
    """Return the resting value after each observation, NaN where there is none."""
    state, found = BaselineState(), []
    for time_s, value in zip(times, values, strict=True):
        state, resting = step(state, time_s * 1000, vector(value, index), settings)
        found.append(np.nan if resting is None else resting[index])
    return np.array(found)


@pytest.mark.parametrize("fps", [2, 5, 30])
def test_there_is_no_resting_value_before_two_seconds_of_scores(fps):
    times, values = curve(0.1, 4, fps=fps)
    found = follow(times, values)
    assert np.isnan(found[times < 1.8]).all()
    assert np.isfinite(found[times > 2.6]).all()


@pytest.mark.parametrize("rest", [0.05, 0.45, 0.8])
@pytest.mark.parametrize("fps", [2, 5, 30])
def test_brows_that_are_low_by_build_are_the_resting_value_from_the_start(rest, fps):
    times, values = curve(rest, 30, fps=fps)
    found = follow(times, values)[times > 3]
    assert np.abs(found - rest).max() < 0.11
    assert abs(found[-1] - rest) < 0.08


@pytest.mark.parametrize(
    ("events", "error_max"),
    [
        ({"smiles": [(10, 25)]}, 0.06),
        ({"talks": [(5, 25)]}, 0.06),
        ({"smiles": [(10 * k + 3, 10 * k + 7) for k in range(6)]}, 0.07),
        ({"smiles": [(3, 18)]}, 0.16),
    ],
)
def test_a_long_smile_or_talk_hardly_moves_it(events, error_max):
    times, values = curve(0.06, 60, **events)
    found = follow(times, values)[times > 2.5]
    assert np.abs(found - 0.06).max() < error_max
    assert abs(found[-1] - 0.06) < 0.06


def test_a_track_that_begins_with_a_smile_comes_to_rest_soon_after_it():
    times, values = curve(0.06, 30, smiles=[(-1, 10)])
    assert abs(follow(times, values)[times > 15][0] - 0.06) < 0.08


def test_it_rises_no_faster_than_allowed_and_falls_at_once():
    settings = BaselineSettings(rise_per_s_max=0.01)
    times = np.arange(0, 60, 0.2)
    up = follow(times, np.where(times < 3, 0.1, 0.9), settings)
    down = follow(times, np.where(times < 3, 0.9, 0.1), settings)
    assert np.nanmax(np.diff(up[times > 2.5])) <= 0.0021
    assert up[-1] > up[30] + 0.2
    assert down[times < 5][-1] < 0.15


def test_scores_of_either_sign_have_resting_values_too():
    times = np.arange(0, 10, 0.2)
    assert follow(times, np.full(len(times), -0.4), index=VALENCE)[-1] == pytest.approx(
        -0.4, abs=0.05
    )


def test_a_score_that_is_not_observed_has_none():
    state = BaselineState()
    for index in range(20):
        state, resting = step(state, index * 200, vector(0.3))
    assert np.isfinite(resting).sum() == 1


def test_a_gap_counts_as_at_most_half_a_second():
    state, _ = step(BaselineState(), 0, vector(0.3))
    state, resting = step(state, 3_600_000, vector(0.3))
    assert resting is None
    assert state.ticks.sum() * TICK_MS == 500


def test_time_that_goes_back_counts_nothing():
    state, _ = step(BaselineState(), 5000, vector(0.3))
    state, _ = step(state, 1000, vector(0.3))
    assert state.ticks.sum() == 0


def test_old_time_is_halved_so_that_counts_stay_bounded():
    state = BaselineState()
    for index in range(int(HISTORY_S * 2 * 2)):
        state, _ = step(state, index * 500, vector(0.3))
        assert state.ticks.sum() * TICK_MS < HISTORY_S * 1000
    assert state.ticks.sum() * TICK_MS > HISTORY_S * 400


def test_a_restored_state_goes_on_exactly_and_is_small():
    rng = np.random.default_rng(0)
    state, level = BaselineState(), rng.beta(0.5, 4, SCORE_COUNT)
    restored = state
    for index in range(400):
        level = np.clip(level + rng.normal(0, 0.03, SCORE_COUNT) - 0.005, 0, 1)
        state, expected = step(state, index * 200.0, level)
        if index % 50 == 7:
            text = json.dumps(state.to_json(), allow_nan=False)
            assert len(zlib.compress(text.encode())) < 1600
            restored = BaselineState.from_json(json.loads(text))
        elif index > 7:
            restored, found = step(restored, index * 200.0, level)
            np.testing.assert_array_equal(found, expected)
