"""One face's rows brought onto the picture's grid of times."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, FaceStatus
from schemas.windows import SHARE_THRESHOLD

BINS_MAX = 600
# A column without a sample of its own shows the last one, if that is not older than this.
HOLD_PERIODS = 1.0
# A frame stands for the time to the next one, unless that is a pause: then for one period.
STEP_PERIODS_MAX = 2.0
# Times on an edge must not fall to the left of it by the last digit of a division.
EDGE_SLACK = 1e-6
AU_ROWS_MAX = 11
AU_ROWS_MIN = 4
AU_SHOWN_MIN = 0.3

ABSENT, SKIPPED, ABSTAINED, SCORED = range(4)
_STATES = {
    FaceStatus.SKIPPED.value: SKIPPED,
    FaceStatus.ABSTAINED.value: ABSTAINED,
    FaceStatus.SCORED.value: SCORED,
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """The picture's times: columns of `step_s` from `first_s` on, until `span_s` is covered.

    The picture shows 0 to `span_s` seconds; `first_s` is 0 or less, and the last column may end
    after `span_s`, where columns lie on whole multiples of a window.
    """

    span_s: float
    step_s: float
    period_s: float
    first_s: float = 0.0

    @property
    def count(self) -> int:
        """Return the number of columns."""
        return max(1, math.ceil((self.span_s - self.first_s) / self.step_s - EDGE_SLACK))

    @property
    def is_still(self) -> bool:
        """Tell whether there is one moment only, and no course of time to draw."""
        return self.span_s <= self.period_s

    @property
    def edges(self) -> Floats:
        """Return the columns' edges, [count + 1]."""
        return self.first_s + self.step_s * np.arange(self.count + 1, dtype=np.float64)

    @property
    def centres(self) -> Floats:
        """Return the columns' middles, [count]."""
        edges = self.edges
        middles: Floats = (edges[:-1] + edges[1:]) / 2
        return middles


@dataclass(frozen=True, slots=True)
class FaceBins:
    """One face on the grid; NaN where nothing was scored.

    state: [C] ABSENT, SKIPPED, ABSTAINED or SCORED. emotions: [8, C], order of `EMOTIONS`.
    valence: [C]. aus: [R, C], order of `au_names`. shares: [R], share of scored frames at or
    above 0.5.
    """

    state: NDArray[np.int64]
    emotions: Floats
    valence: Floats
    au_names: tuple[str, ...]
    aus: Floats
    shares: Floats

    def __repr__(self) -> str:
        return f"FaceBins({len(self.state)} columns, {len(self.au_names)} AUs)"

    @property
    def has_expression(self) -> bool:
        """Tell whether any column has an expression."""
        return bool(np.isfinite(self.emotions).any())


@dataclass(frozen=True, slots=True)
class TimeShares:
    """Which share of each column's time a face was in which state, as fine as the frames.

    states: [4, C], row SCORED, ABSTAINED or SKIPPED by its number; what is missing to 1 is time
    without the face. speaking: [C], time scored with the speaking flag set.
    """

    states: Floats
    speaking: Floats

    def __repr__(self) -> str:
        return f"TimeShares({len(self.speaking)} columns)"


def make_grid(
    span_s: float, period_s: float, bin_s: float | None = None, start_s: float = 0.0
) -> Grid:
    """Return a grid as fine as the frames, but of at most BINS_MAX columns.

    With `bin_s` its edges lie on whole multiples of `bin_s` (or of a multiple of it, where the
    columns would be too many) since 1970, as windows do; `start_s` is the call's start since then.
    """
    span_s = max(span_s, period_s)
    if bin_s is None:
        count = min(max(1, round(span_s / period_s)), BINS_MAX)
        return Grid(span_s, span_s / count, period_s)
    # One column less than the most, because neither end need lie on an edge.
    step_s = bin_s * max(1, math.ceil(span_s / (BINS_MAX - 1) / bin_s))
    return Grid(span_s, step_s, period_s, -(start_s % step_s))


def time_shares(rows: pl.DataFrame, grid: Grid) -> TimeShares:
    """Return how one face's time (rows as `face_frames` gives them) divides in each column."""
    status = np.array([_STATES[s] for s in rows["status"].to_list()], dtype=np.int64)
    times = rows["time_s"].to_numpy().astype(np.float64)
    # Of several rows at one time the last takes it all; that is to be the scored one.
    order = np.lexsort((status, times))
    times, status = times[order], status[order]
    flag = rows["is_speaking"].fill_null(value=False).to_numpy()[order]
    steps = np.diff(times, append=np.inf)
    lengths = np.where(steps > STEP_PERIODS_MAX * grid.period_s, grid.period_s, steps)
    masks = [status == state for state in range(4)]
    found = [_time_share(times, lengths, mask, grid) for mask in [*masks, masks[SCORED] & flag]]
    return TimeShares(np.stack(found[:4]), found[4])


