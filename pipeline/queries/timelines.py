"""What each subject's face showed, window by window, at any whole number of seconds."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipeline.queries.runs import RunRef, Tables
from schemas.errors import UsageError, near_word
from schemas.names import Subject
from schemas.windows import HISTOGRAM_BINS, WINDOW_SCORES, WINDOW_SIZES_S

WINDOW_S_MAX = 24 * 3600
AGGREGATES = ("mean", "var", "max", "max_ms", "share", "hist")

_SUBJECT = ("stream_id", "subject", "participant_id", "track_id")
_KEYS = (*_SUBJECT, "start_at")
_COUNTS = ("frame_count", "scored_count", "abstained_count")
_SHARES = ("coverage", "flagged_count", "speaking_share")
_HEAD = (*_SUBJECT, "window_s", "start_at", "time_s", *_COUNTS, *_SHARES)


def timeline(
    lake: Tables,
    ref: RunRef,
    window_s: int,
    by: Subject = Subject.PARTICIPANT,
    scores: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return one row per subject and window that has a face; gaps are rows that are missing.

    Windows of 1, 10 and 60 s are read as stored (highest revision); others are merged from 1 s
    windows: means, variances (Chan's rule) and shares by each score's own n, the sum of its
    histogram; the speaking share by `flagged_count`; histograms added, coverage with missing
    seconds as 0. `time_s` is the window's start since the call's start; windows lie on whole
    multiples of their length since 1970, so the first may start before the call. Raises UsageError
    for an impossible window or an unknown score (a key of `WINDOW_SCORES`).
    """
    _check(window_s, scores)
    chosen = tuple(WINDOW_SCORES) if scores is None else tuple(scores)
    stored_s = window_s if window_s in WINDOW_SIZES_S else 1
    rows = _stored(lake, ref, stored_s, by, chosen)
    if stored_s != window_s:
        rows = _merged(rows, window_s, chosen)
    since = (pl.col("start_at") - pl.lit(ref.start_at)).dt.total_microseconds() / 1e6
    columns = (*_HEAD, *(f"{s}_{a}" for s in chosen for a in AGGREGATES))
    found = rows.with_columns(time_s=since).select(columns).cast(_types(chosen)).collect()
    return found.sort("start_at", "stream_id", "participant_id", "track_id")


def _types(scores: Sequence[str]) -> pl.Schema:
    """Return the types that stored and merged windows share."""
    types: dict[str, Any] = {name: pl.Int32() for name in (*_COUNTS, "flagged_count")}
    types |= {"coverage": pl.Float32(), "speaking_share": pl.Float32()}
    for score in scores:
        types |= {f"{score}_{name}": pl.Float32() for name in ("mean", "var", "max", "share")}
        types |= {f"{score}_max_ms": pl.Int32(), f"{score}_hist": pl.List(pl.Int32())}
    return pl.Schema(types)


def _check(window_s: int, scores: Sequence[str] | None) -> None:
    if not 1 <= window_s <= WINDOW_S_MAX:
        raise UsageError("timeline", "a window is 1 s to 24 h long", f"{window_s} s")
    for score in scores or ():
        if score not in WINDOW_SCORES:
            hint = near_word(score, list(WINDOW_SCORES))
            raise UsageError("timeline", f"there is no such score{hint}", score,
                             "scores are AU01 … AU45, emotion_neutral … emotion_contempt, "
                             "valence, arousal")  # fmt: skip


def _stored(
    lake: Tables, ref: RunRef, window_s: int, by: Subject, scores: Sequence[str]
) -> pl.LazyFrame:
    rows = ref.select(lake, "windows").filter(
        pl.col("window_s") == window_s, pl.col("subject") == by.value
    )
    aggregates = [f"{score}_{name}" for score in scores for name in AGGREGATES]
    wanted = (*_KEYS, "window_s", "revision", *_COUNTS, *_SHARES, *aggregates)
    newest = pl.col("revision") == pl.col("revision").max().over(_KEYS)
    found = rows.select(wanted).filter(newest).unique(_KEYS, keep="last")
    return found.with_columns(flagged_count=_flagged_count())


def _flagged_count() -> pl.Expr:
    """Return the n of the speaking share; rows from before the column hold null there."""
    is_known = pl.col("speaking_share").is_not_null()
    assumed = pl.when(is_known).then(pl.col("scored_count")).otherwise(0)
    return pl.coalesce("flagged_count", assumed)


def _merged(rows: pl.LazyFrame, window_s: int, scores: Sequence[str]) -> pl.LazyFrame:
    """Merge windows of 1 s into windows that start at multiples of `window_s` since 1970."""
    second = pl.col("start_at").dt.epoch("s")
    start = pl.from_epoch(second - second % window_s, time_unit="s")
    typed = start.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    offset = (pl.col("start_at") - typed).dt.total_milliseconds()
    parts = rows.with_columns(_merged_start=typed, _offset_ms=offset)
    aggregated = parts.group_by([*_SUBJECT, "_merged_start"]).agg(
        pl.lit(window_s, pl.Int32).first().alias("window_s"),
        *(pl.col(name).sum() for name in (*_COUNTS, "flagged_count")),
        (pl.col("coverage").sum() / window_s).clip(0.0, 1.0).alias("coverage"),
        _weighted("speaking_share", pl.col("flagged_count")).alias("speaking_share"),
        *(expr for score in scores for expr in _merge_score(score)),
    )
    return aggregated.rename({"_merged_start": "start_at"})


def _weighted(column: str, n: pl.Expr) -> pl.Expr:
    """Return the mean weighted by each part's own `n`, null where no part has a value."""
    value = pl.col(column).cast(pl.Float64)
    count = n.filter(value.is_not_null())
    return (value.drop_nulls() * count).sum() / _or_null(count.sum())


def _or_null(count: pl.Expr) -> pl.Expr:
    return pl.when(count > 0).then(count)


def _merge_score(score: str) -> list[pl.Expr]:
    """Return the six merged aggregates of a score (Chan, Golub, LeVeque 1979 for the variance)."""
    mean, var = (pl.col(f"{score}_{n}").cast(pl.Float64) for n in ("mean", "var"))
    is_there = mean.is_not_null()
    # A score may be missing on some scored frames; its histogram knows on how many it is there.
    n = pl.col(f"{score}_hist").list.sum()
    count = n.filter(is_there)
    centre = _weighted(f"{score}_mean", n)
    squares = (count * (var.filter(is_there) + (mean.filter(is_there) - centre) ** 2)).sum()
    high = pl.col(f"{score}_max")
    at_ms = (pl.col("_offset_ms") + pl.col(f"{score}_max_ms")).filter(high == high.max())
    bins = [pl.col(f"{score}_hist").list.get(i, null_on_oob=True).cast(pl.Int64).sum()
            for i in range(HISTOGRAM_BINS)]  # fmt: skip
    has_any = is_there.any()
    return [
        centre.alias(f"{score}_mean"),
        (squares / _or_null(count.sum())).alias(f"{score}_var"),
        high.max().alias(f"{score}_max"),
        at_ms.min().alias(f"{score}_max_ms"),
        _weighted(f"{score}_share", n).alias(f"{score}_share"),
        pl.when(has_any).then(pl.concat_list(bins)).alias(f"{score}_hist"),
    ]
