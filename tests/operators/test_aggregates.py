"""Goal: merged summaries equal what numpy says of all values together, in whatever order.

Method: properties over random values with gaps, against mean, var, max and histogram by numpy on
values rounded to the unit; merging must be exact, so results are compared without tolerance.
"""

import json
import zlib
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.aggregates import (
    SCORE_COUNT,
    SCORE_NAMES,
    UNITS_PER_ONE,
    Aggregate,
    Tally,
    add,
    merge,
)
from schemas.windows import HISTOGRAM_BINS, WINDOW_COLUMNS, WINDOW_SCORES

AU12, VALENCE = SCORE_NAMES.index("AU12"), SCORE_NAMES.index("valence")
LOW = np.array([low for low, _ in WINDOW_SCORES.values()])

fractions = st.floats(0, 1) | st.just(np.nan) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
vectors = arrays(np.float64, SCORE_COUNT, elements=fractions).map(lambda v: LOW + v * (1 - LOW))
observations = st.lists(st.tuples(vectors, st.integers(-5000, 2**41)), max_size=12)


def of_all(given_observations) -> Aggregate:
    return reduce(lambda a, o: add(a, *o), given_observations, Aggregate.empty())


def same(a: Aggregate, b: Aggregate) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) and getattr(b, name).dtype == np.int64
        for name in Aggregate.__slots__
    )


def flat(value: float) -> np.ndarray:
    return np.full(SCORE_COUNT, value)


@given(observations.filter(bool))
def test_every_figure_is_what_numpy_says_of_all_values(given_observations):
    found = of_all(given_observations)
    values = np.array([vector for vector, _ in given_observations])
    times = np.array([event_ms for _, event_ms in given_observations])
    columns = found.columns(0)
    for index, (name, (low, high)) in enumerate(WINDOW_SCORES.items()):
        seen = np.isfinite(values[:, index])
        column = np.rint(values[seen, index] * UNITS_PER_ONE) / UNITS_PER_ONE
        if not seen.any():
            assert columns[f"{name}_mean"] is columns[f"{name}_hist"] is None
            continue
        assert columns[f"{name}_mean"] == pytest.approx(column.mean(), abs=1e-12)
        assert columns[f"{name}_var"] == pytest.approx(column.var(), abs=1e-12)
        assert columns[f"{name}_max"] == column.max()
        assert columns[f"{name}_max_ms"] == times[seen][column == column.max()].min()
        threshold = 0.5 if low == 0 else 0.0
        assert columns[f"{name}_share"] == (column >= threshold).mean()
        # Whole units, because the edges of np.histogram on floats are not where they read.
        units = np.rint(column * UNITS_PER_ONE)
        edges = np.linspace(low * UNITS_PER_ONE, high * UNITS_PER_ONE, HISTOGRAM_BINS + 1)
        assert columns[f"{name}_hist"] == np.histogram(units, np.rint(edges))[0].tolist()


@given(observations, observations, observations)
def test_merging_is_exactly_associative_and_commutative_and_empty_is_neutral(one, two, three):
    a, b, c = of_all(one), of_all(two), of_all(three)
    assert same(merge(a, b), merge(b, a))
    assert same(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert same(merge(merge(a, b), c), of_all([*three, *one, *two]))
    assert same(merge(a, Aggregate.empty()), a)


@given(observations)
def test_json_restores_it_exactly(given_observations):
    whole = of_all(given_observations)
    text = json.dumps(whole.to_json(), allow_nan=False)
    assert same(Aggregate.from_json(json.loads(text)), whole)


def test_scores_that_are_not_observed_do_not_count_and_the_others_do():
    values = flat(0.25)
    values[AU12] = np.nan
    found = add(of_all([(flat(0.75), 1)]), values, 2)
    assert found.counts[AU12] == 1
    assert found.mean[AU12] == 0.75
    assert found.mean[0] == 0.5
    infinite = add(found, flat(np.inf), 3)
    assert same(infinite, found)


def test_of_equal_highest_values_the_first_in_time_counts_whatever_the_order():
    later, earlier = Aggregate.of(flat(0.9), 700), Aggregate.of(flat(0.9), 300)
    assert (merge(later, earlier).max_ms == 300).all()
    assert (merge(earlier, later).max_ms == 300).all()


def test_bins_hold_their_lower_edge_and_the_last_also_the_upper():
    for value, expected in [(0.0, 0), (0.0999, 0), (0.1, 1), (0.3, 3), (0.7, 7), (1.0, 9)]:
        assert Aggregate.of(flat(value), 0).histogram[AU12].argmax() == expected
    for value, expected in [(-1.0, 0), (-0.6, 2), (0.0, 5), (0.2, 6), (1.0, 9)]:
        assert Aggregate.of(flat(value), 0).histogram[VALENCE].argmax() == expected


def test_values_beyond_the_range_are_held_within_it():
    over, under = Aggregate.of(flat(1.2), 0), Aggregate.of(flat(-3.0), 0)
    assert over.maximum[AU12] == 1.0
    assert under.maximum[AU12] == 0.0
    assert under.maximum[VALENCE] == -1.0


def test_the_variance_of_an_hour_of_equal_values_is_zero():
    found = Aggregate.of(flat(0.3333), 0)
    for _ in range(17):
        found = merge(found, found)
    assert found.counts[0] == 2**17
    assert (found.variance == 0).all()
    assert found.mean[0] == pytest.approx(0.3333, abs=1e-12)


def test_the_columns_are_those_of_the_table():
    found = set(Aggregate.empty().columns(0))
    wanted = {c.name for c in WINDOW_COLUMNS if c.name.split("_")[0].startswith("AU")}
    wanted |= {c.name for c in WINDOW_COLUMNS if c.name.startswith(("emotion", "valence", "arous"))}
    assert found == wanted


def test_nothing_gives_null_and_never_zero():
    assert set(Aggregate.empty().columns(0).values()) == {None}
    for figure in ("mean", "variance", "maximum", "share"):
        assert np.isnan(getattr(Aggregate.empty(), figure)).all()


def test_a_minute_of_one_face_is_stored_in_about_a_kilobyte():
    rng = np.random.default_rng(0)
    whole = of_all((rng.beta(0.7, 3, SCORE_COUNT), k * 200) for k in range(300))
    text = json.dumps(whole.to_json(), separators=(",", ":"))
    assert len(zlib.compress(text.encode())) < 1500


def test_tallies_add_up_and_survive_json():
    one = Tally(3, 1, 2, 1, of_all([(flat(0.5), 1)]))
    both = one.plus(Tally(1, 0, 1, 1))
    restored = Tally.from_json(json.loads(json.dumps(both.to_json())))
    assert [restored.scored_count, restored.abstained_count] == [4, 1]
    assert [restored.flagged_count, restored.speaking_count] == [3, 2]
    assert same(restored.aggregate, one.aggregate)
    assert repr(one.aggregate) == "Aggregate(1 observations)"
