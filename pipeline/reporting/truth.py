"""The true curves of a rendered video, and which of its faces is which."""

from pathlib import Path

import numpy as np
import polars as pl

from schemas.errors import InputError, SourceMissingError
from schemas.names import AU_NAMES

# True rows come per video frame; further off than this nothing is true of a measured frame.
TOLERANCE_S = 0.1
NEEDED = ("pts_ms", "participant", "is_present")
BOX = ("box_x1_px", "box_y1_px", "box_x2_px", "box_y2_px")
_FLAGS = ("is_present", "is_speaking")


def read_truth(path: Path) -> pl.DataFrame:
    """Return a truth file as a frame, with `time_s` beside `pts_ms` and flags as booleans.

    One row per video frame and participant; nulls where the participant is out of the picture.
    Raises SourceMissingError, or InputError where columns are missing.
    """
    if not path.is_file():
        raise SourceMissingError("truth", "there is no such file", str(path))
    rows = pl.read_csv(path, infer_schema_length=None)
    absent = [name for name in NEEDED if name not in rows.columns]
    if absent:
        raise InputError("truth", f"columns are missing: {', '.join(absent)}", str(path))
    numbers = [c for c in rows.columns if c in (*AU_NAMES, *BOX) or c.endswith("_deg")]
    flags = [c for c in _FLAGS if c in rows.columns]
    return rows.with_columns(
        pl.col(numbers).cast(pl.Float64),
        pl.col(flags).cast(pl.Int64).cast(pl.Boolean),
        time_s=pl.col("pts_ms") / 1000.0,
    )


def join_truth(rows: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of one face with the nearest true row's columns beside them as `true_*`.

    truth: one participant's rows. Rows without a true row within TOLERANCE_S are left out.
    """
    named = truth.rename({c: f"true_{c}" for c in truth.columns if c != "time_s"})
    return rows.sort("time_s").join_asof(
        named.sort("time_s"), on="time_s", strategy="nearest", tolerance=TOLERANCE_S
    ).filter(pl.col("true_participant").is_not_null())  # fmt: skip


def match_truth(rows: pl.DataFrame, truth: pl.DataFrame) -> str | None:
    """Return the true participant that one face's rows show: by name, else by place.

    By place: the one whose true boxes' middles lie nearest, on average, to the face's own, and
    within the face's own box width. None where nobody is near.
    """
    names = truth["participant"].unique(maintain_order=True).to_list()
    if rows.is_empty():
        return None
    if rows["participant_id"][0] in names:
        return str(rows["participant_id"][0])
    if not set(BOX) <= set(rows.columns) or not set(BOX) <= set(truth.columns):
        return None
    distances = {name: _distance(rows, truth.filter(pl.col("participant") == name))
                 for name in names}  # fmt: skip
    nearest = min(names, key=lambda name: distances[name], default=None)
    return nearest if nearest is not None and distances[nearest] < 1.0 else None


def _distance(rows: pl.DataFrame, truth: pl.DataFrame) -> float:
    """Return the mean distance of middles, in widths of the face's own box."""
    both = join_truth(rows, truth).drop_nulls([f"true_{name}" for name in BOX])
    if both.is_empty():
        return np.inf
    x1, y1, x2, y2 = (both[name].cast(pl.Float64).to_numpy() for name in BOX)
    a1, b1, a2, b2 = (both[f"true_{name}"].to_numpy() for name in BOX)
    gaps = np.hypot((x1 + x2 - a1 - a2) / 2, (y1 + y2 - b1 - b2) / 2)
    return float((gaps / np.maximum(x2 - x1, 1.0)).mean())
