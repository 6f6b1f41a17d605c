"""Optimal assignment of rows to columns at the lowest total cost."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def assign(costs: Floats, unmatched_cost: float) -> list[tuple[int, int]]:
    """Return (row, column) pairs, in order of rows, whose total cost is lowest.

    `costs` is [rows, columns], infinite where a pair is forbidden. A row may stay alone at
    `unmatched_cost`, so dearer pairs never come out. Takes O(rows² · columns).
    Source: shortest augmenting paths with potentials (Jonker and Volgenant, 1987).
    """
    rows, columns = costs.shape
    if rows == 0 or columns == 0:
        return []
    alone = np.full((rows, rows), unmatched_cost)
    capped = np.where(costs <= unmatched_cost, costs, 2.0 * unmatched_cost * (rows + 1))
    row_of = _solve(np.concatenate([capped, alone], axis=1))[:columns]
    pairs = [(int(row), column) for column, row in enumerate(row_of) if row >= 0]
    return sorted(pair for pair in pairs if costs[pair] <= unmatched_cost)


def _solve(costs: Floats) -> NDArray[np.int64]:
    """Return the row of each column, -1 for none; needs at least as many columns as rows."""
    rows, columns = costs.shape
    row_potential = np.zeros(rows)
    column_potential = np.zeros(columns)
    row_of = np.full(columns, -1, np.int64)
    for row in range(rows):
        _augment(costs, row, row_potential, column_potential, row_of)
    return row_of


def _augment(
    costs: Floats, start: int, row_potential: Floats, column_potential: Floats,
    row_of: NDArray[np.int64],
) -> None:  # fmt: skip
    """Give row `start` a column along the cheapest path of reassignments, in place."""
    columns = costs.shape[1]
    slack = np.full(columns, np.inf)
    came_from = np.full(columns, -1, np.int64)
    is_used = np.zeros(columns, bool)
    row, column = start, -1
    for _ in range(columns):
        reduced = costs[row] - row_potential[row] - column_potential
        is_better = ~is_used & (reduced < slack)
        slack[is_better] = reduced[is_better]
        came_from[is_better] = column
        column = int(np.argmin(np.where(is_used, np.inf, slack)))
        delta = slack[column]
        row_potential[start] += delta
        row_potential[row_of[is_used]] += delta
        column_potential[is_used] -= delta
        slack[~is_used] -= delta
        is_used[column] = True
        if row_of[column] < 0:
            break
        row = int(row_of[column])
    while column >= 0:  # at most once per column
        previous = int(came_from[column])
        row_of[column] = start if previous < 0 else row_of[previous]
        column = previous
