"""The moments at which one face showed something most clearly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS

PEAKS_MAX = 3
PEAK_DISTANCE_S = 2.0
PEAK_VALUE_MIN = 0.3
# Between two peaks of one score it must fall by this much; a long smile is one moment.
PEAK_DIP_MIN = 0.15
BEHIND_MAX = 3
BEHIND_VALUE_MIN = 0.4
# Closed eyes belong to no expression's prototype; a blink only happens to meet a peak.
NEVER_BEHIND = ("AU43", "AU45")
# Speech and blinks move these all the time; they are no moments of their own.
EVERYDAY_AUS = ("AU25", "AU26", "AU27", "AU43", "AU45", "AU18", "AU22", "AU16")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Peak:
    """One moment: which score was highest when, and the AUs that were strongest just then."""

    time_s: float
    score: str
    value: float
    aus: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """Return the score's name without the column's prefix."""
        return self.score.removeprefix("emotion_")


def find_peaks(rows: pl.DataFrame, count_max: int = PEAKS_MAX) -> tuple[Peak, ...]:
    """Return the highest local maxima of one face's scored rows, in order of time.

    rows: `time_s` ascending, the AUs and the expressions; expressions other than neutral count
    where they are there, AUs otherwise. Peaks lie at least 2 s apart; two of the same score need
    a dip between them. Cost grows with rows times scores.
    """
    scored = rows.filter(pl.col("status") == "scored")
    names = [f"emotion_{name}" for name in EMOTIONS if name != "neutral"]
    if all(scored[name].null_count() == scored.height for name in names):
        names = [name for name in AU_NAMES if name not in EVERYDAY_AUS]
    times = scored["time_s"].to_numpy().astype(np.float64)
    series = {name: _floats(scored[name]) for name in names}
    chosen = _choose(times, series, count_max)
    aus = {name: _floats(scored[name]) for name in AU_NAMES}
    return tuple(
        Peak(float(times[i]), name, float(series[name][i]), _behind(aus, i, name))
        for i, name in sorted(chosen)
    )


def _floats(column: pl.Series) -> Floats:
    return np.asarray(column.cast(pl.Float64).fill_null(-1.0).to_numpy(), dtype=np.float64)


def _choose(times: Floats, series: dict[str, Floats], count_max: int) -> list[tuple[int, str]]:
    found: list[tuple[float, int, str]] = []
    for name, values in series.items():
        found += [(float(values[i]), i, name) for i in _maxima(values)]
    # Highest first; of equals the earlier one.
    found.sort(key=lambda item: (-item[0], item[1]))
    chosen: list[tuple[int, str]] = []
    for _, index, name in found:
        if len(chosen) == count_max:
            break
        if all(_is_apart(times, series, (index, name), other) for other in chosen):
            chosen.append((index, name))
    return chosen


def _maxima(values: Floats) -> list[int]:
    """Return where a plateau begins that is lower on both sides and at least PEAK_VALUE_MIN."""
    if not len(values):
        return []
    begins = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    heights = np.concatenate([[-np.inf], values[begins], [-np.inf]])
    is_peak = (heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])
    return [int(i) for i in begins[is_peak] if values[i] >= PEAK_VALUE_MIN]


def _is_apart(
    times: Floats, series: dict[str, Floats], one: tuple[int, str], other: tuple[int, str]
) -> bool:
    if abs(times[one[0]] - times[other[0]]) < PEAK_DISTANCE_S:
        return False
    if one[1] != other[1]:
        return True
    values = series[one[1]]
    low, high = sorted((one[0], other[0]))
    dip = min(values[low], values[high]) - values[low : high + 1].min()
    return bool(dip >= PEAK_DIP_MIN)


def _behind(aus: dict[str, Floats], index: int, peak: str) -> tuple[tuple[str, float], ...]:
    there: Sequence[tuple[str, float]] = [
        (name, float(values[index]))
        for name, values in aus.items()
        if values[index] >= BEHIND_VALUE_MIN and name != peak and name not in NEVER_BEHIND
    ]
    return tuple(sorted(there, key=lambda item: -item[1])[:BEHIND_MAX])
