"""Expression names, valence and arousal read off action units by published prototypes.

Circular by construction: an expression here is a named combination of action units, never a
claim about what the person feels. Valence and arousal are experimental; no CCC is claimed.

Sources of the prototypes: P. Ekman, W. Friesen, J. Hager, Facial Action Coding System,
Investigator's Guide (2002), table of prototypes and major variants; S. Du, Y. Tao, A. Martinez,
Compound facial expressions of emotion, PNAS 111(15), 2014; for contempt P. Ekman, W. Friesen,
A new pan-cultural facial expression of emotion, Motivation and Emotion 10, 1986. AU23, AU54 and
AU64 of the table are not among our action units and are left out.

Source of the valence and arousal of the pure expressions: J. Russell, A. Mehrabian, Evidence for
a three-factor theory of emotions, J. Research in Personality 11, 1977 (means of happy, sad,
fearful, disgusted, angry; arousal of surprised), rounded to 0.05. Ours: surprise has no valence,
contempt (-0.3, 0.2), neutral (0, 0).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES

Floats = NDArray[np.float64]

# Emotion -> variants: the action units that together make it, and how typical that is (1 =
# prototype). `L12` means AU12 on one side only, `L14` likewise.
VARIANTS: dict[str, tuple[tuple[str, float], ...]] = {
    "happiness": (("6 12", 1.0), ("12", 0.9)),
    "sadness": (("1 4 15", 1.0), ("1 4 15 17", 1.0), ("6 15", 0.8), ("1 4", 0.7), ("15 17", 0.7)),
    "surprise": (
        ("1 2 5 26", 1.0), ("1 2 5 27", 1.0), ("1 2 5", 0.9), ("1 2 26", 0.9), ("1 2 27", 0.9),
        ("5 26", 0.7), ("5 27", 0.7),
    ),
    "fear": (
        ("1 2 4 5 20 25", 1.0), ("1 2 4 5 25", 1.0), ("1 2 4 5", 0.9), ("1 4 20 25", 0.8),
        ("5 20", 0.8),
    ),
    "disgust": (
        ("9", 0.9), ("9 17", 1.0), ("9 16 25", 1.0), ("10 17", 0.9), ("10 16 25", 0.9),
        ("4 9 10", 1.0),
    ),
    "anger": (
        ("4 5 7 24", 1.0), ("4 5 7 17 24", 1.0), ("4 5 7 10 25", 1.0), ("4 7 24", 0.9),
        ("4 7 17", 0.8), ("4 5 7", 0.8), ("4 5 24", 0.8),
    ),
    "contempt": (("L14", 1.0), ("L12", 0.9)),
}  # fmt: skip

# Action units that speak against an emotion although its own are there.
# `S43` means AU43 with the lips together: shut eyes over closed lips are a grimace of pain or
# crying (K. Prkachin, P. Solomon, Pain 139, 2008) more often than a smile. That rule is ours.
AGAINST: dict[str, tuple[str, ...]] = {
    "happiness": ("4", "15", "S43"),
    "sadness": ("12",),
    "surprise": ("4",),
    "fear": ("12",),
    "disgust": ("12",),
    "anger": ("12",),
    "contempt": ("25", "26", "S43"),
}
# How much of the evidence a fully present opposing action unit takes away.
AGAINST_SHARE = 0.8
# Evidence up to here counts as none: scorers are set so that neutral faces stay below it.
QUIET = 0.1
# A one-sided action starts at this balance between the sides and is plain 0.4 later.
ONE_SIDED_FROM = 0.4
ONE_SIDED_OVER = 0.4

# (valence, arousal) of the pure expression.
CIRCUMPLEX: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "happiness": (0.8, 0.5),
    "sadness": (-0.65, -0.25),
    "surprise": (0.0, 0.65),
    "fear": (-0.65, 0.6),
    "disgust": (-0.6, 0.35),
    "anger": (-0.5, 0.6),
    "contempt": (-0.3, 0.2),
}


@dataclass(frozen=True, slots=True)
class Expressions:
    """Expression scores of N faces, float32, NaN where no action unit was observed."""

    emotion: NDArray[np.float32]
    """[N, 8] distribution in order of `EMOTIONS`."""
    valence: NDArray[np.float32]
    """[N] in [-1, 1]."""
    arousal: NDArray[np.float32]
    """[N] in [-1, 1]."""


def read_expressions(au: NDArray[np.float32], au_side: NDArray[np.float32]) -> Expressions:
    """Read probabilities `au` [N, 25] and sides `au_side` [N, 12]; NaN means not observed.

    Evidence of an emotion: over its variants, the largest geometric mean of the variant's
    observed action units times its typicality, less the opposing units' share and `QUIET`.
    Neutral: the product of (1 - evidence) over all emotions. The eight are divided by their
    sum. Valence and arousal are the distribution's mean over `CIRCUMPLEX`.
    """
    probability = np.asarray(au, float)
    side = np.asarray(au_side, float)
    evidence = {name: _evidence(name, probability, side) for name in VARIANTS}
    evidence["neutral"] = np.prod([1 - value for value in evidence.values()], axis=0)
    table = np.stack([evidence[name] for name in EMOTIONS], axis=1)
    emotion = table / table.sum(axis=1, keepdims=True)
    emotion[np.isnan(probability).all(axis=1)] = np.nan
    plane = emotion @ np.array([CIRCUMPLEX[name] for name in EMOTIONS])
    return Expressions(
        emotion.astype(np.float32),
        plane[:, 0].astype(np.float32),
        plane[:, 1].astype(np.float32),
    )


def _evidence(name: str, probability: Floats, side: Floats) -> Floats:
    strongest = np.zeros(len(probability))
    for units, typicality in VARIANTS[name]:
        terms = np.stack([_unit(unit, probability, side) for unit in units.split()], axis=1)
        strongest = np.maximum(strongest, typicality * _geometric_mean(terms))
    for unit in AGAINST[name]:
        opposing = np.nan_to_num(_unit(unit, probability, side))
        strongest = strongest * (1 - AGAINST_SHARE * opposing)
    return np.maximum(strongest - QUIET, 0.0) / (1 - QUIET)


def _unit(unit: str, probability: Floats, side: Floats) -> Floats:
    """Return the probability [N] of `12`, of `L12` (one-sided) or of `S43` (lips together)."""
    name = f"AU{int(unit.lstrip('LS')):02d}"
    value = probability[:, AU_NAMES.index(name)]
    if unit.startswith("L"):
        tilt = np.abs(side[:, SIDED_AU_NAMES.index(name)])
        return value * np.clip((tilt - ONE_SIDED_FROM) / ONE_SIDED_OVER, 0.0, 1.0)
    if unit.startswith("S"):
        return value * (1 - np.nan_to_num(probability[:, AU_NAMES.index("AU25")]))
    return value


def _geometric_mean(terms: Floats) -> Floats:
    """Return the geometric mean [N] of [N, K] over observed terms; 0 if half are missing."""
    is_seen = ~np.isnan(terms)
    logs = np.log(np.where(is_seen, np.maximum(terms, 1e-6), 1.0))
    seen_count = is_seen.sum(axis=1)
    mean = np.exp(logs.sum(axis=1) / np.maximum(seen_count, 1))
    return np.where(2 * seen_count > terms.shape[1], mean, 0.0)
