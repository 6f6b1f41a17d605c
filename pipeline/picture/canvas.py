"""A page that is filled from top to bottom, measured in inches."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.picture.bins import Grid
from pipeline.picture.style import (
    DPI,
    FAINT,
    LEFT_IN,
    PAPER,
    RIGHT_IN,
    SOFT,
    TICK_STEPS_S,
    TICKS_MAX,
    WIDTH_IN,
)
from pipeline.reporting.words import clock


@dataclass(slots=True)
class Canvas:
    """A figure of fixed width and height, and how far down it is filled (`top_in`)."""

    figure: Figure
    height_in: float
    grid: Grid
    top_in: float = 0.0

    @classmethod
    def of_height(cls, height_in: float, grid: Grid) -> "Canvas":
        """Return an empty page."""
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor=PAPER)
        return cls(figure, height_in, grid)

    def skip(self, height_in: float) -> None:
        """Leave a gap."""
        self.top_in += height_in

    def strip(self, height_in: float, gap_in: float = 0.06) -> Axes:
        """Return axes over the whole time, below what is there."""
        width_in = WIDTH_IN - LEFT_IN - RIGHT_IN
        bottom_in = self.height_in - self.top_in - height_in
        axes = self.figure.add_axes(
            (
                LEFT_IN / WIDTH_IN,
                bottom_in / self.height_in,
                width_in / WIDTH_IN,
                height_in / self.height_in,
            )
        )
        self.top_in += height_in + gap_in
        axes.set_xlim(0.0, self.grid.span_s)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color(FAINT)
            spine.set_linewidth(0.6)
        return axes

    def text(self, x_in: float, y_in: float, text: str, **style: object) -> None:
        """Write `text` at inches from the left and from the top, never read as mathematics."""
        self.figure.text(
            x_in / WIDTH_IN, 1 - y_in / self.height_in, text,
            **{"va": "center", "parse_math": False, **style},  # type: ignore[arg-type]
        )  # fmt: skip


def label(axes: Axes, text: str, y: float = 0.5, x: float = -0.012, **style: object) -> None:
    """Write a row's name left of its axes (x, y in axes fractions)."""
    axes.text(x, y, text, transform=axes.transAxes, va="center",
              **{"ha": "right", "fontsize": 8.5, "color": SOFT, **style})  # type: ignore[arg-type]  # fmt: skip


def remark(axes: Axes, text: str, y: float = 0.5, x: float = 1.01, **style: object) -> None:
    """Write a value right of its axes (x, y in axes fractions)."""
    axes.text(x, y, text, transform=axes.transAxes, va="center",
              **{"ha": "left", "fontsize": 8, "color": SOFT, **style})  # type: ignore[arg-type]  # fmt: skip


def ticks(grid: Grid) -> list[float]:
    """Return round times for the axis, at most TICKS_MAX of them."""
    step = next((s for s in TICK_STEPS_S if grid.span_s / s <= TICKS_MAX), TICK_STEPS_S[-1])
    step *= max(1, round(grid.span_s / step / TICKS_MAX))
    return [i * step for i in range(int(grid.span_s / step + 1e-9) + 1)]


def time_axis(axes: Axes, grid: Grid) -> None:
    """Write the times below the axes."""
    places = ticks(grid)
    is_fine = len(places) > 1 and places[1] < 1
    axes.set_xticks(places, [clock(t, is_fine=is_fine) for t in places])
    axes.tick_params(axis="x", length=3, color=FAINT, labelsize=8, labelcolor=SOFT, pad=2)
