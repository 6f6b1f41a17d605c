"""Action units from named face features: one small logistic model per action unit.

The numbers live in `coefficients.json`, written by `serving.training.fit_blendshapes`; the file
says beside each action unit how well it does and for which ones this model sees nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES, SIDED_AU_NAMES

Floats = NDArray[np.float64]

COEFFICIENTS_FILE = Path(__file__).with_name("coefficients.json")
INTENSITY_MAX = 5.0
# A face-level score of a two-sided action unit leans on its stronger side, so that a
# one-sided action still counts.
STRONGER_SIDE_SHARE = 0.75
# Below this intensity a difference between the sides is noise and is shown as balance.
TRACE_INTENSITY = 1.0


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Logit and intensity of one action unit as weighted features."""

    weights: Mapping[str, float]
    """Feature name -> weight. Of a name with two sides, see `feature_value`."""
    intercept: float
    intensity_slope: float
    intensity_offset: float
    has_side: bool = True
    """False where the model cannot tell left from right, or the action has no sides."""

    def intensity(self, logit: Floats) -> Floats:
        """Map a logit to the model's own scale 0..5."""
        return INTENSITY_MAX * sigmoid(self.intensity_slope * logit + self.intensity_offset)


@dataclass(frozen=True, slots=True)
class ActionUnits:
    """Scores of N faces; float32, NaN where this model observes nothing."""

    probability: NDArray[np.float32]
    """[N, 25] in order of `AU_NAMES`."""
    intensity: NDArray[np.float32]
    """[N, 25] in 0..5."""
    side: NDArray[np.float32]
    """[N, 12] in order of `SIDED_AU_NAMES`; +1 only on the person's left."""


@cache
def load_models(path: Path = COEFFICIENTS_FILE) -> dict[str, LinearModel]:
    """Read the models of all observed action units by name."""
    stored = json.loads(path.read_text(encoding="utf-8"))["action_units"]
    return {
        name: LinearModel(
            weights=entry["weights"],
            intercept=entry["intercept"],
            intensity_slope=entry["intensity_slope"],
            intensity_offset=entry["intensity_offset"],
            has_side=entry["has_side"],
        )
        for name, entry in stored.items()
        if entry["is_observed"]
    }


def score_action_units(
    features: Mapping[str, Floats], models: Mapping[str, LinearModel]
) -> ActionUnits:
    """Score N faces from features by name, each [N]; an AU without a model stays NaN."""
    count = len(next(iter(features.values())))
    probability = np.full((count, len(AU_NAMES)), np.nan, np.float32)
    intensity = np.full((count, len(AU_NAMES)), np.nan, np.float32)
    side = np.full((count, len(SIDED_AU_NAMES)), np.nan, np.float32)
    for name, model in models.items():
        column = AU_NAMES.index(name)
        if name in SIDED_AU_NAMES:
            left, right = (side_logit(model, features, half) for half in ("Left", "Right"))
            logit = combine_sides(left, right)
            if model.has_side:
                tilt = balance(model.intensity(left), model.intensity(right))
                side[:, SIDED_AU_NAMES.index(name)] = tilt
        else:
            logit = side_logit(model, features, "")
        probability[:, column] = sigmoid(logit)
        intensity[:, column] = model.intensity(logit)
    return ActionUnits(probability, intensity, side)


def side_logit(model: LinearModel, features: Mapping[str, Floats], half: str) -> Floats:
    """Return the logit [N] as seen on `half`: Left, Right, or both if empty."""
    terms = (weight * feature_value(features, name, half) for name, weight in model.weights.items())
    return np.asarray(sum(terms, start=np.float64(model.intercept)))


def feature_value(features: Mapping[str, Floats], name: str, half: str) -> Floats:
    """Return the feature of that half, the whole-face one, or else the mean of both halves."""
    if half and name + half in features:
        return features[name + half]
    if name in features:
        return features[name]
    return (features[name + "Left"] + features[name + "Right"]) / 2


def combine_sides(left: Floats, right: Floats) -> Floats:
    """Weigh the stronger side's logit three to one against the weaker side's."""
    stronger, weaker = np.maximum(left, right), np.minimum(left, right)
    return STRONGER_SIDE_SHARE * stronger + (1 - STRONGER_SIDE_SHARE) * weaker


def balance(left_intensity: Floats, right_intensity: Floats) -> Floats:
    """Return (left - right) / the stronger, in [-1, 1]; faint actions are pulled to 0."""
    stronger = np.maximum(np.maximum(left_intensity, right_intensity), TRACE_INTENSITY)
    return (left_intensity - right_intensity) / stronger


def sigmoid(logit: Floats) -> Floats:
    """Return the logistic function without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logit))
