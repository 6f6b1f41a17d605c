"""The measurement behind the model card's figures on rendered faces: the committed coefficients.

Run as `python -m tests.bench.renders --faces DIR [--models DIR] [--json]`; some minutes. Only
pictures that the fit held out count. Skin groups are the darkest and the lightest third of them.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS
from serving.blendshapes.action_units import (
    COEFFICIENTS_FILE,
    ActionUnits,
    load_models,
    score_action_units,
)
from serving.emotions import read_expressions
from serving.store import ModelStore
from serving.training.blendshape_faces import RenderedFaces, load_faces
from serving.training.blendshape_recipe import RECIPES
from serving.training.fit_blendshapes import HELD_OUT_SHARE, SEED, measure
from serving.training.logistic import roc_auc

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

TURNED_YAW_DEG = 25.0
LUMA = np.array([0.2126, 0.7152, 0.0722])
DRAWS_COUNT = 500
INTERVAL = (2.5, 97.5)


def figures(faces: RenderedFaces) -> dict[str, Any]:
    """Return all figures of the pictures that the fit held out."""
    is_held_out = np.random.default_rng(SEED).random(len(faces.records)) < HELD_OUT_SHARE
    units = score_action_units(faces.features, load_models())
    yaw_deg = np.abs([record["yaw_deg"] for record in faces.records])
    dark, light = skin_groups(faces, is_held_out)
    logits = logits_of(units)
    entries = {}
    for name, logit in logits.items():
        label = RECIPES[name].labels(faces, "")
        entries[name] = {
            **measure(logit, label, faces.is_neutral, is_held_out),
            "turned_auc": _auc(logit, label, is_held_out & (yaw_deg > TURNED_YAW_DEG)),
            "dark_auc": _auc(logit, label, dark),
            "light_auc": _auc(logit, label, light),
        }
    return {
        "pictures": len(faces.records),
        "held_out": int(is_held_out.sum()),
        "turned": int((is_held_out & (yaw_deg > TURNED_YAW_DEG)).sum()),
        "action_units": entries,
        "mean_auc": float(np.mean([entry["auc"] for entry in entries.values()])),
        "mean_turned_auc": float(np.nanmean([entry["turned_auc"] for entry in entries.values()])),
        "skin": skin_figures(faces, logits, dark, light),
        "expressions": expressions(faces, units, is_held_out),
    }


def logits_of(units: ActionUnits) -> dict[str, Floats]:
    """Return the logit [N] of every observed action unit."""
    table = np.clip(units.probability.astype(float), 1e-7, 1 - 1e-7)
    table = np.log(table / (1 - table))
    return {name: table[:, AU_NAMES.index(name)] for name in RECIPES if name in load_models()}


def skin_groups(faces: RenderedFaces, chosen: Mask) -> tuple[Mask, Mask]:
    """Return the darkest and the lightest third of the chosen pictures, by mean skin luma."""
    luma = np.array([record["skin_rgb"] for record in faces.records], float) @ LUMA
    low, high = np.quantile(luma[chosen], (1 / 3, 2 / 3))
    return chosen & (luma <= low), chosen & (luma >= high)


def skin_figures(
    faces: RenderedFaces, logits: Mapping[str, Floats], dark: Mask, light: Mask
) -> dict[str, Any]:
    """Return mean AUC, hits and false alarms by group, and the gap's interval over pictures."""
    labels = {name: RECIPES[name].labels(faces, "") for name in logits}

    def summary(rows: NDArray[np.intp]) -> tuple[float, float, float]:
        aucs, hits, alarms = [], [], []
        for name, logit in logits.items():
            label, score = labels[name][rows], logit[rows]
            aucs.append(roc_auc(score[label >= 0], label[label >= 0].astype(int)))
            hits.append((score[label == 1] > 0).mean())
            alarms.append((score[label == 0] > 0).mean())
        return float(np.nanmean(aucs)), float(np.nanmean(hits)), float(np.nanmean(alarms))

    random = np.random.default_rng(SEED)
    indices = np.flatnonzero(dark), np.flatnonzero(light)
    gaps = []
    for _ in range(DRAWS_COUNT):
        dark_drawn, light_drawn = (summary(random.choice(rows, len(rows))) for rows in indices)
        gaps.append(np.subtract(dark_drawn, light_drawn))
    names = ("mean_auc", "mean_hit_rate", "mean_false_alarm_rate")
    low, high = np.percentile(gaps, INTERVAL, axis=0)
    both = [summary(rows) for rows in indices]
    return {
        "dark_count": len(indices[0]),
        "light_count": len(indices[1]),
        **{
            name: {"dark": both[0][i], "light": both[1][i], "gap_95": [low[i], high[i]]}
            for i, name in enumerate(names)
        },
    }


def expressions(
    faces: RenderedFaces, units: ActionUnits, chosen: Mask
) -> dict[str, dict[str, int]]:
    """Return expression recipe -> strongest scored expression -> number of held-out pictures."""
    emotion = read_expressions(units.probability, units.side).emotion
    recipe = np.array([record["emotion"] or "" for record in faces.records])
    return {
        name: dict(Counter(EMOTIONS[i] for i in emotion[chosen & (recipe == name)].argmax(axis=1)))
        for name in EMOTIONS
    }


def _auc(logit: Floats, label: NDArray[np.int8], chosen: Mask) -> float:
    known = chosen & (label >= 0)
    return round(roc_auc(logit[known], label[known].astype(int)), 3)


def lines(result: dict[str, Any]) -> list[str]:
    """Return the result as text, tables in Markdown."""
    names = ("positives", "negatives", "auc", "hit_rate", "false_alarm_rate", "neutral_p95",
             "turned_auc", "dark_auc", "light_auc")  # fmt: skip
    turned = f"{result['turned']} turned more than {TURNED_YAW_DEG:g} degrees"
    out = [f"{result['pictures']} pictures; held out {result['held_out']}, of them {turned}", ""]
    out += ["| AU | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for au, entry in result["action_units"].items():
        out.append(f"| {au} | " + " | ".join(f"{entry[name]:g}" for name in names) + " |")
    means = f"mean AUC {result['mean_auc']:.3f}, turned heads {result['mean_turned_auc']:.3f}"
    out += ["", means, ""]
    skin = dict(result["skin"])
    out.append(f"skin: {skin.pop('dark_count')} darkest, {skin.pop('light_count')} lightest")
    for name, entry in skin.items():
        low, high = entry["gap_95"]
        told = f"dark {entry['dark']:.3f}, light {entry['light']:.3f}"
        out.append(f"{name}: {told}, dark - light 95 % {low:+.3f} to {high:+.3f}")
    out += [f"recipe {name}: {counts}" for name, counts in result["expressions"].items()]
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder with faces.tar")
    parser.add_argument("--models", type=Path, help="folder with the weights")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stored = json.loads(COEFFICIENTS_FILE.read_text(encoding="utf-8"))
    faces = load_faces(options.faces, ModelStore(options.models))
    if faces.data_sha256 != stored["data_sha256"]:
        raise SystemExit(f"{options.faces}: not the pictures that the coefficients come from")
    result = figures(faces)
    text = json.dumps(result, indent=2) if options.json else "\n".join(lines(result))
    print(text)  # noqa: T201 - a tool at the command line


if __name__ == "__main__":
    main()
