"""Goal: batches are committed early, bounded in time and rows, and lose or reorder nothing.

Method: results of made segments and a clock that moves only when told.
"""

from typing import Any

import pytest

from pipeline.analysis.batch import Batch, SegmentResult
from pipeline.lake.layout import COMMIT_ORDER
from tests.fakes import FakeClock, segment
from tests.rows import Face, frame_rows, segment_rows, window_rows

FRAMES = frame_rows([Face()], 2.0)
ROWS = (FRAMES.to_dicts(), window_rows(FRAMES).to_dicts(), segment_rows(FRAMES).to_dicts()[0])
ROWS_PER_SEGMENT = len(ROWS[0]) + len(ROWS[1]) + 1


def result(sequence: int, **header: Any) -> SegmentResult:
    frames, windows, ledger = ROWS
    numbered = ([{**row, "sequence": sequence} for row in rows] for rows in (frames, windows))
    return SegmentResult(
        segment(sequence, [], **header).header, *numbered, {**ledger, "sequence": sequence}
    )


def batch_of(clock: FakeClock, commit_s: float = 30.0, rows_max: int = 10_000) -> Batch:
    return Batch(commit_s, rows_max, clock)


def begun(clock: FakeClock, **limits: Any) -> Batch:
    """Return a batch whose first segment was committed already."""
    batch = batch_of(clock, **limits)
    batch.add(result(0))
    batch.take()
    return batch


def test_an_empty_batch_is_never_due() -> None:
    clock = FakeClock()
    batch = batch_of(clock, commit_s=1.0)
    assert not batch.is_due
    clock.advance(1e6)
    assert not batch.is_due


def test_the_first_segment_is_due_at_once() -> None:
    batch = batch_of(FakeClock())
    batch.add(result(0))
    assert batch.is_due


def test_where_nobody_watches_the_first_segment_waits_with_the_others() -> None:
    clock = FakeClock(100.0)
    batch = Batch(30.0, 10_000, clock, is_first_at_once=False)
    clock.advance(20.0)
    batch.add(result(0))
    assert not batch.is_due
    clock.advance(10.0)
    assert batch.is_due, "time counts from the batch's beginning"


def test_later_segments_wait_for_their_time() -> None:
    clock = FakeClock(100.0)
    batch = begun(clock, commit_s=30.0)
    batch.add(result(1))
    assert not batch.is_due
    clock.advance(29.9)
    assert not batch.is_due
    clock.advance(0.1)
    assert batch.is_due


def test_time_counts_from_the_last_commit_and_not_from_the_first_row() -> None:
    clock = FakeClock()
    batch = begun(clock, commit_s=30.0)
    clock.advance(31.0)
    batch.add(result(1))
    assert batch.is_due
    batch.take()
    batch.add(result(2))
    assert not batch.is_due


@pytest.mark.parametrize(("count", "is_due"), [(2, False), (3, True)])
def test_rows_of_all_tables_count_towards_the_limit(count: int, is_due: bool) -> None:
    batch = begun(FakeClock(), rows_max=3 * ROWS_PER_SEGMENT)
    for sequence in range(1, 1 + count):
        batch.add(result(sequence))
    assert batch.is_due is is_due


def test_the_end_of_the_stream_is_due_at_once() -> None:
    batch = begun(FakeClock())
    batch.add(result(1, is_end_of_stream=True))
    assert batch.is_due


def test_taking_gives_every_row_once_and_in_order() -> None:
    batch = begun(FakeClock())
    for sequence in (1, 2, 3):
        batch.add(result(sequence))
    assert batch.last is not None
    assert batch.last.sequence == 3
    rows = batch.take()
    assert list(rows) == list(COMMIT_ORDER)
    assert rows["segments"]["sequence"].to_list() == [1, 2, 3]
    assert rows["frames"]["sequence"].to_list() == [n for n in (1, 2, 3) for _ in ROWS[0]]
    assert rows["frames"]["row"].to_list() == 3 * [row["row"] for row in ROWS[0]]
    assert rows["windows"].height == 3 * len(ROWS[1])
    assert batch.last is None
    assert not batch.is_due


def test_a_segment_without_faces_is_a_batch_too() -> None:
    batch = batch_of(FakeClock())
    batch.add(SegmentResult(segment(0, []).header, [], [], ROWS[2]))
    rows = batch.take()
    assert [rows[table].height for table in COMMIT_ORDER] == [0, 1, 0]
