"""Batches of finished segments on their way into the tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipeline.lake.layout import COMMIT_ORDER, to_frame
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

    The first segment of a run is committed at once where `is_first_at_once`, so that a person who
    watches sees rows early.
    """

    commit_s: float
    rows_max: int
    clock: Callable[[], float]
    is_first_at_once: bool = True
    last: SegmentHeader | None = None
    _waiting: list[dict[str, pl.DataFrame]] = field(default_factory=list)
    _row_count: int = 0
    _committed_at_s: float | None = None

    def __post_init__(self) -> None:
        """Begin to count the time to the first commit where that is to wait."""
        if not self.is_first_at_once:
            self._committed_at_s = self.clock()

    def add(self, result: SegmentResult) -> None:
        """Take one more segment, in order; `last` is its header from now on."""
        rows = {"frames": result.frames, "segments": [result.ledger], "windows": result.windows}
        # Typed at once: rows as Python objects would take twenty times the memory.
        self._waiting.append({table: to_frame(table, rows[table]) for table in COMMIT_ORDER})
        self._row_count += sum(map(len, rows.values()))
        self.last = result.header

    @property
    def is_due(self) -> bool:
        """Tell whether to commit now."""
        if self.last is None:
            return False
        if self.last.is_end_of_stream or self._committed_at_s is None:
            return True
        if self._row_count >= self.rows_max:
            return True
        return self.clock() - self._committed_at_s >= self.commit_s

    def take(self) -> dict[str, pl.DataFrame]:
        """Return the waiting rows per table and start the next batch."""
        assert self._waiting
        rows = {table: pl.concat([part[table] for part in self._waiting]) for table in COMMIT_ORDER}
        self.last, self._waiting, self._row_count = None, [], 0
        self._committed_at_s = self.clock()
        return rows