def _time_share(times: Floats, lengths: Floats, mask: NDArray[np.bool_], grid: Grid) -> Floats:
    """Return the share of each column, [C], that the spans of `mask` ([N], as times) cover."""
    if not len(times):
        return np.zeros(grid.count)
    # The time covered so far, as a line that rises within spans and rests between them.
    covered = np.cumsum(np.where(mask, lengths, 0.0))
    places = np.stack([times, times + lengths], axis=1).ravel()
    heights = np.stack([covered - np.where(mask, lengths, 0.0), covered], axis=1).ravel()
    risen = np.interp(grid.edges, places, heights)
    share: Floats = np.clip(np.diff(risen) / grid.step_s, 0.0, 1.0)
    return share


def bin_face(rows: pl.DataFrame, grid: Grid, au_rows_max: int = AU_ROWS_MAX) -> FaceBins:
    """Return one face's rows (as `face_frames` gives them) on the grid."""
    times = rows["time_s"].to_numpy()
    column = _columns(times, grid)
    status = np.array([_STATES[s] for s in rows["status"].to_list()], dtype=np.int64)
    state = np.zeros(grid.count, dtype=np.int64)
    np.maximum.at(state, column, status)
    held = _held(times, state, grid)
    names = _shown_aus(rows, au_rows_max)
    values = {name: _mean(rows[name], column, grid.count)[held]
              for name in (*(f"emotion_{n}" for n in EMOTIONS), "valence", *names)}  # fmt: skip
    return FaceBins(
        state=np.where(held < grid.count, np.append(state, ABSENT)[held], ABSENT),
        emotions=np.stack([values[f"emotion_{name}"] for name in EMOTIONS]),
        valence=values["valence"],
        au_names=names,
        aus=np.stack([values[n] for n in names]) if names else np.empty((0, grid.count)),
        shares=np.array([_share(rows[name]) for name in names]),
    )


def _columns(times: Floats, grid: Grid) -> NDArray[np.int64]:
    """Return the column of each time; a time on an edge belongs to the column that begins there."""
    places = np.floor((times - grid.first_s) / grid.step_s + EDGE_SLACK).astype(np.int64)
    return np.clip(places, 0, grid.count - 1)


def _held(times: Floats, state: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """Return for each column the column whose values it shows; `count` (all NaN) for none."""
    own = np.arange(grid.count)
    centres = grid.centres
    before = np.searchsorted(times, centres, side="right") - 1
    age_s = centres - times[np.maximum(before, 0)]
    is_held = (before >= 0) & (age_s <= max(HOLD_PERIODS * grid.period_s, grid.step_s))
    source = _columns(times[np.maximum(before, 0)], grid)
    return np.where(state > ABSENT, own, np.where(is_held, source, grid.count))


def _mean(values: pl.Series, column: NDArray[np.int64], count: int) -> Floats:
    """Return the mean per column, NaN where there is none; one NaN more at the end."""
    numbers = values.cast(pl.Float64).to_numpy().astype(np.float64)
    is_there = np.isfinite(numbers)
    sums = np.bincount(column[is_there], numbers[is_there], count + 1)
    counts = np.bincount(column[is_there], minlength=count + 1)
    means: Floats = np.divide(sums, counts, out=np.full(count + 1, np.nan), where=counts > 0)
    return means


def _share(values: pl.Series) -> float:
    there = values.drop_nulls()
    return float((there >= SHARE_THRESHOLD).sum()) / max(1, len(there))


def _shown_aus(rows: pl.DataFrame, count_max: int) -> tuple[str, ...]:
    """Return the AUs that occur most, in the order of their numbers: from brows to mouth."""
    ranked = []
    for name in AU_NAMES:
        values = rows[name].drop_nulls().to_numpy()
        if len(values):
            ranked.append((_share(rows[name]), float(values.max()), name))
    ranked.sort(reverse=True)
    clear = [item for item in ranked if item[1] >= AU_SHOWN_MIN]
    chosen = clear[:count_max] if len(clear) >= AU_ROWS_MIN else ranked[:AU_ROWS_MIN]
    return tuple(sorted(name for _, _, name in chosen))
