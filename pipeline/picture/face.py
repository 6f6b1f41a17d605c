"""The block of one face: expression, valence, AUs, speech and quality over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.picture.bins import ABSTAINED, SCORED, SKIPPED, FaceBins, Grid, TimeShares
from pipeline.picture.canvas import Canvas, label, remark, time_axis
from pipeline.picture.marks import gaps, peak_room_in, peaks, runs, share_bars, spread
from pipeline.picture.style import ABSTAINED as ABSTAINED_COLOUR
from pipeline.picture.style import (
    EMOTION_COLOURS,
    FAINT,
    HEAT,
    INK,
    LEFT_IN,
    MARGIN_IN,
    PANEL,
    RIBBON_IN,
    SOFT,
    SPEAKING,
)
from pipeline.picture.style import SCORED as SCORED_COLOUR
from pipeline.picture.style import SKIPPED as SKIPPED_COLOUR
from pipeline.queries import FaceSummary
from pipeline.reporting.words import (
    ACTIONS_ONLY,
    NOT_COMPUTED,
    NOT_OBSERVED,
    duration,
    not_scored,
    reason_words,
)
from schemas.names import AU_MEANINGS, EMOTIONS, Policy

HEADER_IN = 0.32
NOTE_IN = 0.28
VALENCE_IN = 0.42
AU_ROW_IN = 0.172
BAR_IN = 0.12
AXIS_IN = 0.42
GAP_IN = 0.06
# Fewer rows leave no room for the scale of colours beside them.
SCALE_ROWS_MIN = 4
# Longer names are written smaller, and cut.
NAME_AT_FULL_SIZE = 16
NAME_MAX = 26

TimeStrips = tuple[Grid, TimeShares]


def block_height_in(face: FaceSummary, bins: FaceBins, grid: Grid) -> float:
    """Return the height of a face's block without truth strips."""
    if face.scored_count == 0:
        return HEADER_IN + BAR_IN + AXIS_IN
    if bins.has_expression:
        expression = peak_room_in(face, grid) + RIBBON_IN + VALENCE_IN + 2 * GAP_IN
    else:
        expression = NOTE_IN
    aus = AU_ROW_IN * len(bins.au_names)
    return HEADER_IN + expression + aus + 2 * BAR_IN + 2 * GAP_IN + AXIS_IN


def draw_face(canvas: Canvas, face: FaceSummary, bins: FaceBins, strips: TimeStrips) -> None:
    """Draw one face's block below what is there; leaves the time axis to `finish_face`."""
    header(canvas, face)
    if face.scored_count == 0:
        return
    if bins.has_expression:
        canvas.skip(peak_room_in(face, canvas.grid))
        ribbon = canvas.strip(RIBBON_IN, GAP_IN)
        _ribbon(ribbon, canvas.grid, bins, face)
        peaks(ribbon, canvas.grid, face)
        _valence(canvas.strip(VALENCE_IN, GAP_IN), canvas.grid, bins, face)
    else:
        note(canvas, face)
    _heat(canvas.strip(AU_ROW_IN * len(bins.au_names), GAP_IN), canvas.grid, bins, face)
    _speaking(canvas.strip(BAR_IN, GAP_IN), strips, face)


def finish_face(canvas: Canvas, face: FaceSummary, strips: TimeStrips) -> None:
    """Draw the quality bar with the time axis, the block's last row."""
    axes = canvas.strip(BAR_IN, AXIS_IN)
    _quality(axes, strips, face)
    time_axis(axes, canvas.grid)


def header(canvas: Canvas, face: FaceSummary) -> None:
    """Write the face's name and the facts of its call."""
    y_in = canvas.top_in + 0.12
    name = face.who if len(face.who) <= NAME_MAX else f"{face.who[: NAME_MAX - 1]}…"
    size = min(13.0, 13.0 * NAME_AT_FULL_SIZE / len(name))
    canvas.text(MARGIN_IN, y_in, name, fontsize=size, fontweight="bold", color=INK)
    canvas.text(LEFT_IN, y_in, "  ·  ".join(_facts(face)), fontsize=9.5, color=SOFT)
    canvas.skip(HEADER_IN)


def _facts(face: FaceSummary) -> list[str]:
    seen = f"on screen {duration(face.seconds)}" if face.frame_count > 1 else "one frame"
    facts = [face.role, seen]
    if face.track_count > 1:
        facts.append(f"{face.track_count} tracks")
    if face.scored_count == 0:
        return [*facts, not_scored((*face.skipped, *face.abstained), face.jurisdiction)]
    if face.scored_share < 1:
        facts.append(f"scored {face.scored_share:.0%}")
    if face.dominant:
        facts.append(f"mostly {face.dominant[0]} ({face.dominant[1]:.0%})")
    return facts


def note(canvas: Canvas, face: FaceSummary) -> None:
    """Say why there is no expression."""
    text = (f"expression {NOT_COMPUTED}: {ACTIONS_ONLY}"
            if face.policy == Policy.FACIAL_ACTIONS_ONLY
            else f"expression {NOT_OBSERVED} by this model")  # fmt: skip
    canvas.text(LEFT_IN, canvas.top_in + 0.06, text, fontsize=9, style="italic", color=SOFT)
    canvas.skip(NOTE_IN)


