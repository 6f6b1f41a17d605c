"""Goal: the worker accounts for every frame and face, and its rows do not depend on interruptions.

Method: made streams through a fake decoder, detector and scorer; the operators are the real ones.
"""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.find import FindSettings
from operators.quality import QualityLimits
from operators.tracks import TrackerSettings
from operators.windows import WindowSettings
from pipeline import worker as worker_module
from pipeline.batch import SegmentResult
from pipeline.lake.layout import to_frame
from pipeline.lake.writer import StreamRun
from pipeline.observe import Looking
from pipeline.stream_state import StreamState
from pipeline.worker import StreamWorker, WorkerParts
from schemas.frames import FrameEvent
from schemas.ledger import LedgerRow, discrepancies
from schemas.media import Segment
from schemas.names import AU_NAMES, EMOTIONS, EpochReason, PtsSource, Role, SegmentFlag
from schemas.registration import Region, Registration
from schemas.windows import WINDOW_SIZES_S, WindowSummary
from tests.fakes import (
    FakeDecoder,
    FakeDetector,
    FakeScorer,
    MadeFace,
    MadeFrame,
    at_fps,
    corrupted,
    segment,
    segments,
)

RUN = StreamRun("default", "call", "stream", "run-1")
SEEN_COLUMNS = ("blur", "brightness", "yaw_deg", "pitch_deg", "roll_deg", "confidence")
SCORE_COLUMNS = (*AU_NAMES, *(f"emotion_{name}" for name in EMOTIONS), "valence", "arousal")


def registered(role: Role = Role.CUSTOMER, **changes: Any) -> Registration:
    region = Region(participant_id=str(role), role=role)
    values = {"call_id": "call", "stream_id": "stream", "regions": (region,), **changes}
    return Registration(**values)


def parts_of(
    registration: Registration | None = None,
    scorer: FakeScorer | None = None,
    decoder: FakeDecoder | None = None,
    fps: float = 5.0,
) -> WorkerParts:
    scorer = scorer or FakeScorer()
    looking = Looking(
        detector=FakeDetector(),  # type: ignore[arg-type]
        registration=registration or registered(),
        crop_size_px=scorer.crop_size_px,
        search=FindSettings(),
        tracking=TrackerSettings(),
        limits=QualityLimits(),
    )
    return WorkerParts(
        decoder=decoder or FakeDecoder(),
        scorer=scorer,
        looking=looking,
        windows=WindowSettings(fps=fps),
        analysis_fps=fps,
    )


def work(
    stream: list[Segment], parts: WorkerParts | None = None, state: StreamState | None = None
) -> tuple[list[SegmentResult], StreamWorker]:
    worker = StreamWorker(parts or parts_of(), RUN, state)
    return [worker.process(one) for one in stream], worker


def rows(results: list[SegmentResult], table: str = "frames") -> list[dict[str, Any]]:
    return [row for result in results for row in getattr(result, table)]


def exact(results: list[SegmentResult]) -> str:
    """Return everything the results hold as text: floats to the last digit, NaN equal to NaN."""
    return repr([(result.frames, result.windows, result.ledger) for result in results])


def face(time_s: float) -> tuple[MadeFace, ...]:
    """Return one face that drifts to the right while its level rises and falls."""
    return (MadeFace(1, 20 + round(4 * time_s), level=abs(time_s % 4 - 2) / 2),)


def two_faces(time_s: float) -> tuple[MadeFace, ...]:
    """Return a face that stays and one that comes at 1 s, leaves at 3 s and is back at 6 s."""
    is_there = 1 <= time_s < 3 or time_s >= 6
    return (*face(time_s), *((MadeFace(2, 220, level=0.9),) if is_there else ()))


def rebuilt(state: StreamState) -> StreamState:
    """Send a state through the text of a checkpoint."""
    return StreamState.from_json(json.loads(json.dumps(state.to_json())))


# The ledger


def test_every_frame_is_analysed_not_sampled_or_corrupt() -> None:
    made = corrupted(at_fps(50, face, fps=25.0), 0, 7, 8, 33)
    (result,), _ = work([segment(0, made)])
    counts = {name: result.ledger[f"frames_{name}"] for name in ("analysed", "corrupt")}
    assert counts == {"analysed": 10, "corrupt": 4}
    assert result.ledger["frames_not_sampled"] == 36
    assert result.ledger["frames"] == 50
    assert discrepancies(result.ledger) == []


def test_frames_that_the_header_promised_and_never_came_are_corrupt() -> None:
    (result,), _ = work([segment(0, at_fps(6, face), frame_count=10)])
    assert (result.ledger["frames"], result.ledger["frames_corrupt"]) == (10, 4)
    assert discrepancies(result.ledger) == []


def test_more_frames_than_the_header_promised_count_all_the_same() -> None:
    (result,), _ = work([segment(0, at_fps(6, face), frame_count=2)])
    assert (result.ledger["frames"], result.ledger["frames_analysed"]) == (6, 6)
    assert discrepancies(result.ledger) == []


