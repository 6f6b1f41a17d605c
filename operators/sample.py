"""Sampling to the analysis rate by presentation time, never by counting frames."""

from dataclasses import dataclass
from math import floor
from typing import Any

# Pts are floats made from integer ticks; a frame a hair before its slot belongs to the slot.
_SLOT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class SampleState:
    """The last slot that gave a frame; None before the first frame of an epoch."""

    slot: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as a plain dict."""
        return {"slot": self.slot}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "SampleState":
        """Rebuild the state from `to_json`'s dict."""
        return cls(data["slot"])


def is_sampled(state: SampleState, pts_ms: float, fps: float) -> tuple[SampleState, bool]:
    """Tell whether the frame at `pts_ms` is analysed at `fps` frames per second of media time.

    Time is cut into slots of 1 / fps; the first frame of each slot is taken. A rate above the
    source's takes every frame. Frames that go back in time are not taken.
    """
    assert fps > 0, "the analysis rate is positive"
    slot = floor(pts_ms * fps / 1000.0 + _SLOT_TOLERANCE)
    if state.slot is not None and slot <= state.slot:
        return state, False
    return SampleState(slot), True
