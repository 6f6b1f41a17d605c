"""`facestate export`: a call's frames in the layout of other tools."""

from pathlib import Path

import click
import polars as pl

from pipeline.cli import common
from pipeline.layouts import LAYOUTS, convert, needed_columns
from pipeline.queries import face_frames, resolve_call

FORMATS = ("csv", "parquet")

EPILOG = """\b
Examples:
  facestate export 3f2a --layout openface --output call.csv
  facestate export 3f2a --layout facestate --output call.parquet

openface: the 714 columns of OpenFace 2 FeatureExtraction, which py-feat's
read_openface takes too. pyfeat: the columns of py-feat's Fex. facestate: the
table as it is. Columns that facestate does not observe are empty, never 0."""


@click.command(epilog=EPILOG)
@common.run_options
@click.option("--layout", type=click.Choice(list(LAYOUTS)), required=True,
              help="Whose columns to write.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice(FORMATS), default=None,
              help="[default: by the output's ending, else csv]")  # fmt: skip
@common.output_option
def command(
    call: str, run_id: str | None, tenant: str, out: Path, layout: str, kind: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Write the frames of CALL in the column layout of another tool."""
    chosen = common.pick_format(kind, output, FORMATS)
    if chosen == "parquet":
        common.check_binary(output, chosen)
    lake = common.open_lake(out)
    ref = resolve_call(lake, tenant, call, run_id)
    frames = convert(face_frames(lake, ref, needed_columns(layout)), layout, ref.source_name)
    if frames.is_empty():
        common.say(f"call {ref.call_id} has no rows of faces; only the header is written")
    if chosen == "parquet":
        common.write_bytes(common.parquet_bytes(frames), output)
    else:
        common.write_text(_flat(frames).write_csv(), output)


def _flat(frames: pl.DataFrame) -> pl.DataFrame:
    """Return the frames with scores of adapters as JSON text, which a CSV file can hold."""
    if "extra_scores" not in frames.columns:
        return frames
    item = pl.element().struct.json_encode()
    text = pl.concat_str(
        pl.lit("["), pl.col("extra_scores").list.eval(item).list.join(","), pl.lit("]")
    )
    return frames.with_columns(extra_scores=text)
