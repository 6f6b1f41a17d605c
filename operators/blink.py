"""Blinks: AU45 is a closure of the eyes (AU43) shorter than half a second."""

import math
from dataclasses import dataclass
from typing import Any, Self

CLOSED_PROBABILITY = 0.5
BLINK_MS_MAX = 500.0


@dataclass(frozen=True, slots=True)
class BlinkState:
    """Since when the eyes of one track have been closed; None while they are open."""

    closed_since_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {"closed_since_ms": self.closed_since_ms}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_json` returned."""
        return cls(data["closed_since_ms"])


def step(state: BlinkState, time_ms: float, closure: float) -> tuple[BlinkState, float]:
    """Return AU45 for one frame from `closure`, the probability of AU43.

    Causal: a closure counts as a blink until it has lasted `BLINK_MS_MAX`, and as AU43 alone from
    then on. NaN in gives NaN out and forgets the closure.
    """
    if math.isnan(closure):
        return BlinkState(), math.nan
    if closure < CLOSED_PROBABILITY:
        return BlinkState(), closure
    since_ms = time_ms if state.closed_since_ms is None else state.closed_since_ms
    is_blink = time_ms - since_ms < BLINK_MS_MAX
    return BlinkState(since_ms), closure if is_blink else 0.0
