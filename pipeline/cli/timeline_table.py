"""The timeline as a table that can be read in 80 columns, and in fewer with less in it."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.queries import RunRef
from pipeline.reporting.words import (
    NOT_COMPUTED,
    NOT_SCORED,
    NOTHING,
    clock,
    folded,
    printable,
    signed,
    unsigned,
)
from schemas.names import AU_NAMES, EMOTIONS, Subject

AUS_MAX = 3
AU_MEAN_MIN = 0.15
SCORES_MAX = 6
WHO_MAX = 10
# Narrower than this, the table has no room for counts and valence, and for fewer AUs.
WIDTH_FOR_ALL = 68
WIDTH_WITHOUT_AUS = 42
AU_WIDTH = 9


def timeline_table(
    ref: RunRef, rows: pl.DataFrame, by: Subject, scores: tuple[str, ...] | None = None,
    width: int = 80,
) -> Table:  # fmt: skip
    """Return rows of `timeline` as a table; with `scores` the means of these, else a digest.

    width: characters that there are; columns that find no room are left out, never time and face.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("time", no_wrap=True)
    table.add_column("track" if by is Subject.TRACK else "who", min_width=8, no_wrap=True)
    if width >= WIDTH_FOR_ALL:
        table.add_column("n", justify="right", no_wrap=True)
    table.add_column("cover", justify="right", no_wrap=True)
    if scores is None:
        _add_digest(table, width)
    else:
        for score in scores[:SCORES_MAX]:
            table.add_column(score.removeprefix("emotion_"), justify="right", overflow="fold")
    last_s: float | None = None
    for row in rows.iter_rows(named=True):
        is_new = row["time_s"] != last_s
        if last_s is not None and _is_gap(row, last_s):
            table.add_section()
        cells = _digest(row, width) if scores is None else _means(row, scores[:SCORES_MAX])
        table.add_row(clock(row["time_s"]) if is_new else "", *_head(row, by, width), *cells)
        last_s = row["time_s"]
    return table


def _add_digest(table: Table, width: int) -> None:
    table.add_column("expression", min_width=12)
    if _aus_max(width):
        table.add_column("strongest AUs (mean)", min_width=8)
    if width >= WIDTH_FOR_ALL:
        table.add_column("val", justify="right", no_wrap=True)
    table.add_column("speech", justify="right", no_wrap=True)


def _aus_max(width: int) -> int:
    fitting = (width - WIDTH_WITHOUT_AUS) // AU_WIDTH
    return AUS_MAX if width >= WIDTH_FOR_ALL else min(max(fitting, 0), AUS_MAX)


def _is_gap(row: Mapping[str, Any], last_s: float) -> bool:
    return bool(row["time_s"] - last_s > row["window_s"] + 1e-6)


def _head(row: Mapping[str, Any], by: Subject, width: int) -> list[Text | str]:
    name = row["track_id"] if by is Subject.TRACK else row["participant_id"]
    lines = folded(printable(str(name)), WHO_MAX).splitlines()
    parts = [line[i : i + WHO_MAX] for line in lines for i in range(0, len(line), WHO_MAX)]
    who, cover = Text("\n".join(parts)), f"{row['coverage']:.0%}"
    return [who, str(row["scored_count"]), cover] if width >= WIDTH_FOR_ALL else [who, cover]


def _digest(row: Mapping[str, Any], width: int) -> list[Text | str]:
    means, aus_max = {name: row[f"{name}_mean"] for name in AU_NAMES}, _aus_max(width)
    strong = sorted(
        ((value, name) for name, value in means.items() if value and value >= AU_MEAN_MIN),
        reverse=True,
    )
    aus = " ".join(f"{name} {value:.2f}".replace(" 0.", " .") for value, name in strong[:aus_max])
    valence, speech = row["valence_mean"], row["speaking_share"]
    cells: list[Text | str] = [_expression(row)]
    if aus_max:
        cells.append(Text(aus or NOTHING, style="" if aus else "dim"))
    if width >= WIDTH_FOR_ALL:
        cells.append(NOTHING if valence is None else signed(valence))
    return [*cells, NOTHING if speech is None else f"{speech:.0%}"]


def _expression(row: Mapping[str, Any]) -> Text:
    if row["scored_count"] == 0:
        return Text(NOT_SCORED, style="dim")
    means = {name: row[f"emotion_{name}_mean"] for name in EMOTIONS}
    known = {name: value for name, value in means.items() if value is not None}
    if not known:
        return Text(NOT_COMPUTED, style="dim")
    name = max(known, key=lambda key: known[key])
    return Text(f"{name} {known[name]:.0%}")


def _means(row: Mapping[str, Any], scores: tuple[str, ...]) -> list[str]:
    values = [row[f"{score}_mean"] for score in scores]
    return [NOTHING if value is None else unsigned(value) for value in values]
