"""The whole timeline picture: title, one block per face, footer."""

import os
import warnings
from pathlib import Path

import polars as pl

from pipeline.picture.bins import (
    AU_ROWS_MAX,
    FaceBins,
    Grid,
    bin_face,
    make_grid,
    time_shares,
)
from pipeline.picture.canvas import Canvas
from pipeline.picture.face import TimeStrips, block_height_in, draw_face, finish_face
from pipeline.picture.still import draw_still, still_height_in
from pipeline.picture.strips import Strip, draw_strips, make_strips, strips_height_in
from pipeline.picture.style import FOOTER, INK, MARGIN_IN, SOFT, WIDTH_IN
from pipeline.queries import FaceSummary, RunRef, summarise
from pipeline.queries.summaries import frame_period_s
from pipeline.reporting.words import duration, printable

FACES_MAX = 12
# From this many faces on, each gets fewer AU rows.
MANY_FACES = 4
AU_ROWS_OF_MANY = 6
# About one column per pixel.
STRIP_COLUMNS = 1200

TITLE_IN = 0.95
FOOTER_IN = 0.35
EMPTY_IN = 1.2
BETWEEN_IN = 0.10

Block = tuple[FaceSummary, FaceBins, TimeStrips, tuple[Strip, ...]]


def draw_timeline(
    frames: pl.DataFrame,
    ref: RunRef,
    path: Path,
    truth: pl.DataFrame | None = None,
    bin_s: float | None = None,
) -> Path:
    """Draw what the faces of a call showed and return the PNG's path.

    frames: as `face_frames(lake, ref)` returns them. truth: the true curves as `read_truth`
    returns them, drawn as dotted lines on strips of their own. bin_s: width of a column of
    scores, which then lie on whole multiples of it as windows do; None chooses the finest that
    fits. The rows on speech and on what was scored are always as fine as the picture. The file
    appears whole or not at all; OSError where it cannot be written.
    """
    summary = summarise(ref, frames)
    period_s = frame_period_s(frames, ref.analysis_fps)
    span_s = _span_s(frames, ref, period_s)
    grid = make_grid(span_s, period_s, bin_s, ref.start_at.timestamp())
    fine = Grid(grid.span_s, grid.span_s / STRIP_COLUMNS, period_s)
    faces = sorted(summary.participants, key=lambda f: (f.scored_count == 0, f.first_s))
    blocks = [_block(frames, face, grid, fine, len(faces), truth) for face in faces[:FACES_MAX]]
    canvas = Canvas.of_height(_height_in(blocks, grid), grid)
    _title(canvas, ref, len(faces))
    for block in blocks:
        _draw_block(canvas, *block)
        canvas.skip(BETWEEN_IN)
    if not blocks:
        canvas.text(WIDTH_IN / 2, canvas.top_in + EMPTY_IN / 2, "no face was found in this call",
                    fontsize=13, color=SOFT, ha="center")  # fmt: skip
    _footer(canvas, len(faces))
    return _save(canvas, path)


def _span_s(frames: pl.DataFrame, ref: RunRef, period_s: float) -> float:
    last = frames["time_s"].max()
    seen_s = float(last) + period_s if isinstance(last, float) else 0.0
    told_s = (ref.duration_ms or 0) / 1000
    # A duration a little short of the last frame's end is not worth a sliver of a column.
    return max(seen_s, told_s) if told_s < seen_s - period_s else max(told_s, period_s)


def _block(
    frames: pl.DataFrame, face: FaceSummary, grid: Grid, fine: Grid, faces: int,
    truth: pl.DataFrame | None,
) -> Block:  # fmt: skip
    mine = pl.col("participant_id").eq_missing(pl.lit(face.participant_id))
    rows = frames.filter(mine).sort("time_s", maintain_order=True)
    bins = bin_face(rows, grid, AU_ROWS_OF_MANY if faces >= MANY_FACES else AU_ROWS_MAX)
    curves = () if truth is None or grid.is_still else make_strips(rows, truth, grid)
    return face, bins, (fine, time_shares(rows, fine)), curves


def _draw_block(
    canvas: Canvas, face: FaceSummary, bins: FaceBins, shares: TimeStrips,
    strips: tuple[Strip, ...],
) -> None:  # fmt: skip
    if canvas.grid.is_still:
        draw_still(canvas, face, bins)
        return
    draw_face(canvas, face, bins, shares)
    draw_strips(canvas, strips)
    finish_face(canvas, face, shares)


def _height_in(blocks: list[Block], grid: Grid) -> float:
    measure = still_height_in if grid.is_still else block_height_in
    faces = sum(
        measure(face, bins, grid) + strips_height_in(strips) + BETWEEN_IN
        for face, bins, _, strips in blocks
    )
    return TITLE_IN + (faces or EMPTY_IN) + FOOTER_IN


def _title(canvas: Canvas, ref: RunRef, face_count: int) -> None:
    faces = "1 face" if face_count == 1 else f"{face_count} faces"
    canvas.text(MARGIN_IN, 0.30, f"What the faces showed: {printable(ref.source_name)}",
                fontsize=16, fontweight="bold", color=INK)  # fmt: skip
    length = "one frame" if canvas.grid.is_still else duration(canvas.grid.span_s)
    facts = (f"call {ref.call_id}", ref.anchor_text, length, faces, f"model {ref.model_id}",
             f"{ref.analysis_fps:g} frames/s", f"run {ref.run_id}")  # fmt: skip
    canvas.text(MARGIN_IN, 0.58, "  ·  ".join(facts), fontsize=9, color=SOFT)
    canvas.skip(TITLE_IN)


def _footer(canvas: Canvas, face_count: int) -> None:
    y_in = canvas.height_in - 0.22
    text = FOOTER
    if face_count > FACES_MAX:
        text = f"{face_count - FACES_MAX} more faces are not drawn. {text}"
    canvas.text(MARGIN_IN, y_in, text, fontsize=8.5, color=SOFT)
    canvas.text(WIDTH_IN - MARGIN_IN, y_in, "facestate", fontsize=9, color=SOFT, ha="right",
                fontweight="bold")  # fmt: skip


def _save(canvas: Canvas, path: Path) -> Path:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with warnings.catch_warnings():
            # A file's name may hold letters that the font lacks; a box stands for them.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            canvas.figure.savefig(part, format="png", metadata={"Software": "facestate"})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
