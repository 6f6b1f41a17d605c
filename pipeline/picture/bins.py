"""One face's rows brought onto the picture's grid of times."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, FaceStatus
from schemas.windows import SHARE_THRESHOLD

BINS_MAX = 600
# A column without a sample of its own shows the last one, if that is not older than this.
HOLD_PERIODS = 1.0
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
    """The picture's times: `count` columns of `step_s` from 0 to `span_s`, in seconds."""

    span_s: float
    step_s: float
    period_s: float

    @property
    def count(self) -> int:
        """Return the number of columns."""
        return max(1, round(self.span_s / self.step_s))

    @property
    def is_still(self) -> bool:
        """Tell whether there is one moment only, and no course of time to draw."""
        return self.span_s <= self.period_s

    @property
    def edges(self) -> Floats:
        """Return the columns' edges, [count + 1]."""
        return np.linspace(0.0, self.span_s, self.count + 1)

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
    above 0.5. speaking: [C], True where the speaking flag prevails.
    """

    state: NDArray[np.int64]
    emotions: Floats
    valence: Floats
    au_names: tuple[str, ...]
    aus: Floats
    shares: Floats
    speaking: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"FaceBins({len(self.state)} columns, {len(self.au_names)} AUs)"

    @property
    def has_expression(self) -> bool:
        """Tell whether any column has an expression."""
        return bool(np.isfinite(self.emotions).any())


def make_grid(span_s: float, period_s: float, bin_s: float | None = None) -> Grid:
    """Return a grid as fine as the frames, but of at most BINS_MAX columns."""
    span_s = max(span_s, period_s)
    step_s = max(bin_s or period_s, span_s / BINS_MAX)
    return Grid(max(span_s, step_s), step_s, period_s)


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
    speaking = _mean(rows["is_speaking"].cast(pl.Float64), column, grid.count)[held]
    return FaceBins(
        state=np.where(held < grid.count, np.append(state, ABSENT)[held], ABSENT),
        emotions=np.stack([values[f"emotion_{name}"] for name in EMOTIONS]),
        valence=values["valence"],
        au_names=names,
        aus=np.stack([values[n] for n in names]) if names else np.empty((0, grid.count)),
        shares=np.array([_share(rows[name]) for name in names]),
        speaking=np.nan_to_num(speaking) >= SHARE_THRESHOLD,
    )


def _columns(times: Floats, grid: Grid) -> NDArray[np.int64]:
    """Return the column of each time; a time on an edge belongs to the column that begins there."""
    places = np.floor(times / grid.span_s * grid.count + EDGE_SLACK).astype(np.int64)
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
