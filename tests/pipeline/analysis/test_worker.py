"""Goal: the worker accounts for every frame and face, and scores only what it may.

Method: made streams through a fake decoder, detector and scorer; the operators are the real ones.
"""

from dataclasses import replace

import pytest

from pipeline.analysis import worker as worker_module
from pipeline.analysis.worker import StreamWorker
from pipeline.lake.layout import to_frame
from schemas.frames import FrameEvent
from schemas.ledger import LedgerRow, discrepancies
from schemas.names import AU_NAMES, EMOTIONS, PtsSource, Role
from schemas.windows import WINDOW_SIZES_S, WindowSummary
from tests.fakes import (
    FakeDecoder,
    FakeScorer,
    MadeFace,
    MadeFrame,
    at_fps,
    corrupted,
    segment,
    segments,
)
from tests.worker_tools import RUN, exact, face, parts_of, registered, rows, two_faces, work

SEEN_COLUMNS = ("blur", "brightness", "yaw_deg", "pitch_deg", "roll_deg", "confidence")
SCORE_COLUMNS = (*AU_NAMES, *(f"emotion_{name}" for name in EMOTIONS), "valence", "arousal")


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


def test_frames_of_one_time_are_numbered_without_holes() -> None:
    results, _ = work(segments(at_fps(40, two_faces)))
    for result in results:
        assert [row["row"] for row in result.frames] == list(range(len(result.frames)))


def test_a_frame_without_any_face_makes_no_row() -> None:
    (result,), _ = work([segment(0, [MadeFrame(0.0), MadeFrame(200.0)])])
    assert (result.frames, result.ledger["frames_analysed"]) == ([], 2)
