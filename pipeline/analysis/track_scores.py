"""What one track remembers between its frames, and how its raw scores become columns."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from operators import baseline, blink, smooth, speaking
from operators.calibrate import Calibration, calibrate
from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES, Policy
from schemas.scores import FaceScores
from schemas.windows import WINDOW_SCORES

SCORE_NAMES = tuple(WINDOW_SCORES)
AU_COUNT = len(AU_NAMES)
_AU43, _AU45 = AU_NAMES.index("AU43"), AU_NAMES.index("AU45")

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrackMemory:
    """The temporal states of one track."""

    smoothing: smooth.SmoothState = field(default_factory=smooth.SmoothState)
    resting: baseline.BaselineState = field(default_factory=baseline.BaselineState)
    mouth: speaking.SpeakingState = field(default_factory=speaking.SpeakingState)
    eyes: blink.BlinkState = field(default_factory=blink.BlinkState)

    def to_json(self) -> dict[str, Any]:
        """Return the memory as plain JSON."""
        return {
            "smoothing": self.smoothing.to_json(),
            "resting": self.resting.to_json(),
            "mouth": self.mouth.to_json(),
            "eyes": self.eyes.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_json` returned."""
        return cls(
            smooth.SmoothState.from_json(data["smoothing"]),
            baseline.BaselineState.from_json(data["resting"]),
            speaking.SpeakingState.from_json(data["mouth"]),
            blink.BlinkState.from_json(data["eyes"]),
        )


@dataclass(frozen=True, slots=True)
class TrackScores:
    """The scores of one face on one frame: raw, final, and above the track's resting value.

    All are [35] in the order of `SCORE_NAMES`, NaN where not observed or not allowed.
    """

    raw: Vector
    final: Vector
    above_baseline: Vector
    intensity: Vector
    side: Vector
    confidence: float
    is_speaking: bool | None
    extra: dict[str, float]


def raw_vector(scores: FaceScores, index: int, policy: Policy) -> Vector:
    """Return face `index`'s scores as one vector; what policy forbids is NaN from here on."""
    raw = np.concatenate(
        [
            scores.au[index],
            scores.emotion[index],
            [scores.valence[index], scores.arousal[index]],
        ]
    ).astype(np.float64)
    if policy is not Policy.FULL:
        raw[AU_COUNT:] = np.nan
    return raw


def step(
    memory: TrackMemory,
    time_ms: float,
    scores: FaceScores,
    index: int,
    policy: Policy,
    calibration: Calibration,
    smoothing: smooth.SmoothSettings,
) -> tuple[TrackMemory, TrackScores]:
    """Turn the raw scores of a track's next frame into final ones."""
    raw = raw_vector(scores, index, policy)
    calibrated = raw.copy()
    calibrated[:AU_COUNT] = calibrate(raw[:AU_COUNT], calibration)
    eyes, calibrated[_AU45] = blink.step(memory.eyes, time_ms, float(calibrated[_AU43]))
    smoothed, final = smooth.step(memory.smoothing, time_ms, calibrated, smoothing)
    resting, rest = baseline.step(memory.resting, time_ms, final)
    signals = speaking.MouthSignals.of(calibrated[:AU_COUNT])
    mouth, is_speaking = speaking.step(memory.mouth, time_ms, signals)
    above = np.full_like(final, np.nan) if rest is None else final - rest
    result = TrackScores(
        raw=raw,
        final=final,
        above_baseline=above,
        intensity=scores.au_intensity[index].astype(np.float64),
        side=scores.au_side[index].astype(np.float64),
        confidence=float(scores.confidence[index]),
        is_speaking=is_speaking,
        extra=_extra(scores, index, policy),
    )
    return TrackMemory(smoothed, resting, mouth, eyes), result


def _extra(scores: FaceScores, index: int, policy: Policy) -> dict[str, float]:
    """Return an adapter's own scores; nobody knows what they tell, so only `full` allows them."""
    if policy is not Policy.FULL:
        return {}
    return {name: float(values[index]) for name, values in scores.extra.items()}


_EMPTY_COLUMNS: dict[str, Any] = {
    "confidence": None,
    "is_speaking": None,
    **{
        f"{name}{suffix}": None
        for name in AU_NAMES
        for suffix in ("_raw", "", "_above_baseline", "_intensity")
    },
    **{f"{name}_side": None for name in SIDED_AU_NAMES},
    **{
        f"{name}{suffix}": None
        for name in (*(f"emotion_{emotion}" for emotion in EMOTIONS), "valence", "arousal")
        for suffix in ("_raw", "")
    },
    "extra_scores": None,
}


def columns(scores: TrackScores | None) -> dict[str, Any]:
    """Return the score columns of table `frames`; all null for a face that was not scored."""
    row = dict(_EMPTY_COLUMNS)
    if scores is None:
        return row
    row["confidence"] = scores.confidence
    row["is_speaking"] = scores.is_speaking
    for index, name in enumerate(SCORE_NAMES):
        row[f"{name}_raw"] = float(scores.raw[index])
        row[name] = float(scores.final[index])
    for index, name in enumerate(AU_NAMES):
        row[f"{name}_above_baseline"] = float(scores.above_baseline[index])
        row[f"{name}_intensity"] = float(scores.intensity[index])
    for index, name in enumerate(SIDED_AU_NAMES):
        row[f"{name}_side"] = float(scores.side[index])
    if scores.extra:
        row["extra_scores"] = [{"name": n, "score": s} for n, s in sorted(scores.extra.items())]
    return row
