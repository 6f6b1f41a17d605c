"""`facestate ledger`: whether every frame and face of a call is accounted for."""

import json
from pathlib import Path

import click
import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli import common
from pipeline.queries import LedgerReport, ledger, resolve_call
from pipeline.reporting.words import NOT_SCORED, clock, printable, reason_words
from schemas.ledger import ABSTAINED_COUNTS, FRAME_COUNTS, SKIPPED_COUNTS
from schemas.names import FaceStatus

FORMATS = ("table", "json", "csv")

EPILOG = """\b
Examples:
  facestate ledger 3f2a
  facestate ledger 3f2a --segments --format csv > segments.csv

Exits 1, and says why on standard error, if the ledger does not add up."""


@click.command(epilog=EPILOG)
@common.run_options
@click.option("--format", "kind", type=click.Choice(FORMATS), default=FORMATS[0],
              show_default=True, help="How to write it.")  # fmt: skip
@click.option("--segments", "is_detailed", is_flag=True, help="One row per segment as well.")
@click.pass_context
def command(
    context: click.Context, call: str, run_id: str | None, tenant: str, out: Path, kind: str,
    is_detailed: bool,
) -> None:  # fmt: skip
    """Show that every frame and every face of CALL adds up."""
    lake = common.open_lake(out)
    report = ledger(lake, resolve_call(lake, tenant, call, run_id))
    if kind == "table":
        _print(common.data_console(), report, is_detailed=is_detailed)
    elif kind == "json":
        click.echo(_json(report, is_detailed=is_detailed))
    else:
        click.echo(_csv(report, is_detailed=is_detailed), nl=False)
    for note in report.notes:
        common.say(note)
    for sentence in report.sentences:
        common.say(f"does not add up: {sentence}")
    if not report.is_balanced:
        context.exit(1)


def _print(console: Console, report: LedgerReport, *, is_detailed: bool) -> None:
    if is_detailed:
        console.print(_segment_table(report.segments))
    console.print(_total_table(report))
    verdict = "every frame and face is accounted for" if report.is_balanced else (
        f"it does not add up: {len(report.sentences)} faults")  # fmt: skip
    console.print(Text(verdict, style="green" if report.is_balanced else "bold red"))


def _total_table(report: LedgerReport) -> Table:
    """Return the totals as sums and their parts; parts that are 0 are left out."""
    totals = report.totals
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row(Text("segments", style="bold"), f"{totals['segments']:,}")
    for kind in ("duplicate", "late", "missing"):
        if totals[f"{kind}_segments"]:
            table.add_row(f"  {kind}", f"{totals[f'{kind}_segments']:,}")
    table.add_row(Text("frames", style="bold"), f"{totals['frames']:,}")
    for name in FRAME_COUNTS:
        if totals[f"frames_{name}"] or name == "analysed":
            table.add_row(f"  {name.replace('_', ' ')}", f"{totals[f'frames_{name}']:,}")
    table.add_row(Text("faces on analysed frames", style="bold"), f"{totals['faces']:,}")
    for name in ("scored", *ABSTAINED_COUNTS, *SKIPPED_COUNTS):
        if totals[f"faces_{name}"] or name == "scored":
            said = _said(name, report.ref.jurisdiction)
            table.add_row(f"  {said}", f"{totals[f'faces_{name}']:,}")
    return table


def _said(name: str, jurisdiction: str) -> str:
    status, _, reason = name.partition("_")
    words = NOT_SCORED if status == FaceStatus.SKIPPED else status
    return f"{words}: {reason_words(reason, jurisdiction)}" if reason else words


def _segment_table(segments: pl.DataFrame) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for name in ("stream", "segment", "time"):
        table.add_column(name)
    for name in ("frames", "analysed", "corrupt", "faces", "scored"):
        table.add_column(name, justify="right")
    table.add_column("flags", overflow="fold")
    for row in segments.iter_rows(named=True):
        counts = [row[name] for name in ("frames", "frames_analysed", "frames_corrupt", "faces",
                                         "faces_scored")]  # fmt: skip
        table.add_row(
            Text(printable(row["stream_id"], 16)), f"{row['epoch']}.{row['sequence']}",
            clock(row["first_pts_ms"] / 1000), *(str(count) for count in counts),
            Text(printable(" ".join(row["flags"] or ()))),
        )  # fmt: skip
    return table


def _json(report: LedgerReport, *, is_detailed: bool) -> str:
    ref = report.ref
    said = {"tenant": ref.tenant, "call_id": ref.call_id, "run_id": ref.run_id, "state": ref.state,
            "is_balanced": report.is_balanced, "totals": report.totals,
            "discrepancies": report.sentences, "notes": report.notes}  # fmt: skip
    if is_detailed:
        said["segments"] = report.segments.to_dicts()
    return json.dumps(said)


def _csv(report: LedgerReport, *, is_detailed: bool) -> str:
    if is_detailed:
        flags = pl.col("flags").list.join(" ")
        return report.segments.with_columns(flags).write_csv()
    rows = {"count": list(report.totals), "value": list(report.totals.values())}
    return pl.DataFrame(rows).write_csv()
