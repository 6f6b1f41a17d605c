"""The timeline as a table that can be read in 80 columns."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.queries import RunRef
from pipeline.reporting.words import NOTHING, clock, folded, printable
from schemas.names import AU_NAMES, EMOTIONS, Subject

AUS_MAX = 3
AU_MEAN_MIN = 0.15
SCORES_MAX = 6
WHO_MAX = 10


def timeline_table(
    ref: RunRef, rows: pl.DataFrame, by: Subject, scores: tuple[str, ...] | None = None
) -> Table:
    """Return rows of `timeline` as a table; with `scores` the means of these, else a digest."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("time", no_wrap=True)
    table.add_column(
        "track" if by is Subject.TRACK else "who", min_width=8, max_width=WHO_MAX, overflow="fold"
    )
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("cover", justify="right", no_wrap=True)
    if scores is None:
        _add_digest(table)
    else:
        for score in scores[:SCORES_MAX]:
            table.add_column(score.removeprefix("emotion_"), justify="right", no_wrap=True)
    last_s: float | None = None
    for row in rows.iter_rows(named=True):
        is_new = row["time_s"] != last_s
        if last_s is not None and _is_gap(row, last_s):
            table.add_section()
        cells = _digest(row) if scores is None else _means(row, scores[:SCORES_MAX])
        table.add_row(clock(row["time_s"]) if is_new else "", *_head(row, by), *cells)
        last_s = row["time_s"]
    return table


def _add_digest(table: Table) -> None:
    table.add_column("expression", no_wrap=True)
    table.add_column("strongest AUs (mean)", no_wrap=True)
    table.add_column("val", justify="right", no_wrap=True)
    table.add_column("speech", justify="right", no_wrap=True)


def _is_gap(row: Mapping[str, Any], last_s: float) -> bool:
    return bool(row["time_s"] - last_s > row["window_s"] + 1e-6)


def _head(row: Mapping[str, Any], by: Subject) -> tuple[Text, str, str]:
    who = row["track_id"] if by is Subject.TRACK else row["participant_id"]
    return (
        Text(folded(printable(str(who)), WHO_MAX)),
        str(row["scored_count"]),
        f"{row['coverage']:.0%}",
    )


def _digest(row: Mapping[str, Any]) -> tuple[Text, Text, str, str]:
    means = {name: row[f"{name}_mean"] for name in AU_NAMES}
    strong = sorted(
        ((value, name) for name, value in means.items() if value and value >= AU_MEAN_MIN),
        reverse=True,
    )
    aus = " ".join(f"{name} {value:.2f}".replace(" 0.", " .") for value, name in strong[:AUS_MAX])
    valence, speech = row["valence_mean"], row["speaking_share"]
    return (
        _expression(row),
        Text(aus or NOTHING, style="" if aus else "dim"),
        NOTHING if valence is None else f"{valence:+.2f}",
        NOTHING if speech is None else f"{speech:.0%}",
    )


def _expression(row: Mapping[str, Any]) -> Text:
    if row["scored_count"] == 0:
        return Text("not scored", style="dim")
    means = {name: row[f"emotion_{name}_mean"] for name in EMOTIONS}
    known = {name: value for name, value in means.items() if value is not None}
    if not known:
        return Text("not computed", style="dim")
    name = max(known, key=lambda key: known[key])
    return Text(f"{name} {known[name]:.0%}")


def _means(row: Mapping[str, Any], scores: tuple[str, ...]) -> list[str]:
    values = [row[f"{score}_mean"] for score in scores]
    return [NOTHING if value is None else f"{value:.2f}" for value in values]