def test_frames_whose_time_lies_far_outside_the_segment_are_corrupt() -> None:
    made = [*at_fps(10, face), MadeFrame(3_600_000.0, face(0.0))]
    (result,), _ = work([segment(0, made, last_pts=1800)])
    assert (result.ledger["frames_analysed"], result.ledger["frames_corrupt"]) == (10, 1)
    assert discrepancies(result.ledger) == []


def test_a_segment_without_any_frame_is_booked() -> None:
    (result,), _ = work([segment(0, [], frame_count=0, is_end_of_stream=True)])
    assert (result.ledger["frames"], result.ledger["faces"]) == (0, 0)
    assert (result.frames, result.windows) == ([], [])


def test_a_segment_of_corrupt_frames_only_has_no_faces() -> None:
    made = corrupted(at_fps(10, face), *range(10))
    (result,), _ = work([segment(0, made)])
    assert (result.ledger["frames_corrupt"], result.ledger["faces"]) == (10, 0)
    assert discrepancies(result.ledger) == []


def test_every_face_row_is_booked_with_its_status() -> None:
    results, _ = work(segments(at_fps(40, two_faces)))
    for result in results:
        assert discrepancies(result.ledger) == []
        assert result.ledger["faces"] == len(result.frames)
    assert sum(result.ledger["faces_scored"] for result in results) == len(rows(results)) > 40


def test_rows_fit_their_schemas() -> None:
    results, _ = work(segments(at_fps(20, two_faces)))
    for model, table in ((FrameEvent, "frames"), (WindowSummary, "windows")):
        found = rows(results, table)
        assert found
        for row in to_frame(table, found).iter_rows(named=True):
            model.model_validate(row)
    LedgerRow.model_validate(results[0].ledger)


def test_synthesised_times_are_flagged_once() -> None:
    made = [replace(f, pts_source=PtsSource.SYNTHESISED) for f in at_fps(5, face)]
    (result,), _ = work([segment(0, made)])
    assert result.ledger["flags"] == ["pts_synthesised"]
    assert {row["pts_source"] for row in result.frames} == {"synthesised"}


def test_a_decoder_that_fails_leaves_the_state_as_it_was() -> None:
    decoder = FakeDecoder(error=RuntimeError("decoder"), fail_after=3)
    worker = StreamWorker(parts_of(decoder=decoder), RUN, None)
    before = worker.state
    with pytest.raises(RuntimeError, match="decoder"):
        worker.process(segment(0, at_fps(10, face)))
    assert worker.state is before


# What is scored


def test_an_abstained_face_has_a_row_with_a_reason_and_no_scores() -> None:
    scorer = FakeScorer()
    small = (MadeFace(1, 20, size_px=20),)
    (result,), _ = work([segment(0, at_fps(5, lambda _: small))], parts_of(scorer=scorer))
    assert len(result.frames) == 5
    for row in result.frames:
        assert (row["status"], row["reason"]) == ("abstained", "too_small")
        assert all(row[name] is None for name in SCORE_COLUMNS)
        assert row["blur"] is not None
    assert result.ledger["faces_abstained_too_small"] == 5
    assert scorer.crops == []


def test_a_face_that_the_model_does_not_believe_is_abstained_with_its_confidence() -> None:
    scorer = FakeScorer(confidence=0.25)
    (result,), _ = work([segment(0, at_fps(5, face))], parts_of(scorer=scorer))
    for row in result.frames:
        assert (row["status"], row["reason"]) == ("abstained", "occluded")
        assert row["AU12"] is None
        assert row["confidence"] == 0.25
    assert result.ledger["faces_abstained_occluded"] == 5


def test_a_skipped_face_has_a_row_without_scores_or_looks_and_no_window() -> None:
    scorer = FakeScorer()
    parts = parts_of(registered(Role.AGENT, jurisdiction="EU"), scorer)
    (result,), _ = work([segment(0, at_fps(5, face), is_end_of_stream=True)], parts)
    assert len(result.frames) == 5
    for row in result.frames:
        assert (row["status"], row["reason"], row["policy"]) == ("skipped", "preset", "skip")
        assert all(row[name] is None for name in (*SCORE_COLUMNS, *SEEN_COLUMNS))
    assert result.ledger["faces_skipped_preset"] == 5
    assert (scorer.crops, result.windows) == ([], [])


def test_facial_actions_only_has_action_units_and_neither_expression_nor_valence() -> None:
    scorer = FakeScorer(extra=("site_mood",))
    results, _ = work(segments(at_fps(20, face)), parts_of(registered(Role.AGENT), scorer))
    forbidden = [name for name in SCORE_COLUMNS if name not in AU_NAMES]
    stored = to_frame("frames", rows(results))
    assert set(stored["policy"]) == {"facial_actions_only"}
    assert stored.select(AU_NAMES).null_count().sum_horizontal().item() == 0
    for name in (*forbidden, *(f"{name}_raw" for name in forbidden)):
        assert stored[name].null_count() == stored.height, name
    windows = to_frame("windows", rows(results, "windows"))
    assert windows["AU12_mean"].null_count() == 0
    for name in forbidden:
        assert windows[f"{name}_mean"].null_count() == windows.height, name


