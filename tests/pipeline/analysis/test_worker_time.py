"""Goal: rows do not depend on interruptions, and gaps, epochs and ended tracks leave clear traces.

Method: made streams through a fake decoder, detector and scorer; states go through JSON as in a
checkpoint.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analysis.batch import SegmentResult
from schemas.ledger import discrepancies
from schemas.media import Segment
from schemas.names import EpochReason, SegmentFlag
from tests.fakes import MadeFace, at_fps, corrupted, segment, segments
from tests.worker_tools import exact, face, parts_of, rebuilt, registered, rows, two_faces, work

# Interruptions


SPAN_MS = 1120.0
CUT_MS = 8 * SPAN_MS
ONE_FACE = registered(max_faces=1)


def crowd(time_s: float) -> tuple[MadeFace, ...]:
    """Return a small face that came first and leaves at 10 s, and a large one at times."""
    large = (MadeFace(2, 220, size_px=60, level=0.9),) if 1 <= time_s < 3 or time_s >= 6 else ()
    return (*(face(time_s) if time_s < 10 else ()), *large)


@cache
def whole() -> tuple[list[Segment], list[SegmentResult]]:
    """Return a stream of eleven segments, and what an uninterrupted worker makes of it.

    Everything the state holds matters somewhere: segments begin between two analysed frames, one
    begins with another scene, and the large face must wait for the small one's only place.
    """
    made = at_fps(150, crowd, fps=12.5)
    stream = segments([replace(f, scene=int(f.pts_ms >= CUT_MS)) for f in made], SPAN_MS)
    results, _ = work(stream, parts_of(ONE_FACE))
    assert len(stream) == 11
    assert {row["reason"] for row in rows(results)} == {None, "over_max_faces"}
    assert {row["face_size_px"] for row in rows(results) if row["status"] == "scored"} == {48, 60}
    return stream, results


@pytest.mark.parametrize("cut", range(1, 11))
def test_a_state_from_a_checkpoint_gives_the_same_rows(cut: int) -> None:
    stream, expected = whole()
    _, worker = work(stream[:cut], parts_of(ONE_FACE))
    resumed, _ = work(stream[cut:], parts_of(ONE_FACE), rebuilt(worker.state))
    assert exact(resumed) == exact(expected[cut:])


@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 10)))
def test_any_number_of_restarts_gives_the_same_rows(cuts: set[int]) -> None:
    stream, expected = whole()
    found: list[SegmentResult] = []
    state = None
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        results, worker = work(stream[first:last], parts_of(ONE_FACE), state)
        found += results
        state = rebuilt(worker.state)
    assert exact(found) == exact(expected)


def test_a_checkpoint_restores_the_state_exactly() -> None:
    _, worker = work(segments(at_fps(33, two_faces))[:-1])
    assert rebuilt(worker.state).to_json() == worker.state.to_json()


# Gaps and epochs


def test_missing_media_time_is_flagged_with_its_length() -> None:
    first, later = at_fps(10, face), at_fps(10, face, from_ms=9000.0)
    results, _ = work([segment(0, first), segment(1, later)])
    assert [result.ledger["flags"] for result in results] == [[], ["gap"]]
    assert results[1].ledger["gap_ms"] == 9000 - 1800


def test_segments_that_follow_each_other_have_no_gap() -> None:
    results, _ = work(segments(at_fps(60, face)))
    assert [(row.ledger["flags"], row.ledger["gap_ms"]) for row in results] == [([], 0)] * 6


def test_corrupt_frames_between_whole_ones_are_no_gap() -> None:
    stream = [
        segment(number, corrupted(at_fps(10, face, from_ms=2000.0 * number), *corrupt))
        for number, corrupt in enumerate(((), range(10), range(10), ()))
    ]
    results, _ = work(stream)
    assert [result.ledger["gap_ms"] for result in results] == [0, 0, 0, 0]


def test_a_slow_analysis_rate_is_no_gap() -> None:
    results, _ = work(segments(at_fps(200, face), span_ms=10_000.0), parts_of(fps=0.1))
    assert [result.ledger["gap_ms"] for result in results] == [0, 0, 0, 0]


def next_epoch(**header: Any) -> Segment:
    """Return a segment of epoch 1 whose media time begins again, 60 s later on the wall clock."""
    start_ms = 1_700_000_060_000
    reason = EpochReason.RECONNECT
    values = {"epoch": 1, "epoch_start_ms": start_ms, "epoch_reason": reason, **header}
    return segment(1, at_fps(10, face), is_end_of_stream=True, **values)


def test_a_new_epoch_is_flagged_and_sampled_afresh() -> None:
    results, worker = work([segment(0, at_fps(10, face)), next_epoch()])
    assert results[1].ledger["flags"] == [str(SegmentFlag.GAP), str(SegmentFlag.EPOCH_CHANGED)]
    assert results[1].ledger["frames_analysed"] == 10
    assert (results[1].ledger["gap_ms"], worker.state.epoch) == (60_000 - 1800, 1)


def test_an_epoch_that_follows_without_a_pause_has_no_gap() -> None:
    start_ms = 1_700_000_002_000
    results, _ = work([segment(0, at_fps(10, face)), next_epoch(epoch_start_ms=start_ms)])
    assert results[1].ledger["flags"] == [str(SegmentFlag.EPOCH_CHANGED)]
    assert results[1].ledger["gap_ms"] == 0


def test_a_stream_that_is_entered_in_a_later_epoch_has_not_changed_it() -> None:
    (result,), worker = work([next_epoch()])
    assert (result.ledger["flags"], result.ledger["epoch"], worker.state.epoch) == ([], 1, 1)


def test_faces_of_an_epoch_that_begins_in_the_past_are_booked_as_late_for_their_windows() -> None:
    start_ms = 1_700_000_000_000 - 30_000
    results, _ = work([segment(0, at_fps(10, face)), next_epoch(epoch_start_ms=start_ms)])
    before, after = results
    assert (before.ledger["late_faces"], after.ledger["late_faces"]) == (0, 10)
    assert len(after.frames) == 10
    assert discrepancies(after.ledger) == []


def test_a_new_epoch_starts_new_tracks_and_keeps_event_time_rising() -> None:
    results, _ = work([segment(0, at_fps(10, face)), next_epoch()])
    before, after = results
    assert {row["track_id"] for row in before.frames} == {"t0001"}
    assert {row["track_id"] for row in after.frames} == {"t0002"}
    times = [row["event_at"] for row in rows(results)]
    assert times == sorted(times)
    assert after.frames[0]["epoch"] == 1


# Memory of tracks


def test_a_tracks_memory_goes_when_the_track_has_ended() -> None:
    made = at_fps(30, lambda time_s: face(time_s) if time_s < 2 else ())
    _, worker = work([segment(0, made)])
    assert worker.state.memories == {}
    assert worker.state.gate.tracks == {}


def test_a_track_in_sight_is_remembered() -> None:
    _, worker = work([segment(0, at_fps(30, two_faces))])
    assert set(worker.state.memories) == {"t0001"}


def test_memory_does_not_grow_with_the_number_of_faces_that_came_by() -> None:
    def passers_by(time_s: float) -> tuple[MadeFace, ...]:
        number = int(time_s // 2)
        return (MadeFace(1 + number % 10, 20 + 230 * (number % 2)),) if time_s % 2 < 0.9 else ()

    results, worker = work(segments(at_fps(200, passers_by)))
    assert len({row["track_id"] for row in rows(results)}) == 20
    assert len(worker.state.memories) <= 1


def test_a_cut_ends_all_tracks() -> None:
    made = [replace(f, scene=int(f.pts_ms >= 1000)) for f in at_fps(10, face)]
    results, _ = work([segment(0, made)])
    tracks = [row["track_id"] for row in rows(results)]
    assert tracks == ["t0001"] * 5 + ["t0002"] * 5
