"""Thin strips that lay a face's measured AUs over their true curves."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.picture.bins import Grid
from pipeline.picture.canvas import Canvas, label, remark
from pipeline.picture.style import INK, LEFT_IN, MEASURED, PANEL, SOFT
from pipeline.reporting.truth import match_truth
from schemas.names import AU_MEANINGS, AU_NAMES

STRIPS_MAX = 5
STRIP_IN = 0.34
STRIP_GAP_IN = 0.05
HEAD_IN = 0.22
# A curve that hardly moves teaches nothing.
TRUTH_RANGE_MIN = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strip:
    """One AU: its true curve ([N] times and values) and the measured one, NaN where absent."""

    name: str
    true_s: Floats
    true: Floats
    measured_s: Floats
    measured: Floats

    def __repr__(self) -> str:
        return f"Strip({self.name}, {len(self.true)} true, {len(self.measured)} measured)"

    @property
    def correlation(self) -> float | None:
        """Return Pearson's r at the measured times, None where one of the curves is flat."""
        true = np.interp(self.measured_s, self.true_s, self.true)
        both = np.isfinite(true) & np.isfinite(self.measured)
        if both.sum() < 3 or np.ptp(true[both]) == 0 or np.ptp(self.measured[both]) == 0:
            return None
        return float(np.corrcoef(true[both], self.measured[both])[0, 1])


def make_strips(rows: pl.DataFrame, truth: pl.DataFrame, grid: Grid) -> tuple[Strip, ...]:
    """Return the strips of the AUs whose true curves move most and that were measured."""
    name = match_truth(rows, truth)
    if name is None:
        return ()
    mine = truth.filter(pl.col("participant") == name).sort("time_s")
    true_s, measured_s = mine["time_s"].to_numpy(), rows["time_s"].to_numpy()
    found = []
    for au in AU_NAMES:
        if au not in mine.columns or rows[au].null_count() == rows.height:
            continue
        true = mine[au].cast(pl.Float64).to_numpy().astype(np.float64)
        if np.isfinite(true).any() and np.nanmax(true) - np.nanmin(true) >= TRUTH_RANGE_MIN:
            measured = rows[au].cast(pl.Float64).to_numpy().astype(np.float64)
            found.append((float(np.nanstd(true)), Strip(au, true_s, true, measured_s, measured)))
    found.sort(key=lambda item: -item[0])
    return tuple(sorted((strip for _, strip in found[:STRIPS_MAX]), key=lambda s: s.name))


def strips_height_in(strips: tuple[Strip, ...]) -> float:
    """Return the height that the strips take."""
    return HEAD_IN + len(strips) * (STRIP_IN + STRIP_GAP_IN) if strips else 0.0


def draw_strips(canvas: Canvas, strips: tuple[Strip, ...]) -> None:
    """Draw measured curves solid and true ones dotted, one strip per AU."""
    if not strips:
        return
    canvas.text(LEFT_IN, canvas.top_in + 0.08,
                "measured (solid) and true (dotted): the video was made from these curves",
                fontsize=8.5, style="italic", color=SOFT)  # fmt: skip
    canvas.skip(HEAD_IN)
    for strip in strips:
        axes = canvas.strip(STRIP_IN, STRIP_GAP_IN)
        axes.set_facecolor(PANEL)
        axes.set_ylim(-0.06, 1.06)
        axes.plot(strip.measured_s, strip.measured, color=MEASURED, linewidth=1.3)
        axes.plot(strip.true_s, strip.true, color=INK, linewidth=1.0, linestyle=(0, (1, 1.6)))
        label(axes, AU_MEANINGS[strip.name], x=-0.055, fontsize=8.3)
        label(axes, strip.name, fontsize=8, color=INK, family="monospace")
        r = strip.correlation
        remark(axes, "one curve is flat" if r is None else f"correlation {r:.2f}")