def _ribbon(axes: Axes, grid: Grid, bins: FaceBins, face: FaceSummary) -> None:
    axes.set_ylim(0, 1)
    gaps(axes, grid, bins, face)
    order = [EMOTIONS.index(name) for name in EMOTION_COLOURS]
    for start, end in runs(np.isfinite(bins.emotions[0])):
        x = spread(grid, start, end)
        part = bins.emotions[order, start:end]
        part = part / np.maximum(part.sum(axis=0), 1e-9)
        part = np.concatenate([part[:, :1], part, part[:, -1:]], axis=1)
        axes.stackplot(x, part, colors=list(EMOTION_COLOURS.values()), linewidth=0)
    label(axes, "Expression", 0.88, color=INK, fontsize=9.5)
    label(axes, "share of each prototype", 0.70)
    _legend(axes, face)


def _legend(axes: Axes, face: FaceSummary) -> None:
    for place, (name, colour) in enumerate(reversed(EMOTION_COLOURS.items())):
        y = 0.94 - place * 0.126
        axes.add_patch(Rectangle((1.010, y - 0.045), 0.011, 0.09, facecolor=colour, linewidth=0,
                                 transform=axes.transAxes, clip_on=False))  # fmt: skip
        axes.text(1.027, y, name, transform=axes.transAxes, fontsize=7.8, color=INK, va="center")
        share = face.expressions.get(name, 0.0)
        axes.text(1.148, y, f"{share:.0%}", transform=axes.transAxes, fontsize=7.8, color=SOFT,
                  va="center", ha="right")  # fmt: skip


def _valence(axes: Axes, grid: Grid, bins: FaceBins, face: FaceSummary) -> None:
    axes.set_ylim(-1.05, 1.05)
    axes.set_facecolor(PANEL)
    gaps(axes, grid, bins, face, is_worded=False)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    for start, end in runs(np.isfinite(bins.valence)):
        x = spread(grid, start, end)
        part = bins.valence[start:end]
        y = np.concatenate([part[:1], part, part[-1:]])
        axes.fill_between(x, 0, y, where=(y >= 0).tolist(), color="#f0b323", alpha=0.35,
                          linewidth=0, interpolate=True)  # fmt: skip
        axes.fill_between(x, 0, y, where=(y <= 0).tolist(), color="#1f6fb2", alpha=0.30,
                          linewidth=0, interpolate=True)  # fmt: skip
        axes.plot(x, y, color=INK, linewidth=1.0)
    label(axes, "Valence shown", 0.62, color=INK, fontsize=9.5)
    label(axes, "experimental", 0.22)
    remark(axes, "+1 pleasant", 0.86)
    remark(axes, "−1 unpleasant", 0.14)


def _heat(axes: Axes, grid: Grid, bins: FaceBins, face: FaceSummary) -> None:
    count = len(bins.au_names)
    axes.set_ylim(count, 0)
    gaps(axes, grid, bins, face, is_worded=not bins.has_expression)
    extent = (grid.edges[0], grid.edges[-1], count, 0)
    axes.imshow(np.ma.masked_invalid(bins.aus), cmap=HEAT, vmin=0, vmax=1, aspect="auto",
                interpolation="nearest", extent=extent, zorder=2)  # fmt: skip
    axes.set_xlim(0.0, grid.span_s)
    for row, name in enumerate(bins.au_names):
        y = 1 - (row + 0.5) / count
        label(axes, AU_MEANINGS[name], y, fontsize=8.3, x=-0.055)
        label(axes, name, y, fontsize=8, color=INK, family="monospace")
        remark(axes, f"{bins.shares[row]:.0%}", y, x=1.148, ha="right")
        if row:
            axes.axhline(row, color="white", linewidth=0.8, zorder=3)
    remark(axes, "time at", 1 - 0.5 / count)
    remark(axes, "0.5 or more", 1 - 1.35 / count)
    if count >= SCALE_ROWS_MIN:
        _scale(axes, count)


def _scale(axes: Axes, count: int) -> None:
    """Draw what the colours mean, right of the rows."""
    bottom, row = 1 - 3.4 / count, 1 / count
    inset = axes.inset_axes((1.020, bottom, 0.055, 0.62 * row))
    inset.imshow(np.linspace(0, 1, 64)[None], cmap=HEAT, aspect="auto", extent=(0, 1, 0, 1))
    inset.set_axis_off()
    middle = bottom + 0.31 * row
    remark(axes, "0", middle, fontsize=7.5)
    remark(axes, "1", middle, x=1.080, fontsize=7.5)


def _speaking(axes: Axes, strips: TimeStrips, face: FaceSummary) -> None:
    grid, shares = strips
    share_bars(axes, grid, [(shares.speaking, SPEAKING)])
    label(axes, "Mouth moves as in speech")
    if face.speaking_share is not None:
        remark(axes, f"{face.speaking_share:.0%}", x=1.148, ha="right")


def _quality(axes: Axes, strips: TimeStrips, face: FaceSummary) -> None:
    grid, shares = strips
    colours = {SCORED: SCORED_COLOUR, ABSTAINED: ABSTAINED_COLOUR, SKIPPED: SKIPPED_COLOUR}
    share_bars(axes, grid, [(shares.states[state], colour) for state, colour in colours.items()])
    label(axes, "Seen and scored" if face.scored_count else "Seen, not scored")
    if not face.scored_count:
        return
    reasons = {**face.abstained, **face.skipped}
    reason = max(reasons, key=lambda name: reasons[name], default=None)
    if reason is not None:
        share = max(reasons[reason] / face.frame_count, 0.01)
        colour = ABSTAINED_COLOUR if reason in face.abstained else SOFT
        remark(axes, f"{reason_words(reason, face.jurisdiction)} {share:.0%}", color=colour)
