"""Batches of finished segments on their way into the tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.segments import SegmentHeader

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """Everything one segment brought: rows for three tables."""

    header: SegmentHeader
    frames: list[Row]
    windows: list[Row]
    ledger: Row


@dataclass
class Batch:
    """Collects results until a commit is due: after `commit_s`, `rows_max` rows, or at once.

    The first segment of a run is committed at once, so that a user sees rows early.
    """

    commit_s: float
    rows_max: int
    clock: Callable[[], float]
    results: list[SegmentResult] = field(default_factory=list)
    _committed_at_s: float | None = None

    def add(self, result: SegmentResult) -> None:
        """Take one more segment, in order."""
        self.results.append(result)

    @property
    def is_due(self) -> bool:
        """Tell whether to commit now."""
        if not self.results:
            return False
        is_last = self.results[-1].header.is_end_of_stream
        if is_last or self._committed_at_s is None or self._row_count() >= self.rows_max:
            return True
        return self.clock() - self._committed_at_s >= self.commit_s

    def take(self) -> dict[str, list[Row]]:
        """Return the rows per table and start the next batch."""
        rows = {
            "frames": [row for result in self.results for row in result.frames],
            "segments": [result.ledger for result in self.results],
            "windows": [row for result in self.results for row in result.windows],
        }
        self.results = []
        self._committed_at_s = self.clock()
        return rows

    def _row_count(self) -> int:
        return sum(len(result.frames) + len(result.windows) for result in self.results)
