"""Logistic regression with one-sided weights, in NumPy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.blendshapes.action_units import sigmoid

Floats = NDArray[np.float64]

STEPS_COUNT = 3000


@dataclass(frozen=True, slots=True)
class Logistic:
    """logit = x @ weights + intercept, on raw features."""

    weights: Floats
    intercept: float

    def logit(self, x: Floats) -> Floats:
        """Return logits [N] of inputs [N, F]."""
        return np.asarray(x @ self.weights + self.intercept)


def fit_logistic(x: Floats, target: Floats, signs: Floats, *, penalty: float) -> Logistic:
    """Fit inputs [N, F] to targets [N] in 0..1 with sign(weight) fixed by `signs` [F] (±1).

    `penalty` is the L2 weight on standardised features per sample. Accelerated projected
    gradient; the step is the inverse of the loss's curvature bound, so it cannot diverge.
    """
    mean, scale = x.mean(axis=0), x.std(axis=0) * signs
    inputs = np.hstack([(x - mean) / scale, np.ones((len(x), 1))])
    shrink = np.append(np.full(x.shape[1], penalty), 0.0)
    floor = np.append(np.zeros(x.shape[1]), -np.inf)
    step = 1.0 / (0.25 * np.linalg.norm(inputs, 2) ** 2 / len(x) + penalty)
    weights = ahead = np.zeros(inputs.shape[1])
    for count in range(STEPS_COUNT):
        gradient = inputs.T @ (sigmoid(inputs @ ahead) - target) / len(x) + shrink * ahead
        moved = np.maximum(ahead - step * gradient, floor)
        ahead = moved + count / (count + 3) * (moved - weights)
        weights = moved
    raw = weights[:-1] / scale
    return Logistic(raw, float(weights[-1] - mean @ raw))


def roc_auc(score: Floats, label: NDArray[np.integer]) -> float:
    """Return the area under the ROC curve for labels 0 and 1; ties count half."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int((label == 1).sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return float("nan")
    return float((rank[label == 1].sum() - positives * (positives + 1) / 2) / positives / negatives)
