"""Causal smoothing of one track's scores over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from operators.aggregates import SCORE_COUNT, SCORE_NAMES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SmoothSettings:
    """How strongly scores are smoothed.

    tau_s: time after which a step has reached 63 % of its height; 0 leaves scores as they are.
    unsmoothed: scores that are shorter than that by nature, such as blinks.
    reset_s: after a longer gap a score starts afresh.
    """

    tau_s: float = 0.35
    unsmoothed: tuple[str, ...] = ("AU43", "AU45")
    reset_s: float = 1.0


@dataclass(frozen=True, slots=True)
class SmoothState:
    """Last smoothed value of each score and the media time of its last observation.

    values float64 [35]; seen_ms float64 [35]; both NaN for a score that was never observed.
    """

    values: Floats = field(default_factory=lambda: np.full(SCORE_COUNT, np.nan))
    seen_ms: Floats = field(default_factory=lambda: np.full(SCORE_COUNT, np.nan))

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON, None for NaN."""
        return {"values": listed(self.values), "seen_ms": listed(self.seen_ms)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        values, seen_ms = (np.array(data[key], np.float64) for key in ("values", "seen_ms"))
        return cls(values, seen_ms)


def step(
    state: SmoothState, pts_ms: float, values: Floats, settings: SmoothSettings | None = None
) -> tuple[SmoothState, Floats]:
    """Return the state and `values` [35] smoothed exponentially over the time since the last ones.

    NaN (not observed) stays NaN and leaves that score's state alone. Scores of equal smoothing
    that sum to 1 still do. Time that stands still or goes back weighs nothing.
    """
    settings = settings or SmoothSettings()
    values = np.where(np.isfinite(values), values, np.nan)
    gap_s = (pts_ms - state.seen_ms) / 1000.0
    is_fresh = ~(np.abs(gap_s) <= settings.reset_s)  # true for NaN: never observed
    weights = -np.expm1(-np.maximum(gap_s, 0.0) / max(settings.tau_s, 1e-9))
    weights[is_fresh | _unsmoothed(settings)] = 1.0
    kept = np.where(weights < 1.0, state.values, values)
    smoothed = kept + weights * (values - kept)
    is_seen = ~np.isnan(values)
    smoothed[~is_seen] = np.nan
    remembered = np.where(is_seen, smoothed, state.values)
    return SmoothState(remembered, np.where(is_seen, pts_ms, state.seen_ms)), smoothed


def listed(values: Floats) -> list[float | None]:
    """Return `values` as JSON-able floats, None for NaN."""
    return [None if value != value else value for value in values.tolist()]


def _unsmoothed(settings: SmoothSettings) -> NDArray[np.bool_]:
    if settings.tau_s <= 0:
        return np.ones(SCORE_COUNT, bool)
    return np.array([name in settings.unsmoothed for name in SCORE_NAMES])
