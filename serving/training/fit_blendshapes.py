"""Fit of the blendshape scorer's coefficients on rendered, labelled faces.

Run as `python -m serving.training.fit_blendshapes --faces DIR --models DIR`; about one minute.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES, SIDED_AU_NAMES
from serving.blendshapes.action_units import (
    COEFFICIENTS_FILE,
    combine_sides,
    feature_value,
    sigmoid,
)
from serving.store import ModelStore
from serving.training.blendshape_faces import RenderedFaces, load_faces
from serving.training.blendshape_recipe import NEVER_OBSERVED, RECIPES, Recipe
from serving.training.logistic import Logistic, fit_logistic, roc_auc

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MODEL_ID = "blendshapes-1"
SEED = 20250101
HELD_OUT_SHARE = 0.2
# Strong enough that features which say the same share the weight, instead of the one that is
# best on renders taking all of it.
PENALTY = 0.01
# A frequency on renders would not carry over to real faces, so the probability is one under an
# even prior, lowered until at most 5 % of neutral renders exceed this value.
NEUTRAL_PROBABILITY_MAX = 0.1
NEUTRAL_PERCENTILE = 95
# Below this held-out AUC the action unit is declared not observed.
AUC_MIN = 0.6
# Below this AUC of left-only against right-only faces the side is declared not observed.
SIDE_AUC_MIN = 0.75


def main() -> None:
    """Fit every action unit and write coefficients.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder with faces.tar")
    parser.add_argument("--models", type=Path, required=True, help="folder with the weights")
    parser.add_argument("--out", type=Path, default=COEFFICIENTS_FILE)
    options = parser.parse_args()
    report = fit_all(load_faces(options.faces, ModelStore(options.models)))
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def fit_all(faces: RenderedFaces) -> dict[str, Any]:
    """Return the content of coefficients.json."""
    is_train = np.random.default_rng(SEED).random(len(faces.is_neutral)) >= HELD_OUT_SHARE
    units = {name: fit_unit(name, recipe, faces, is_train) for name, recipe in RECIPES.items()}
    for name, reason in NEVER_OBSERVED.items():
        units[name] = {"is_observed": False, "reason": reason}
    return {
        "model_id": MODEL_ID,
        "made_by": "python -m serving.training.fit_blendshapes",
        "recipe": {
            "seed": SEED,
            "held_out_share": HELD_OUT_SHARE,
            "penalty": PENALTY,
            "neutral_probability_max": NEUTRAL_PROBABILITY_MAX,
            "neutral_percentile": NEUTRAL_PERCENTILE,
            "auc_min": AUC_MIN,
            "side_auc_min": SIDE_AUC_MIN,
        },
        "data_sha256": faces.data_sha256,
        "train_count": int(is_train.sum()),
        "held_out_count": int((~is_train).sum()),
        "brow_shift": {str(index): round(s, 4) for index, s in faces.brow_shift.items()},
        "action_units": {name: units[name] for name in AU_NAMES},
    }


def fit_unit(name: str, recipe: Recipe, faces: RenderedFaces, is_train: Mask) -> dict[str, Any]:
    """Fit one action unit on the training pictures; measure it on the others."""
    halves = ("Left", "Right") if name in SIDED_AU_NAMES else ("",)
    raw = _fit_halves(recipe, faces, is_train, halves)
    label = recipe.labels(faces, "")
    by_half = [raw.logit(_design(recipe, faces, half)) for half in halves]
    logit = combine_sides(*by_half) if len(halves) > 1 else by_half[0]
    slope, offset = _scale(logit, label, faces.is_neutral, is_train)
    model = Logistic(slope * raw.weights, slope * raw.intercept + offset)
    logit = slope * logit + offset
    held_out = measure(logit, label, faces.is_neutral, ~is_train)
    if held_out["auc"] < AUC_MIN:
        reason = f"AUC {held_out['auc']:.2f} on held-out renders is below {AUC_MIN}"
        return {"is_observed": False, "reason": reason, "held_out": held_out}
    to_intensity = fit_logistic(
        logit[is_train, None], recipe.strength(faces, "")[is_train], np.ones(1), penalty=0.0
    )
    return {
        "is_observed": True,
        "intercept": round(model.intercept, 4),
        "weights": dict(zip(recipe.signs, model.weights.round(4).tolist(), strict=True)),
        "intensity_slope": round(float(to_intensity.weights[0]), 4),
        "intensity_offset": round(to_intensity.intercept, 4),
        **(side_entry(recipe, faces, *by_half) if len(halves) > 1 else {"has_side": False}),
        "held_out": held_out,
    }


