"""Figures of a scorer against hand labels: hits, false alarms, AUC, expressions, smile strength."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.detect import Box
from schemas.names import AU_NAMES, EMOTIONS
from serving.training.logistic import roc_auc

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PRESENT_MIN = 0.5
# An AUC of fewer faces on either side says nothing.
CLASS_COUNT_MIN = 2
UNKNOWN = -1
MEANS_OF = ("AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU12", "AU14", "AU43")
# Two clips that show the same recording.
SAME_PERSON = {"pyfeat_noface_face.mov": "pyfeat_single_face.mp4"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled face."""

    clip: str
    person: str
    frame_index: int
    box_xyxy_px: Box
    aus: tuple[int, ...]
    """Order of `AU_NAMES`: 1 present, 0 absent, -1 not labelled."""
    expression: str
    smile_intensity: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What the pipeline says of the labelled faces; NaN where a face was not scored."""

    raw: Floats
    """[N, 25] as the model gave them."""
    final: Floats
    """[N, 25] after smoothing over time."""
    emotion: Floats
    """[N, 8] as the model gave it."""
    smile_intensity: Floats
    """[N], `AU12_intensity`."""

    @property
    def is_scored(self) -> Mask:
        """Tell which faces were scored."""
        return ~np.isnan(self.raw).all(axis=1)


def read_labels(path: Path) -> list[Labelled]:
    """Return the faces of labels.csv; several of one frame are persons by place, left to right."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lefts: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        lefts.setdefault((row["clip"], row["frame_index"]), []).append(_box(row)[0])
    return [_labelled(row, sorted(lefts[row["clip"], row["frame_index"]])) for row in rows]


def _labelled(row: dict[str, str], lefts: list[float]) -> Labelled:
    person = SAME_PERSON.get(row["clip"], row["clip"])
    smile = row["smile_intensity"]
    return Labelled(
        clip=row["clip"],
        person=f"{person}#{lefts.index(_box(row)[0])}",
        frame_index=int(row["frame_index"]),
        box_xyxy_px=_box(row),
        aus=tuple(int(row[name]) if row.get(name) else UNKNOWN for name in AU_NAMES),
        expression=row["expression"],
        smile_intensity=float(smile) if smile else np.nan,
    )


def _box(row: dict[str, str]) -> Box:
    x1, y1, x2, y2 = (float(edge) for edge in row["face_box_xyxy_px"].split())
    return x1, y1, x2, y2


def au_figures(faces: list[Labelled], scores: Scores) -> dict[str, dict[str, Any]]:
    """Return the figures of every action unit; None where the labels cannot give one."""
    return {name: _au(faces, scores, column) for column, name in enumerate(AU_NAMES)}


def _au(faces: list[Labelled], scores: Scores, column: int) -> dict[str, Any]:
    label = np.array([face.aus[column] for face in faces])
    raw, final = scores.raw[:, column], scores.final[:, column]
    is_seen = ~np.isnan(raw)
    positive, negative = (is_seen & (label == value) for value in (1, 0))
    neutral = is_seen & np.array([face.expression == "neutral" for face in faces])
    alarms = [f for f, n, p in zip(faces, negative, raw, strict=True) if n and p >= PRESENT_MIN]
    within, clip_count = within_clip_auc([face.clip for face in faces], raw, label)
    return {
        "positives": int(positive.sum()),
        "positive_people": len({face.person for face, p in zip(faces, positive, strict=True) if p}),
        "negatives": int(negative.sum()),
        "auc": auc(raw, label),
        "within_clip_auc": within,
        "within_clip_count": clip_count,
        "hit_rate": _share(raw[positive]),
        "false_alarm_rate": _share(raw[negative]),
        "false_alarms": dict(Counter(face.expression or "unlabelled" for face in alarms)),
        "false_alarm_people": len({face.person for face in alarms}),
        "neutral_false_rate": _share(raw[neutral & (label != 1)]),
        "final_auc": auc(final, label),
        "final_hit_rate": _share(final[positive]),
        "final_false_alarm_rate": _share(final[negative]),
    }


def auc(score: Floats, label: NDArray[np.integer]) -> float | None:
    """Return the AUC over faces that are labelled and scored; None with too few on a side."""
    known = (label != UNKNOWN) & ~np.isnan(score)
    score, label = score[known], label[known]
    if min((label == 1).sum(), (label == 0).sum()) < CLASS_COUNT_MIN:
        return None
    return roc_auc(score, label)


def within_clip_auc(
    clips: list[str], score: Floats, label: NDArray[np.integer]
) -> tuple[float | None, int]:
    """Return the mean AUC over the clips that have both classes, and their number."""
    names = np.array(clips)
    each = [auc(score[names == clip], label[names == clip]) for clip in sorted(set(clips))]
    told = [value for value in each if value is not None]
    return (float(np.mean(told)) if told else None), len(told)


def _share(probability: Floats) -> float | None:
    return float((probability >= PRESENT_MIN).mean()) if len(probability) else None


def neutral_figures(faces: list[Labelled], scores: Scores) -> dict[str, Any]:
    """Return how often anything fires that is not there on neutral faces, beside the hits."""
    labels = np.array([face.aus for face in faces])
    is_neutral = np.array([face.expression == "neutral" for face in faces]) & scores.is_scored
    fired = scores.raw >= PRESENT_MIN
    false_count = (fired & (labels != 1))[is_neutral].sum(axis=1)
    present = (labels == 1) & ~np.isnan(scores.raw)
    return {
        "faces": int(is_neutral.sum()),
        "people": len({face.person for face, n in zip(faces, is_neutral, strict=True) if n}),
        "false_aus_per_face": float(false_count.mean()),
        "share_without_false_au": float((false_count == 0).mean()),
        "hit_rate_all_labelled": float(fired[present].mean()),
    }


def expression_figures(faces: list[Labelled], scores: Scores) -> dict[str, dict[str, int]]:
    """Return labelled expression -> strongest scored expression -> number of faces."""
    table: dict[str, dict[str, int]] = {}
    for face, row in zip(faces, scores.emotion, strict=True):
        if face.expression in EMOTIONS and not np.isnan(row).any():
            counts = table.setdefault(face.expression, dict.fromkeys(EMOTIONS, 0))
            counts[EMOTIONS[int(row.argmax())]] += 1
    return table


def means_by_expression(faces: list[Labelled], scores: Scores) -> dict[str, dict[str, float]]:
    """Return labelled expression -> action unit -> mean probability, for a few action units."""
    is_scored = scores.is_scored
    expressions = np.array([face.expression for face in faces])
    return {
        label: {
            name: float(scores.raw[is_scored & (expressions == label), AU_NAMES.index(name)].mean())
            for name in MEANS_OF
        }
        for label in sorted(set(expressions[is_scored]) - {""})
    }


def smile_figures(faces: list[Labelled], scores: Scores) -> dict[str, Any]:
    """Return Pearson's r of `AU12_intensity` and the hand scale, and the mean at each level."""
    by_hand = np.array([face.smile_intensity for face in faces])
    known = ~np.isnan(by_hand) & ~np.isnan(scores.smile_intensity)
    by_hand, scored = by_hand[known], scores.smile_intensity[known]
    return {
        "faces": int(known.sum()),
        "people": len({face.person for face, k in zip(faces, known, strict=True) if k}),
        "r": float(np.corrcoef(by_hand, scored)[0, 1]),
        "mean_at": {f"{v:g}": float(scored[by_hand == v].mean()) for v in np.unique(by_hand)},
    }
