"""Calibration: per-AU Platt scaling of a model's raw probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """p' = sigmoid(slope * logit(p) + offset), one pair per AU in the order of `AU_NAMES`.

    Source: J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("slope", "offset"):
            if getattr(self, name).shape != (len(AU_NAMES),):
                raise ValueError(f"Calibration.{name} needs {len(AU_NAMES)} values")


def calibration_from(pairs: dict[str, tuple[float, float]]) -> Calibration:
    """Return a calibration from AU -> (slope, offset); AUs left out keep their probability."""
    slope, offset = np.ones(len(AU_NAMES)), np.zeros(len(AU_NAMES))
    for name, pair in pairs.items():
        slope[AU_NAMES.index(name)], offset[AU_NAMES.index(name)] = pair
    return Calibration(slope, offset)


def calibrate(probabilities: NDArray[np.float64], by: Calibration) -> NDArray[np.float64]:
    """Return calibrated probabilities [..., 25]; NaN stays NaN, an untouched AU stays exact."""
    clipped = np.clip(probabilities, _EDGE, 1 - _EDGE)
    logits = np.log(clipped / (1 - clipped))
    scaled = 1 / (1 + np.exp(-(by.slope * logits + by.offset)))
    is_identity = (by.slope == 1) & (by.offset == 0)
    return np.where(is_identity, probabilities, scaled)
