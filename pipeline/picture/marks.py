"""Marks that several rows of a face's block share: gaps, bars and peaks."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline.picture.bins import ABSENT, ABSTAINED, SKIPPED, FaceBins, Grid
from pipeline.picture.style import FAINT, INK, LEFT_IN, RIBBON_IN, RIGHT_IN, SOFT, WIDTH_IN
from pipeline.queries import FaceSummary
from pipeline.reporting.words import not_scored

# Room above the ribbon for one line of words about a peak.
PEAK_LINE_IN = 0.17
PEAK_LINES_MAX = 2
PEAK_MARK_IN = 0.12
PEAK_LETTER_IN = 0.066
# An absence shorter than this share of the picture gets no words.
WORDS_SHARE_MIN = 0.09


def runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield start and end (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def spread(grid: Grid, start: int, end: int) -> NDArray[np.float64]:
    """Return the columns' middles of one run, with its outer edges at both ends."""
    edges, centres = grid.edges, grid.centres
    return np.concatenate([[edges[start]], centres[start:end], [edges[end]]])


def share_bars(axes: Axes, grid: Grid, parts: Sequence[tuple[NDArray[np.float64], str]]) -> None:
    """Stack shares of each column's time ([C], with a colour) from bottom to top."""
    edges, bottom = grid.edges, np.zeros(grid.count)
    for shares, colour in parts:
        axes.stairs(bottom + shares, edges, baseline=bottom, fill=True, color=colour, linewidth=0)
        bottom = bottom + shares
    axes.set_ylim(0, 1)


def gaps(
    axes: Axes, grid: Grid, bins: FaceBins, face: FaceSummary, *, is_worded: bool = True
) -> None:
    """Hatch the time without scores, and say why where there is room."""
    edges = grid.edges
    words = {ABSENT: "not on screen", ABSTAINED: not_scored(face.abstained),
             SKIPPED: not_scored(face.skipped, face.jurisdiction)}  # fmt: skip
    for state, text in words.items():
        for start, end in runs(bins.state == state):
            low, high = max(edges[start], 0.0), min(edges[end], grid.span_s)
            axes.axvspan(low, high, facecolor="white", edgecolor=FAINT, hatch="////",
                         linewidth=0, zorder=1)  # fmt: skip
            if is_worded and (high - low) > WORDS_SHARE_MIN * grid.span_s:
                axes.text((low + high) / 2, sum(axes.get_ylim()) / 2, text, fontsize=8.5,
                          color=SOFT, ha="center", va="center", zorder=4,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 2})  # fmt: skip


def _peak_words(face: FaceSummary, grid: Grid) -> list[tuple[float, str, float, int]]:
    """Return x, text, left end of the text (as a share of the width) and line of each peak.

    Lines are filled from below; a peak whose words fit in no line keeps its mark only.
    """
    width_in = WIDTH_IN - LEFT_IN - RIGHT_IN
    ends = [-np.inf] * PEAK_LINES_MAX
    words = []
    for peak in face.peaks:
        x = min(max(peak.time_s + grid.period_s / 2, 0.0), grid.span_s)
        behind = "+".join(name for name, _ in peak.aus)
        text = f"{peak.name} {peak.value:.2f}  {behind}".rstrip()
        share = PEAK_LETTER_IN * len(text) / width_in
        left = min(max(x / grid.span_s - share / 2, 0.0), 1.0 - share)
        line = next((i for i, end in enumerate(ends) if end <= left), -1)
        if line >= 0:
            ends[line] = left + share + 0.01
        words.append((x, text, left, line))
    return words


def peak_room_in(face: FaceSummary, grid: Grid) -> float:
    """Return the height that a face's peaks take above its ribbon."""
    lines = 1 + max((line for *_, line in _peak_words(face, grid)), default=-1)
    return PEAK_MARK_IN + lines * PEAK_LINE_IN if face.peaks else 0.0


def peaks(axes: Axes, grid: Grid, face: FaceSummary) -> None:
    """Mark the moments above the ribbon and say what they were."""
    for x, text, left, line in _peak_words(face, grid):
        axes.plot([x], [1 + 0.06 / RIBBON_IN], marker="v", markersize=5, color=INK, clip_on=False)
        if line < 0:
            continue
        y = 1 + (PEAK_MARK_IN + line * PEAK_LINE_IN) / RIBBON_IN
        if line:
            axes.plot([x, x], [1 + 0.1 / RIBBON_IN, y], color=SOFT, linewidth=0.6, clip_on=False)
        axes.text(left, y, text, fontsize=7.8, color=INK, transform=axes.transAxes, va="bottom")