def measure(logit: Floats, label: NDArray[np.int8], neutral: Mask, test: Mask) -> dict[str, Any]:
    """Return AUC, rates at probability 0.5 and the neutral faces' 95th percentile."""
    chosen = test & (label >= 0)
    positive, negative = (logit[chosen & (label == value)] for value in (1, 0))
    return {
        "auc": round(roc_auc(logit[chosen], label[chosen]), 3),
        "positives": len(positive),
        "negatives": len(negative),
        "hit_rate": round(float((positive > 0).mean()), 3),
        "false_alarm_rate": round(float((negative > 0).mean()), 3),
        "neutral_p95": round(_neutral_p95(logit[test & neutral]), 3),
    }


def side_entry(recipe: Recipe, faces: RenderedFaces, left: Floats, right: Floats) -> dict[str, Any]:
    """Tell how well the logits of the halves tell left-only from right-only faces.

    On all faces: one-sided ones are few, and no weight was fitted to tell the sides apart.
    """
    on_left, on_right = (recipe.labels(faces, half) for half in ("Left", "Right"))
    is_left = (on_left == 1) & (on_right == 0)
    one_sided = is_left | (on_left == 0) & (on_right == 1)
    auc = roc_auc((left - right)[one_sided], is_left[one_sided].astype(int))
    return {
        "has_side": bool(auc >= SIDE_AUC_MIN),
        "side_auc": round(auc, 3),
        "one_sided_count": int(one_sided.sum()),
    }


def _fit_halves(
    recipe: Recipe, faces: RenderedFaces, is_train: Mask, halves: tuple[str, ...]
) -> Logistic:
    """Fit one model for all halves: a left half is a sample as good as a right one."""
    inputs, targets = [], []
    for half in halves:
        label = recipe.labels(faces, half)
        known = is_train & (label >= 0)
        inputs.append(_design(recipe, faces, half)[known])
        targets.append(label[known].astype(float))
    signs = np.array(list(recipe.signs.values()), float)
    return fit_logistic(np.concatenate(inputs), np.concatenate(targets), signs, penalty=PENALTY)


def _design(recipe: Recipe, faces: RenderedFaces, half: str) -> Floats:
    return np.stack([feature_value(faces.features, name, half) for name in recipe.signs], axis=1)


def _scale(
    logit: Floats, label: NDArray[np.int8], is_neutral: Mask, is_train: Mask
) -> tuple[float, float]:
    """Return slope and offset from the raw logit of a face to the logit of its probability.

    Platt's scaling on the training renders under an even prior, then the neutral faces' limit.
    """
    known = is_train & (label >= 0)
    is_positive = label[known] == 1
    platt = fit_logistic(logit[known, None], is_positive.astype(float), np.ones(1), penalty=0.0)
    slope = float(platt.weights[0])
    offset = platt.intercept - _logit(is_positive.mean())
    quiet = slope * np.percentile(logit[is_train & is_neutral], NEUTRAL_PERCENTILE) + offset
    return slope, offset + min(0.0, float(_logit(NEUTRAL_PROBABILITY_MAX) - quiet))


def _neutral_p95(logit: Floats) -> float:
    return float(np.percentile(sigmoid(logit), NEUTRAL_PERCENTILE))


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


if __name__ == "__main__":
    main()
