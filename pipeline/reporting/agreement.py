"""How near the scores of a rendered video come to the curves it was rendered from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.reporting.truth import join_truth, match_truth, read_truth
from schemas.names import AU_NAMES, EMOTIONS, FaceStatus

PRESENT_MIN = 0.5
ABSENT_MAX = 0.1
# A true curve that moves less than this says nothing about correlation.
TRUTH_RANGE_MIN = 0.3
# Fewer frames on either side make no AUC.
SIDE_COUNT_MIN = 5
# A frame of truth counts as found if a measured one lies this near (half of 2 frames/s).
FOUND_WITHIN_S = 0.25

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AuAgreement:
    """One AU against its true curve, over all scored frames.

    `correlation` is Pearson's r of probability and true strength, `auc` the chance that a frame
    with the AU truly at or above 0.5 scores higher than one below; None where they cannot be
    told. `missed_share` is the share of frames scored below 0.5 among those truly at or above
    0.5, `false_share` the share scored 0.5 or more among those truly below 0.1.
    """

    name: str
    frame_count: int
    present_count: int
    is_varying: bool
    correlation: float | None
    auc: float | None
    missed_share: float | None
    false_share: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The whole comparison; shares are of frames, None where the truth says nothing of it.

    `fps` is how many frames were analysed per second; None where there are fewer than two.
    """

    aus: tuple[AuAgreement, ...]
    frame_count: int
    fps: float | None
    found_share: float | None
    expression_share: float | None
    expressive_share: float | None
    expressive_count: int
    speaking_share: float | None
    yaw_error_deg: float | None
    unmatched: tuple[str, ...]


def compare_with_truth(frames: pl.DataFrame, truth_csv: Path) -> Agreement:
    """Compare a run's frames (as `face_frames` returns them) with a truth file.

    Each face is matched to a true participant by name or place, each frame to the nearest true
    one in time. Only scored frames count. Raises as `read_truth`.
    """
    truth = read_truth(truth_csv)
    matched: list[pl.DataFrame] = []
    found: dict[str, list[float]] = {}
    for rows in frames.partition_by("participant_id", maintain_order=True):
        name = match_truth(rows, truth)
        if name is not None:
            mine = truth.filter(pl.col("participant") == name)
            matched.append(join_truth(rows, mine))
            found[name] = [*found.get(name, []), *rows["time_s"].to_list()]
    names = truth["participant"].unique(maintain_order=True).to_list()
    unmatched = tuple(str(name) for name in names if name not in found)
    both = pl.concat(matched) if matched else frames.clear()
    scored = both.filter(pl.col("status") == FaceStatus.SCORED)
    return _agreement(scored, _fps(frames), _found_share(truth, found), unmatched)


def _fps(frames: pl.DataFrame) -> float | None:
    steps = np.diff(np.unique(frames["time_s"].drop_nulls().to_numpy()))
    return float(1 / np.median(steps)) if len(steps) else None


def _agreement(
    scored: pl.DataFrame, fps: float | None, found_share: float | None, unmatched: tuple[str, ...]
) -> Agreement:
    expression, expressive, count = _expressions(scored)
    return Agreement(
        aus=tuple(_au(scored, name) for name in AU_NAMES if f"true_{name}" in scored.columns),
        frame_count=scored.height,
        fps=fps,
        found_share=found_share,
        expression_share=expression,
        expressive_share=expressive,
        expressive_count=count,
        speaking_share=_same(scored, "is_speaking", "true_is_speaking"),
        yaw_error_deg=_error(scored, "yaw_deg"),
        unmatched=unmatched,
    )


def _found_share(truth: pl.DataFrame, found: dict[str, list[float]]) -> float | None:
    """Return the share of true frames with a person that have a face of that person near."""
    hits = total = 0
    for (name,), rows in truth.filter(pl.col("is_present")).group_by("participant"):
        times = np.sort(np.array(found.get(str(name), [np.inf])))
        true_s = rows["time_s"].to_numpy()
        after = np.clip(np.searchsorted(times, true_s), 0, len(times) - 1)
        gaps = np.minimum(np.abs(times[after] - true_s),
                          np.abs(times[np.maximum(after - 1, 0)] - true_s))  # fmt: skip
        hits += int((gaps <= FOUND_WITHIN_S).sum())
        total += len(true_s)
    return hits / total if total else None


def _au(scored: pl.DataFrame, name: str) -> AuAgreement:
    rows = scored.select(name, f"true_{name}").cast(pl.Float64).drop_nulls()
    measured, true = rows[name].to_numpy(), rows[f"true_{name}"].to_numpy()
    is_varying = bool(len(true)) and bool(np.ptp(true) >= TRUTH_RANGE_MIN)
    absent, present = measured[true < ABSENT_MAX], measured[true >= PRESENT_MIN]
    return AuAgreement(
        name=name,
        frame_count=len(true),
        present_count=len(present),
        is_varying=is_varying,
        correlation=_correlation(measured, true) if is_varying else None,
        auc=area_under_curve(measured, true >= PRESENT_MIN),
        missed_share=float((present < PRESENT_MIN).mean()) if len(present) else None,
        false_share=float((absent >= PRESENT_MIN).mean()) if len(absent) else None,
    )


def _correlation(one: Floats, other: Floats) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def area_under_curve(scores: Floats, is_present: NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve by ranks, ties as halves; None with too few frames."""
    positives = int(is_present.sum())
    negatives = len(scores) - positives
    if min(positives, negatives) < SIDE_COUNT_MIN:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[is_present].sum() - positives * (positives + 1) / 2)
                 / (positives * negatives))  # fmt: skip


def _expressions(scored: pl.DataFrame) -> tuple[float | None, float | None, int]:
    """Return how often the strongest expression is the true one: everywhere, beyond neutral."""
    names = [f"emotion_{name}" for name in EMOTIONS]
    if "true_expression" not in scored.columns:
        return None, None, 0
    rows = scored.drop_nulls([*names, "true_expression"])
    rows = rows.filter(pl.col("true_expression").is_in(list(EMOTIONS)))
    if rows.is_empty():
        return None, None, 0
    strongest = np.array(EMOTIONS)[rows.select(names).to_numpy().argmax(axis=1)]
    true = np.array(rows["true_expression"].to_list())
    is_same, is_expressive = strongest == true, true != "neutral"
    beyond = float(is_same[is_expressive].mean()) if is_expressive.any() else None
    return float(is_same.mean()), beyond, int(is_expressive.sum())


def _same(scored: pl.DataFrame, one: str, other: str) -> float | None:
    if other not in scored.columns:
        return None
    share = scored.select((pl.col(one) == pl.col(other)).mean()).item()
    return None if share is None else float(share)


def _error(scored: pl.DataFrame, name: str) -> float | None:
    if f"true_{name}" not in scored.columns or name not in scored.columns:
        return None
    mean = scored.select((pl.col(name) - pl.col(f"true_{name}")).abs().mean()).item()
    return None if mean is None else float(mean)