def test_an_adapters_own_labels_are_kept_only_under_the_full_policy() -> None:
    made = segments(at_fps(5, face))
    full, _ = work(made, parts_of(registered(), FakeScorer(extra=("b", "a"))))
    assert [one["name"] for one in rows(full)[0]["extra_scores"]] == ["a", "b"]
    limited, _ = work(made, parts_of(registered(Role.AGENT), FakeScorer(extra=("b", "a"))))
    assert [row["extra_scores"] for row in rows(limited)] == [None] * 5


def test_scores_belong_to_the_faces_they_were_computed_from() -> None:
    made = at_fps(10, lambda _: (MadeFace(1, 20, level=0.1), MadeFace(2, 200, level=0.9)))
    results, _ = work(segments(made))
    by_place = {row["box_x1_px"]: row["AU45_raw"] for row in rows(results)}
    assert by_place[20] == pytest.approx(0.34, abs=0.05)
    assert by_place[200] == pytest.approx(0.66, abs=0.05)


def test_scores_skip_faces_without_a_crop() -> None:
    small = MadeFace(1, 20, size_px=20)
    made = at_fps(10, lambda _: (small, MadeFace(2, 200, level=0.9)))
    results, _ = work(segments(made))
    scored = [row for row in rows(results) if row["status"] == "scored"]
    assert {row["box_x1_px"] for row in scored} == {200}
    assert all(row["AU45_raw"] == pytest.approx(0.66, abs=0.05) for row in scored)


# Batches


def test_the_scorer_never_gets_more_crops_than_a_batch_and_a_frame() -> None:
    scorer = FakeScorer()
    work([segment(0, at_fps(180, two_faces, fps=25.0))], parts_of(scorer=scorer, fps=25.0))
    assert max(scorer.batch_sizes) < worker_module.CROPS_MAX + 32
    assert len(scorer.batch_sizes) >= 3


@pytest.mark.parametrize("crops_max", [1, 7, 10_000])
def test_the_size_of_batches_does_not_change_any_row(
    crops_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = segments(at_fps(110, two_faces, fps=12.5), span_ms=6000.0)
    parts = parts_of(fps=12.5)
    expected, before = work(stream, parts)
    monkeypatch.setattr(worker_module, "CROPS_MAX", crops_max)
    found, after = work(stream, parts)
    assert exact(found) == exact(expected)
    assert after.state.to_json() == before.state.to_json()


# Windows


def test_windows_close_at_the_end_of_the_stream() -> None:
    results, worker = work(segments(at_fps(23, face)))
    last = results[-1].windows
    assert {row["window_s"] for row in last} == set(WINDOW_SIZES_S)
    assert {row["closed_by"] for row in last} == {"end_of_stream", "watermark"}
    assert worker.state.windows.held == {}
    tracks = [row for row in rows(results, "windows") if row["subject"] == "track"]
    for size_s in WINDOW_SIZES_S:
        counts = [row["scored_count"] for row in tracks if row["window_s"] == size_s]
        assert sum(counts) == 23, size_s


def test_windows_stay_open_where_the_stream_goes_on() -> None:
    stream = segments(at_fps(20, face))
    results, worker = work([stream[0]])
    assert {row["window_s"] for row in rows(results, "windows")} == {1}
    assert worker.state.windows.held


def test_windows_close_though_the_face_has_left() -> None:
    made = at_fps(40, lambda time_s: face(time_s) if time_s < 2 else ())
    results, _ = work(segments(made)[:3])
    ends = {row["sequence"] for row in rows(results, "windows") if row["window_s"] == 1}
    assert ends == {0, 1}


# Interruptions


@cache
def whole() -> tuple[list[Segment], list[SegmentResult]]:
    """Return a stream of twelve segments, and what an uninterrupted worker makes of it."""
    stream = segments(at_fps(60, two_faces), span_ms=1000.0)
    return stream, work(stream)[0]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_state_from_a_checkpoint_gives_the_same_rows(cut: int) -> None:
    stream, expected = whole()
    _, worker = work(stream[:cut])
    resumed, _ = work(stream[cut:], state=rebuilt(worker.state))
    assert exact(resumed) == exact(expected[cut:])


@settings(max_examples=8, deadline=None)
@given(cuts=st.sets(st.integers(1, 11)))
def test_any_number_of_restarts_gives_the_same_rows(cuts: set[int]) -> None:
    stream, expected = whole()
    found: list[SegmentResult] = []
    state = None
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        results, worker = work(stream[first:last], state=state)
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


def test_frames_of_one_time_are_numbered_without_holes() -> None:
    results, _ = work(segments(at_fps(40, two_faces)))
    for result in results:
        assert [row["row"] for row in result.frames] == list(range(len(result.frames)))


def test_a_frame_without_any_face_makes_no_row() -> None:
    (result,), _ = work([segment(0, [MadeFrame(0.0), MadeFrame(200.0)])])
    assert (result.frames, result.ledger["frames_analysed"]) == ([], 2)
