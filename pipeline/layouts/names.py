"""The layouts by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from pipeline.layouts import openface, pyfeat
from schemas.errors import UsageError, near_word
from schemas.frames import FRAME_COLUMNS


def _as_it_is(frames: pl.DataFrame, _source_name: str) -> pl.DataFrame:
    return frames.select([column.name for column in FRAME_COLUMNS])


LAYOUTS: Mapping[str, Callable[[pl.DataFrame, str], pl.DataFrame]] = MappingProxyType(
    {
        "openface": openface.to_openface,
        "pyfeat": pyfeat.to_pyfeat,
        "facestate": _as_it_is,
    }
)
_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "openface": openface.NEEDED,
        "pyfeat": pyfeat.NEEDED,
        "facestate": tuple(column.name for column in FRAME_COLUMNS),
    }
)


def needed_columns(layout: str) -> tuple[str, ...]:
    """Return the columns of table `frames` that a layout is made of."""
    _check(layout)
    return _NEEDED[layout]


def convert(frames: pl.DataFrame, layout: str, source_name: str = "") -> pl.DataFrame:
    """Return frames (in order, with at least `needed_columns`) in a layout of `LAYOUTS`."""
    _check(layout)
    return LAYOUTS[layout](frames, source_name)


def _check(layout: str) -> None:
    if layout not in LAYOUTS:
        hint = near_word(layout, list(LAYOUTS))
        raise UsageError("export", f"there is no such layout{hint}", layout,
                         f"layouts are {', '.join(LAYOUTS)}")  # fmt: skip
