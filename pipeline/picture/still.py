"""The block of one face in a still: what it shows at that one moment."""

from matplotlib.axes import Axes

from pipeline.picture.bins import FaceBins, Grid
from pipeline.picture.canvas import Canvas, label, remark
from pipeline.picture.face import HEADER_IN, NOTE_IN, header, note
from pipeline.picture.style import EMOTION_COLOURS, HEAT, INK, PANEL
from pipeline.queries import FaceSummary
from pipeline.reporting.words import signed
from schemas.names import AU_MEANINGS, EMOTIONS

BAR_IN = 0.30
ROW_IN = 0.19
GAP_IN = 0.07
# Narrower parts of the bar get no words.
WORDS_SHARE_MIN = 0.10
DARK = {"sadness", "disgust", "anger", "contempt"}


def still_height_in(face: FaceSummary, bins: FaceBins, grid: Grid) -> float:
    """Return the height of a face's block."""
    if face.scored_count == 0:
        return HEADER_IN + GAP_IN
    expression = BAR_IN + GAP_IN if bins.has_expression else NOTE_IN
    return HEADER_IN + expression + ROW_IN * len(bins.au_names) + 3 * GAP_IN


def draw_still(canvas: Canvas, face: FaceSummary, bins: FaceBins) -> None:
    """Draw the expression as one bar and each AU as a bar of its probability."""
    header(canvas, face)
    if face.scored_count == 0:
        canvas.skip(GAP_IN)
        return
    if bins.has_expression:
        _expression(canvas.strip(BAR_IN, GAP_IN), bins)
    else:
        note(canvas, face)
    _aus(canvas.strip(ROW_IN * len(bins.au_names), 3 * GAP_IN), bins)


def _expression(axes: Axes, bins: FaceBins) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    label(axes, "Expression", color=INK, fontsize=9.5)
    left = 0.0
    for name, colour in EMOTION_COLOURS.items():
        share = float(bins.emotions[EMOTIONS.index(name), 0])
        axes.barh(0.5, share, height=1.0, left=left, color=colour, linewidth=0)
        if share >= WORDS_SHARE_MIN:
            ink = "white" if name in DARK else INK
            axes.text(left + share / 2, 0.48, f"{name} {share:.0%}", fontsize=8.5, color=ink,
                      ha="center", va="center")  # fmt: skip
        left += share
    remark(axes, f"valence {signed(float(bins.valence[0]))}")


def _aus(axes: Axes, bins: FaceBins) -> None:
    count = len(bins.au_names)
    axes.set_xlim(0, 1)
    axes.set_ylim(count, 0)
    axes.set_facecolor(PANEL)
    axes.axvline(0.5, color="white", linewidth=1.2, zorder=1)
    for row, name in enumerate(bins.au_names):
        value, y = float(bins.aus[row, 0]), 1 - (row + 0.5) / count
        axes.barh(row + 0.5, value, height=0.62, color=HEAT(0.25 + 0.6 * value), linewidth=0)
        label(axes, AU_MEANINGS[name], y, fontsize=8.3, x=-0.055)
        label(axes, name, y, fontsize=8, color=INK, family="monospace")
        remark(axes, f"{value:.2f}", y)
