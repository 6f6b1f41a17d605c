"""Mergeable summaries of the window scores, kept as integers so that merging is exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.windows import HISTOGRAM_BINS, SHARE_THRESHOLD, WINDOW_SCORES

SCORE_NAMES = tuple(WINDOW_SCORES)
SCORE_COUNT = len(SCORE_NAMES)

# Values are counted in units of 1e-4, 50 times finer than the grid they are stored on (0.005).
# Sums of integers do not depend on the order of adding: every arrival order, every grouping and
# every replay give the same row to the last bit.
UNITS_PER_ONE = 10_000

Integers = NDArray[np.int64]

_LOW = np.array([round(low * UNITS_PER_ONE) for low, _ in WINDOW_SCORES.values()], np.int64)
_HIGH = np.array([round(high * UNITS_PER_ONE) for _, high in WINDOW_SCORES.values()], np.int64)
_THRESHOLD = np.where(_LOW < 0, 0, round(SHARE_THRESHOLD * UNITS_PER_ONE)).astype(np.int64)
_BIN_STARTS = np.arange(SCORE_COUNT) * HISTOGRAM_BINS
_CELL_COUNT = SCORE_COUNT * HISTOGRAM_BINS
_NO_MAX = np.int64(-(2**31))  # below every value; its time is 0


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Counts and sums of 35 scores, order of `SCORE_NAMES`, int64; a NaN value is not counted.

    counts [35] values; sums [35] and squares [35] of the values in units and units²; maxima [35]
    in units and max_ms [35] their (first) event time; above [35] values at or above the threshold;
    histogram [35, 10]. Arrays are never written to after creation.
    """

    counts: Integers
    sums: Integers
    squares: Integers
    maxima: Integers
    max_ms: Integers
    above: Integers
    histogram: Integers

    @classmethod
    def empty(cls) -> Self:
        """Return the summary of nothing, the neutral element of `merge`."""
        zeros = np.zeros(SCORE_COUNT, np.int64)
        cells = np.zeros((SCORE_COUNT, HISTOGRAM_BINS), np.int64)
        return cls(zeros, zeros, zeros, np.full(SCORE_COUNT, _NO_MAX), zeros, zeros, cells)

    @classmethod
    def of(cls, values: NDArray[np.float64], event_ms: int) -> Self:
        """Summarise one observation: `values` float [35], NaN where not observed.

        Values are rounded to 1e-4 and held within the score's range. Infinite values count as not
        observed.
        """
        is_seen = np.isfinite(values)
        seen = is_seen.astype(np.int64)
        units = np.rint(np.where(is_seen, values, 0.0) * UNITS_PER_ONE).astype(np.int64)
        units = np.clip(units, _LOW, _HIGH)
        bins = (units - _LOW) * HISTOGRAM_BINS // (_HIGH - _LOW)
        cells = np.zeros(_CELL_COUNT, np.int64)
        cells[_BIN_STARTS + np.minimum(bins, HISTOGRAM_BINS - 1)] = seen
        return cls(
            counts=seen,
            sums=units * seen,
            squares=units * units * seen,
            maxima=np.where(is_seen, units, _NO_MAX),
            max_ms=seen * event_ms,
            above=seen * (units >= _THRESHOLD),
            histogram=cells.reshape(SCORE_COUNT, HISTOGRAM_BINS),
        )

    def __repr__(self) -> str:
        return f"Aggregate({int(self.counts.max())} observations)"

    @property
    def mean(self) -> NDArray[np.float64]:
        """Return the means [35], NaN where nothing was observed."""
        return np.where(self.counts > 0, self.sums / self._divisor() / UNITS_PER_ONE, np.nan)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Return the population variances [35], NaN where nothing was observed."""
        count = self._divisor()
        # Shifting by the integer mean keeps the products far from the limits of int64.
        shift = self.sums // count
        rest = self.sums - shift * count
        deviations = self.squares - 2 * shift * self.sums + shift * shift * count
        variance = (deviations - rest * rest / count) / count / UNITS_PER_ONE**2
        return np.where(self.counts > 0, np.maximum(variance, 0.0), np.nan)

    @property
    def maximum(self) -> NDArray[np.float64]:
        """Return the highest values [35], NaN where nothing was observed."""
        return np.where(self.counts > 0, self.maxima / UNITS_PER_ONE, np.nan)

    @property
    def share(self) -> NDArray[np.float64]:
        """Return the shares [35] at or above the threshold, NaN where nothing was observed."""
        return np.where(self.counts > 0, self.above / self._divisor(), np.nan)

    def columns(self, start_ms: int) -> dict[str, Any]:
        """Return the aggregates of every score under their names in table `windows`.

        None where nothing was observed; times of maxima are after `start_ms`; a score's histogram
        sums to its own n.
        """
        observed = (self.counts > 0).tolist()
        parts = {
            "mean": self.mean.tolist(),
            "var": self.variance.tolist(),
            "max": self.maximum.tolist(),
            "max_ms": (self.max_ms - start_ms).tolist(),
            "share": self.share.tolist(),
            "hist": self.histogram.tolist(),
        }
        return {
            f"{name}_{part}": values[index] if observed[index] else None
            for index, name in enumerate(SCORE_NAMES)
            for part, values in parts.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; event times are offsets, equal counts and empty bins are folded."""
        is_seen = self.counts > 0
        first_ms = int(self.max_ms[is_seen].min()) if is_seen.any() else 0
        cells = self.histogram.reshape(-1)
        filled = np.flatnonzero(cells)
        return {
            "n": _folded(self.counts),
            "sum": self.sums[is_seen].tolist(),
            "sq": self.squares[is_seen].tolist(),
            "max": self.maxima[is_seen].tolist(),
            "from": first_ms,
            "at": (self.max_ms[is_seen] - first_ms).tolist(),
            "above": self.above[is_seen].tolist(),
            "bins": np.diff(filled, prepend=0).tolist(),
            "in": cells[filled].tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        counts = _unfolded(data["n"])
        is_seen = counts > 0
        cells = np.zeros(_CELL_COUNT, np.int64)
        cells[np.cumsum(np.array(data["bins"], np.int64))] = data["in"]
        return cls(
            counts=counts,
            sums=_placed(data["sum"], is_seen),
            squares=_placed(data["sq"], is_seen),
            maxima=_placed(data["max"], is_seen, _NO_MAX),
            max_ms=_placed([at + data["from"] for at in data["at"]], is_seen),
            above=_placed(data["above"], is_seen),
            histogram=cells.reshape(SCORE_COUNT, HISTOGRAM_BINS),
        )

    def _divisor(self) -> Integers:
        return np.maximum(self.counts, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a window knows of its subject: frames by status, speaking frames and score sums."""

    scored_count: int = 0
    abstained_count: int = 0
    flagged_count: int = 0
    speaking_count: int = 0
    aggregate: Aggregate = field(default_factory=Aggregate.empty)

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            self.scored_count + other.scored_count,
            self.abstained_count + other.abstained_count,
            self.flagged_count + other.flagged_count,
            self.speaking_count + other.speaking_count,
            merge(self.aggregate, other.aggregate),
        )

    def to_json(self) -> list[Any]:
        """Return the tally as plain JSON."""
        counts = [self.scored_count, self.abstained_count, self.flagged_count, self.speaking_count]
        return [*counts, self.aggregate.to_json()]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Self:
        """Restore what `to_json` returned."""
        scored, abstained, flagged, speaking, aggregate = data
        return cls(scored, abstained, flagged, speaking, Aggregate.from_json(aggregate))


def add(aggregate: Aggregate, values: NDArray[np.float64], event_ms: int) -> Aggregate:
    """Return `aggregate` with one more observation (see `Aggregate.of`)."""
    return merge(aggregate, Aggregate.of(values, event_ms))


def merge(a: Aggregate, b: Aggregate) -> Aggregate:
    """Return the summary of both; exactly associative and commutative, `empty` is neutral."""
    return Aggregate(
        counts=a.counts + b.counts,
        sums=a.sums + b.sums,
        squares=a.squares + b.squares,
        maxima=np.maximum(a.maxima, b.maxima),
        max_ms=_first_ms(a, b),
        above=a.above + b.above,
        histogram=a.histogram + b.histogram,
    )


def _first_ms(a: Aggregate, b: Aggregate) -> Integers:
    tied = np.minimum(a.max_ms, b.max_ms)
    untied = np.where(a.maxima > b.maxima, a.max_ms, b.max_ms)
    return np.where(a.maxima == b.maxima, tied, untied)


def _folded(counts: Integers) -> int | list[int]:
    return int(counts[0]) if (counts == counts[0]).all() else counts.tolist()


def _unfolded(counts: int | list[int]) -> Integers:
    given = counts if isinstance(counts, list) else [counts] * SCORE_COUNT
    return np.array(given, np.int64)


def _placed(values: list[int], is_seen: NDArray[np.bool_], missing: int | np.int64 = 0) -> Integers:
    placed = np.full(SCORE_COUNT, missing, np.int64)
    placed[is_seen] = values
    return placed
