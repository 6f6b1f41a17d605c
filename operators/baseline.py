"""The resting value of each of a track's scores: a low quantile of all it has shown so far.

A quantile over time, read from a histogram, is moved by a smile or a talk only once they fill
most of the time observed, and it is right from the first seconds for a face whose brows are low
by build. It may fall at once but rises slowly, so that a long smile soon after a track's start
leaves little behind. Stochastic approximation was measured beside it: it has to be slow to
withstand a long smile, and is then slow to leave a wrong start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from operators.aggregates import SCORE_COUNT
from operators.smooth import listed
from schemas.windows import WINDOW_SCORES

Floats = NDArray[np.float64]

BIN_COUNT = 40
TICK_MS = 10

# An observation stands for the time since the one before, at most for this long: below 2 frames
# a second, and after a gap, nobody knows what the face showed in between.
OBSERVED_MS_MAX = 500.0

# Once a score's histogram holds this much, it is halved: what is older weighs half, and so on.
HISTORY_S = 600.0

_LOW, _HIGH = (np.array(limits) for limits in zip(*WINDOW_SCORES.values(), strict=True))
_WIDTH = (_HIGH - _LOW) / BIN_COUNT
_ROWS = np.arange(SCORE_COUNT)


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """quantile: of the time observed. observed_s_min: no resting value before that.

    rise_per_s_max: how fast a known resting value may grow, in parts of the score's range.
    """

    quantile: float = 0.25
    observed_s_min: float = 2.0
    rise_per_s_max: float = 0.01


@dataclass(frozen=True, slots=True)
class BaselineState:
    """What one track has shown so far.

    ticks: int64 [35, bins], time at each level, in steps of 10 ms. resting: float64 [35], NaN
    where not known yet. pts_ms: media time of the last observation.
    """

    ticks: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((SCORE_COUNT, BIN_COUNT), np.int64)
    )
    resting: Floats = field(default_factory=lambda: np.full(SCORE_COUNT, np.nan))
    pts_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON: filled cells as steps to the next one, and contents."""
        cells = self.ticks.reshape(-1)
        filled = np.flatnonzero(cells)
        return {
            "steps": np.diff(filled, prepend=0).tolist(),
            "ticks": cells[filled].tolist(),
            "resting": listed(self.resting),
            "pts_ms": self.pts_ms,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        cells = np.zeros(SCORE_COUNT * BIN_COUNT, np.int64)
        cells[np.cumsum(np.array(data["steps"], np.int64))] = data["ticks"]
        ticks = cells.reshape(SCORE_COUNT, BIN_COUNT)
        return cls(ticks, np.array(data["resting"], np.float64), data["pts_ms"])


def step(
    state: BaselineState, pts_ms: float, values: Floats, settings: BaselineSettings | None = None
) -> tuple[BaselineState, Floats | None]:
    """Return the state and the resting values [35] with `values` [35] taken in.

    NaN in `values` is not observed. A resting value is NaN until its score was observed for
    `observed_s_min`; None stands for no resting value at all.
    """
    settings = settings or BaselineSettings()
    passed_ms = _passed_ms(state.pts_ms, pts_ms)
    ticks = _counted(state.ticks, values, round(passed_ms / TICK_MS))
    quantile = _quantile(ticks, settings)
    highest = state.resting + settings.rise_per_s_max * passed_ms / 1000 * (_HIGH - _LOW)
    # Rounded, so that checkpoints stay small.
    resting = np.round(np.fmin(quantile, highest), 5)
    resting = np.where(np.isnan(quantile), np.nan, resting)
    is_known = not np.isnan(resting).all()
    return BaselineState(ticks, resting, pts_ms), resting if is_known else None


def _counted(ticks: NDArray[np.int64], values: Floats, tick_count: int) -> NDArray[np.int64]:
    is_seen = np.isfinite(values)
    levels = (np.where(is_seen, values, _LOW) - _LOW) / _WIDTH
    bins = np.clip(levels.astype(np.int64), 0, BIN_COUNT - 1)
    ticks = ticks.copy()
    ticks[_ROWS, bins] += is_seen * tick_count
    is_full = ticks.sum(axis=1) * TICK_MS >= HISTORY_S * 1000
    ticks[is_full] //= 2
    return ticks


def _quantile(ticks: NDArray[np.int64], settings: BaselineSettings) -> Floats:
    """Return the quantile [35] of the time in `ticks`, linear within a bin (see `step`)."""
    reached = np.cumsum(ticks, axis=1)
    total = reached[:, -1]
    is_known = total * TICK_MS >= settings.observed_s_min * 1000
    wanted = settings.quantile * total
    bins = np.minimum((reached < wanted[:, None]).sum(axis=1), BIN_COUNT - 1)
    inside = ticks[_ROWS, bins]
    share = (wanted - reached[_ROWS, bins] + inside) / np.maximum(inside, 1)
    return np.where(is_known, _LOW + (bins + share) * _WIDTH, np.nan)


def _passed_ms(before_ms: float | None, now_ms: float) -> float:
    return 0.0 if before_ms is None else min(max(now_ms - before_ms, 0.0), OBSERVED_MS_MAX)
