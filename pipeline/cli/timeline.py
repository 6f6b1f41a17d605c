"""`facestate timeline`: what the faces of a call showed, window by window."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pipeline.cli import common
from pipeline.queries import RunRef, face_frames, resolve_call, summary, timeline
from pipeline.reporting.words import not_scored
from schemas.names import RunState, Subject

if TYPE_CHECKING:
    import polars as pl

    from pipeline.lake.tables import Lake

FORMATS = ("table", "csv", "json", "parquet", "png")
BINARY = ("parquet", "png")

EPILOG = """\b
Examples:
  facestate timeline 3f2a --window 10s
  facestate timeline two_party_call.mp4 --score AU12,emotion_happiness --format csv
  facestate timeline 3f2a --output call.png

CALL is a call's id, the beginning of one, or the name of the file it came
from. Windows lie on whole multiples of their length in event time; a window
without a face is a row that is missing. CSV leaves out the histograms."""


@click.command(epilog=EPILOG)
@common.run_options
@click.option("--window", "window", default="10s", show_default=True, metavar="LENGTH",
              help="Length of a row, such as 1s, 10s or 1m.")  # fmt: skip
@click.option("--by", type=click.Choice([subject.value for subject in Subject]),
              default=Subject.PARTICIPANT.value, show_default=True,
              help="Whom a row is about.")  # fmt: skip
@click.option("--score", "scores", multiple=True, metavar="NAMES",
              help="Only these scores, by comma, such as AU12,emotion_happiness.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice(FORMATS), default=None,
              help="[default: by the output's ending, else table]")  # fmt: skip
@common.output_option
@click.pass_context
def command(
    context: click.Context, call: str, run_id: str | None, tenant: str, out: Path, window: str,
    by: str, scores: tuple[str, ...], kind: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Show what the faces of CALL showed over time."""
    window_s = common.parse_seconds(window)
    chosen = common.pick_format(kind, output, FORMATS)
    if chosen in BINARY:
        common.check_binary(output, chosen)
    lake = common.open_lake(out)
    ref = resolve_call(lake, tenant, call, run_id)
    if chosen == "png":
        is_told = context.get_parameter_source("window") is not ParameterSource.DEFAULT
        _picture(lake, ref, output, float(window_s) if is_told else None)
        return
    names = _split(scores)
    rows = timeline(lake, ref, window_s, Subject(by), names)
    _comment(lake, ref, rows)
    if chosen == "table":
        _table(ref, rows, Subject(by), names, output)
    else:
        _data(ref, rows, chosen, window_s, output)


def _split(scores: tuple[str, ...]) -> tuple[str, ...] | None:
    names = [name.strip() for text in scores for name in text.split(",") if name.strip()]
    return tuple(dict.fromkeys(names)) or None


def _comment(lake: "Lake", ref: RunRef, rows: "pl.DataFrame") -> None:
    common.say(f"call {ref.call_id}, run {ref.run_id}, model {ref.model_id}, {ref.anchor_text}")
    if ref.state != RunState.FINISHED:
        common.say("the run is not finished; this is what is committed so far")
    if rows.is_empty():
        common.say(_why_empty(lake, ref))


def _why_empty(lake: "Lake", ref: RunRef) -> str:
    """Return what became of the faces of a call whose timeline is empty."""
    faces = summary(lake, ref).participants
    reasons = dict.fromkeys(reason for face in faces for reason in face.skipped)
    if not faces:
        return "no face was scored: none was found in this call"
    return f"no face was scored; {not_scored(reasons, ref.jurisdiction)}"


def _picture(lake: "Lake", ref: RunRef, output: Path | None, bin_s: float | None) -> None:
    from pipeline.picture import draw_timeline

    frames = face_frames(lake, ref)
    with tempfile.TemporaryDirectory() as folder:
        path = draw_timeline(frames, ref, Path(folder) / "timeline.png", bin_s=bin_s)
        common.write_bytes(path.read_bytes(), output)


def _table(
    ref: RunRef, rows: "pl.DataFrame", by: Subject, scores: tuple[str, ...] | None,
    output: Path | None,
) -> None:  # fmt: skip
    from pipeline.cli.timeline_table import SCORES_MAX, timeline_table

    if len(scores or ()) > SCORES_MAX:
        common.say(f"a table shows the first {SCORES_MAX} scores; --format csv gives all of them")
    if rows.is_empty():
        return
    console = common.data_console()
    table = timeline_table(ref, rows, by, scores, console.width)
    if output is None:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    common.write_text(captured.get(), output)


def _data(ref: RunRef, rows: "pl.DataFrame", kind: str, window_s: int, output: Path | None) -> None:
    if kind == "parquet":
        common.write_bytes(common.parquet_bytes(rows), output)
        return
    import polars as pl

    plain = rows.with_columns(pl.col("start_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    if kind == "csv":
        histograms = [name for name in plain.columns if name.endswith("_hist")]
        common.write_text(plain.drop(histograms).write_csv(), output)
        return
    head = {"tenant": ref.tenant, "call_id": ref.call_id, "run_id": ref.run_id,
            "model_id": ref.model_id, "state": ref.state, "start_at": ref.start_at.isoformat(),
            "anchor_source": ref.anchor_source, "window_s": window_s}  # fmt: skip
    common.write_text(f'{json.dumps(head)[:-1]}, "rows": {plain.write_json()}}}', output)
