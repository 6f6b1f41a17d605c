"""The speaking flag of one track: whether the mouth moves as in speech (seen, not heard).

Speech opens and closes the mouth again and again; a yawn does it once and slowly, a smile or a
held open mouth not at all. So swings of the mouth's opening are counted: a swing is a move in one
direction by at least `SWING`, however long it takes. Laughing and chewing look alike and are
flagged too.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES

# Least size of a swing, in parts of the opening's range of 0 to 1.
SWING = 0.15

# Speech begins with this many swings within `ONSET_MS`, and ends when none came for `PAUSE_MS`.
ONSET_SWINGS = 2
ONSET_MS = 900.0
PAUSE_MS = 700.0

# At low frame rates these times are stretched to so many frames, or no swing could be seen.
ONSET_FRAMES = 4.2
PAUSE_FRAMES = 2.2

OBSERVED_MS_MIN = 1000.0
RESET_MS = 1000.0  # after a longer gap everything begins afresh

# Takes the noise from high frame rates; at 5 frames a second it does next to nothing.
NOISE_TAU_MS = 60.0

_INDICES = tuple(AU_NAMES.index(name) for name in ("AU25", "AU26", "AU18"))


@dataclass(frozen=True, slots=True)
class MouthSignals:
    """Unsmoothed probabilities of lips parted, jaw dropped, lips puckered; NaN: not observed."""

    au25: float
    au26: float
    au18: float = math.nan

    @classmethod
    def of(cls, au: NDArray[np.floating[Any]]) -> Self:
        """Pick the signals from one face's AU probabilities [25], order of `AU_NAMES`."""
        return cls(*(float(au[index]) for index in _INDICES))

    @property
    def opening(self) -> float:
        """Return how open the mouth is; NaN where neither lips nor jaw are observed.

        Lips stay parted through much of speech while the jaw moves, and the other way round, so
        both count. Puckering closes the mouth towards the front.
        """
        parts = [part for part in (self.au25, self.au26) if not math.isnan(part)]
        if not parts:
            return math.nan
        pucker = 0.0 if math.isnan(self.au18) else self.au18
        return sum(parts) / len(parts) - 0.3 * pucker


@dataclass(frozen=True, slots=True)
class SpeakingState:
    """What is remembered of one track's mouth.

    since_ms: media time of the first observation, None before it. level: the opening, less noise.
    direction: of the last swing, 0 before any. extreme_low, extreme_high: lowest and highest level
    since then. swings_ms: media times of the last `ONSET_SWINGS` swings.
    """

    since_ms: float | None = None
    last_ms: float = 0.0
    level: float = 0.0
    direction: int = 0
    extreme_low: float = 0.0
    extreme_high: float = 0.0
    swings_ms: tuple[float, ...] = ()
    is_speaking: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {**asdict(self), "swings_ms": list(self.swings_ms)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        return cls(**{**data, "swings_ms": tuple(data["swings_ms"])})


def step(
    state: SpeakingState, pts_ms: float, mouth: MouthSignals
) -> tuple[SpeakingState, bool | None]:
    """Return the state and whether the mouth moves as in speech at `pts_ms`.

    None while the mouth is not observed, or was not yet for `OBSERVED_MS_MIN`. Causal: the flag
    comes with the second swing and goes `PAUSE_MS` after the last.
    """
    pts_ms, opening = float(pts_ms), float(mouth.opening)
    if math.isnan(opening):
        return state, None
    passed_ms = pts_ms - state.last_ms
    if state.since_ms is None or not 0 <= passed_ms <= RESET_MS:
        return SpeakingState(pts_ms, pts_ms, opening, 0, opening, opening), None
    weight = -math.expm1(-passed_ms / NOISE_TAU_MS)
    level = state.level + weight * (opening - state.level)
    state = _follow(replace(state, level=level, last_ms=pts_ms))
    state = replace(state, is_speaking=_is_speaking(state, passed_ms))
    is_known = pts_ms - (state.since_ms or 0.0) >= OBSERVED_MS_MIN
    return state, state.is_speaking if is_known else None


def _follow(state: SpeakingState) -> SpeakingState:
    """Follow the extremes, and note a swing where the level has left one by `SWING`."""
    low, high = min(state.extreme_low, state.level), max(state.extreme_high, state.level)
    rises = state.direction <= 0 and state.level - low >= SWING
    falls = state.direction >= 0 and high - state.level >= SWING
    if not rises and not falls:
        return replace(state, extreme_low=low, extreme_high=high)
    return replace(
        state,
        direction=1 if rises else -1,
        extreme_low=state.level,
        extreme_high=state.level,
        swings_ms=(*state.swings_ms, state.last_ms)[-ONSET_SWINGS:],
    )


def _is_speaking(state: SpeakingState, frame_ms: float) -> bool:
    if not state.swings_ms:
        return False
    if state.last_ms - state.swings_ms[-1] > max(PAUSE_MS, PAUSE_FRAMES * frame_ms):
        return False
    onset_ms = max(ONSET_MS, ONSET_FRAMES * frame_ms)
    has_begun = (
        len(state.swings_ms) == ONSET_SWINGS and state.last_ms - state.swings_ms[0] <= onset_ms
    )
    return state.is_speaking or has_begun
