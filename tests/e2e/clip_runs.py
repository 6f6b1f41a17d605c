"""Runs of `facestate run` over real clips, and their rows."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipeline.lake.tables import Lake
from pipeline.queries import resolve_call

RUN_S_MAX = 240


def analyse(inputs: Sequence[Path], out: Path, *options: str) -> Lake:
    """Run the command line in a process of its own and return the tables it made."""
    command = [sys.executable, "-m", "pipeline.cli", "run", *map(str, inputs), "--role", "customer"]
    done = subprocess.run(
        [*command, "--out", str(out), "--redis", "none", *options],
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Lake(out)


def clip_frames(lake: Lake, clip: str) -> pl.DataFrame:
    """Return the rows of a clip in order, with `time_s` and `height_px` of the face's box."""
    rows = resolve_call(lake, "default", clip).select(lake, "frames").collect()
    return rows.with_columns(
        time_s=pl.col("pts_ms") / 1000, height_px=pl.col("box_y2_px") - pl.col("box_y1_px")
    ).sort("frame_index", "track_id")
