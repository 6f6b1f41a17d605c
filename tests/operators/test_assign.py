"""Goal: the assignment is the cheapest there is.

Method: against every assignment of small random matrices.
"""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.assign import assign

ALONE = 4.0


def cheapest(costs: np.ndarray) -> float:
    rows, columns = costs.shape
    padded = np.concatenate([costs, np.full((rows, rows), ALONE)], axis=1)
    orders = permutations(range(columns + rows), rows)
    return min(sum(padded[row, column] for row, column in enumerate(order)) for order in orders)


@settings(deadline=None)
@given(
    rows=st.integers(1, 3),
    columns=st.integers(1, 4),
    seed=st.integers(0, 10_000),
    forbidden=st.floats(0, 0.8),
)
def test_the_total_cost_is_the_lowest_possible(
    rows: int, columns: int, seed: int, forbidden: float
) -> None:
    random = np.random.default_rng(seed)
    costs = random.uniform(0, 6, (rows, columns))
    costs[random.uniform(size=costs.shape) < forbidden] = np.inf
    pairs = assign(costs, ALONE)
    total = sum(costs[pair] for pair in pairs) + ALONE * (rows - len(pairs))
    assert total == pytest.approx(cheapest(costs))
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def test_a_forbidden_pair_never_comes_out() -> None:
    assert assign(np.array([[np.inf, 1.0], [np.inf, 2.0]]), ALONE) == [(0, 1)]


def test_nothing_is_joined_to_nothing() -> None:
    assert assign(np.zeros((0, 3)), ALONE) == []
    assert assign(np.zeros((3, 0)), ALONE) == []


def test_what_costs_more_than_staying_alone_stays_alone() -> None:
    assert assign(np.array([[ALONE + 0.1]]), ALONE) == []


def test_sixty_four_faces_are_assigned_to_themselves() -> None:
    costs = np.abs(np.subtract.outer(np.arange(64.0), np.arange(64.0)))
    assert assign(costs, ALONE) == [(index, index) for index in range(64)]
