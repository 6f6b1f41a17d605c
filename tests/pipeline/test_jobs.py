"""Goal: a job is planned, done, refused and replaced as its user was promised.

Method: small lossless videos of made faces through real sources, decoder, worker and tables, with
a fake detector, scorer and live view.
"""

from pathlib import Path
from typing import Any

import pytest

from pipeline import jobs
from pipeline.jobs import plan_job, run_job
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.tables import Lake
from pipeline.queries import ledger, resolve_call
from pipeline.registrations import Whose
from pipeline.sources.media import open_source
from schemas.errors import AlreadyThereError, NameRefusedError, SourceUnreadableError, UsageError
from schemas.ledger import discrepancies
from schemas.names import AnchorSource, RunState
from tests.fakes import FakeLiveView, FakeScorer, MadeFrame, at_fps, write_video
from tests.job_tools import (
    KEYS,
    assert_same_tables,
    face,
    go,
    job_of,
    made_video,
    stop_after,
    table,
    wiring_of,
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_video(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def expected(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output of an uninterrupted run."""
    out = tmp_path_factory.mktemp("expected")
    assert go(job_of(video), wiring_of(out)).is_finished
    return out


# Doing


def test_a_job_fills_all_tables_and_its_ledger_adds_up(video: Path, tmp_path: Path) -> None:
    outcome = go(job_of(video), wiring_of(tmp_path))
    assert (outcome.is_finished, outcome.segment_count, outcome.resumed_after) == (True, 4, -1)
    assert outcome.duration_ms == 6900
    frames = table(tmp_path, "frames")
    assert frames.height == 35
    assert set(frames["status"]) == {"scored"}
    assert frames["AU12"].null_count() == 0
    segments = table(tmp_path, "segments")
    assert segments["frames"].sum() == 70
    assert all(discrepancies(row) == [] for row in segments.iter_rows(named=True))
    lake = Lake(tmp_path)
    assert ledger(lake, resolve_call(lake, "default", outcome.run.call_id)).is_balanced


def test_a_run_is_recorded_as_started_and_then_as_finished(video: Path, tmp_path: Path) -> None:
    outcome = go(job_of(video), wiring_of(tmp_path))
    rows = table(tmp_path, "runs").sort("recorded_at")
    assert rows["state"].to_list() == [RunState.STARTED, RunState.FINISHED]
    last = rows.row(-1, named=True)
    assert (last["run_id"], last["duration_ms"]) == (outcome.run.run_id, 6900)
    assert last["model_id"] == "fake-1"
    assert last["content_sha256"].startswith(outcome.run.call_id)


def test_progress_rises_to_the_whole(video: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None, int]] = []
    run_job(job_of(video), wiring_of(tmp_path), lambda *args: told.append(args))
    assert [rows for _, _, rows in told] == sorted(rows for _, _, rows in told)
    assert told[-1] == (6900, 7000, 35)


def test_the_first_segment_is_committed_at_once_and_the_rest_at_the_end(
    video: Path, tmp_path: Path
) -> None:
    wiring = wiring_of(tmp_path)
    go(job_of(video), wiring)
    assert isinstance(wiring.live, FakeLiveView)
    assert wiring.live.told[:3] == [("begin", False), ("publish", 0), ("committed", 0)]
    assert wiring.live.of("committed") == [0, 3]
    assert wiring.live.of("publish") == [0, 1, 2, 3]
    assert wiring.live.told[-1][0] == "end"


def test_a_job_nobody_watches_is_committed_once_at_its_end(video: Path, tmp_path: Path) -> None:
    wiring = wiring_of(tmp_path)
    go(job_of(video, is_watched=False), wiring)
    assert isinstance(wiring.live, FakeLiveView)
    assert wiring.live.of("committed") == [3]


def test_rows_beyond_the_limit_are_committed_at_once(video: Path, tmp_path: Path) -> None:
    wiring = wiring_of(tmp_path, **{"output.commit_rows": 1})
    go(job_of(video), wiring)
    assert isinstance(wiring.live, FakeLiveView)
    assert wiring.live.of("committed") == [0, 1, 2, 3]


def test_the_metrics_tell_what_the_ledger_tells(video: Path, tmp_path: Path) -> None:
    wiring = wiring_of(tmp_path)
    go(job_of(video), wiring)
    told = wiring.metrics.snapshot()
    assert told['facestate_frames_total{kind="analysed"}'] == 35
    assert told['facestate_frames_total{kind="not_sampled"}'] == 35
    assert told['facestate_faces_total{reason="",status="scored"}'] == 35
    assert told["facestate_segments_total"] == 4


def test_skipped_faces_are_told_with_their_reason(video: Path, tmp_path: Path) -> None:
    wiring = wiring_of(tmp_path)
    go(job_of(video, whose=Whose(role="customer", consent="refused")), wiring)
    told = wiring.metrics.snapshot()
    assert told['facestate_faces_total{reason="consent",status="skipped"}'] == 35
    assert isinstance(wiring.scorer, FakeScorer)
    assert wiring.scorer.crops == []


def test_a_finished_run_leaves_no_checkpoints(expected: Path) -> None:
    assert list(expected.rglob("*.state")) == []


def test_a_jump_in_media_time_begins_an_epoch_and_the_ledger_still_adds_up(tmp_path: Path) -> None:
    made = [*at_fps(30, face, fps=10.0), *at_fps(30, face, fps=10.0, from_ms=60_000.0)]
    path = write_video(tmp_path / "jump.mkv", made, rate=10)
    outcome = go(job_of(path), wiring_of(tmp_path))
    assert table(tmp_path, "segments")["epoch"].n_unique() == 2
    lake = Lake(tmp_path)
    report = ledger(lake, resolve_call(lake, "default", outcome.run.call_id))
    assert report.sentences == ()
    assert outcome.duration_ms == 62_900, "a pause is part of the call"
    assert table(tmp_path, "segments")["gap_ms"].to_list()[1] == pytest.approx(57_100, abs=200)


# Planning


def plan_of(path: Path, out: Path, **changes: Any) -> jobs.Plan:
    job = job_of(path, **changes)
    source = open_source(job.spec)
    try:
        return plan_job(job, source, wiring_of(out))
    finally:
        source.close()


def test_a_files_call_is_named_by_its_content(video: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other name.mkv"
    copy.write_bytes(video.read_bytes())
    one, other = plan_of(video, tmp_path), plan_of(copy, tmp_path)
    assert one.run == other.run
    assert len(one.run.call_id) == jobs.CALL_ID_DIGITS
    assert one.run.stream_id == one.run.call_id


def test_a_plan_touches_no_table(video: Path, tmp_path: Path) -> None:
    plan_of(video, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_start_option_anchors_event_time(video: Path, tmp_path: Path) -> None:
    unanchored = plan_of(video, tmp_path)
    assert (unanchored.identity.epoch_start_ms, unanchored.identity.anchor_source) == (
        0,
        AnchorSource.NONE,
    )
    anchored = plan_of(video, tmp_path, start_ms=1_700_000_000_000)
    assert anchored.identity.anchor_source is AnchorSource.START_OPTION
    assert anchored.identity.epoch_start_ms == 1_700_000_000_000


OTHERS: dict[str, dict[str, Any]] = {
    "role": {"whose": Whose(role="performer")},
    "consent": {"whose": Whose(role="customer", consent="given")},
    "jurisdiction": {"whose": Whose(role="customer", jurisdiction="EU")},
    "regions": {"whose": Whose(regions=("left=customer", "right=agent"))},
    "max faces": {"whose": Whose(role="customer", max_faces=1)},
    "start": {"start_ms": 1_700_000_000_000},
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_changes_results_is_not_taken_for_the_same(
    what: str, video: Path, tmp_path: Path
) -> None:
    first = plan_of(video, tmp_path)
    second = plan_of(video, tmp_path, **OTHERS[what])
    assert first.plan.result_hash != second.plan.result_hash
    assert first.run == second.run, "the streams of a call share a run"


@pytest.mark.parametrize("field", ["tenant", "call_id", "stream_id", "run_id"])
@pytest.mark.parametrize("name", ["a/b", "..", "a\nb", " ", "ü", "x" * 129])
def test_names_that_are_none_are_refused(
    field: str, name: str, video: Path, tmp_path: Path
) -> None:
    with pytest.raises(NameRefusedError):
        plan_of(video, tmp_path, **{field: name})
    assert not (tmp_path / "lake").exists()


def test_without_a_role_nothing_is_begun(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="customer"):
        go(job_of(video, whose=Whose()), wiring_of(tmp_path))
    assert not (tmp_path / "lake").exists()


def test_an_unreadable_file_leaves_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(SourceUnreadableError):
        go(job_of(path), wiring_of(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


# Doing it again


def test_a_finished_run_is_refused_with_a_hint(video: Path, tmp_path: Path) -> None:
    first = go(job_of(video), wiring_of(tmp_path))
    before = {name: table(tmp_path, name).height for name in (*COMMIT_ORDER, "runs")}
    with pytest.raises(AlreadyThereError, match="--replace") as refusal:
        go(job_of(video), wiring_of(tmp_path))
    assert refusal.value.exit_code == 4
    assert (refusal.value.call_id, refusal.value.run_id) == (first.run.call_id, first.run.run_id)
    assert "--run-id" in str(refusal.value)
    assert {name: table(tmp_path, name).height for name in before} == before


def test_other_settings_make_a_run_beside_it(video: Path, tmp_path: Path) -> None:
    first = go(job_of(video), wiring_of(tmp_path))
    second = go(job_of(video), wiring_of(tmp_path, **{"analysis.fps": 2.0}))
    assert first.run.call_id == second.run.call_id
    assert first.run.run_id != second.run.run_id
    counts = table(tmp_path, "frames").group_by("run_id").len()
    assert dict(counts.iter_rows()) == {first.run.run_id: 35, second.run.run_id: 14}


def test_a_named_run_stands_beside_the_first(video: Path, tmp_path: Path) -> None:
    go(job_of(video), wiring_of(tmp_path))
    go(job_of(video, run_id="again"), wiring_of(tmp_path))
    assert table(tmp_path, "frames").height == 70
    assert "again" in table(tmp_path, "runs")["run_id"]


def test_replace_leaves_exactly_the_new_rows(video: Path, tmp_path: Path, expected: Path) -> None:
    go(job_of(video, run_id="one"), wiring_of(tmp_path, **{"analysis.fps": 2.0}))
    with pytest.raises(AlreadyThereError, match="with other settings"):
        go(job_of(video, run_id="one"), wiring_of(tmp_path))
    outcome = go(job_of(video, run_id="one", is_replace=True), wiring_of(tmp_path))
    assert (outcome.is_finished, outcome.resumed_after) == (True, -1)
    found = table(tmp_path, "frames").sort(KEYS).drop("run_id")
    assert found.equals(table(expected, "frames").sort(KEYS).drop("run_id"))


def test_replacing_what_is_not_there_is_a_plain_run(
    video: Path, tmp_path: Path, expected: Path
) -> None:
    go(job_of(video, is_replace=True), wiring_of(tmp_path))
    assert_same_tables(tmp_path, expected)


def test_a_run_begun_with_other_settings_is_not_gone_on_with(video: Path, tmp_path: Path) -> None:
    go(job_of(video, run_id="one"), wiring_of(tmp_path), stop_after(1))
    slower = wiring_of(tmp_path, **{"analysis.fps": 2.0})
    with pytest.raises(UsageError, match="begun with other settings") as refusal:
        go(job_of(video, run_id="one"), slower)
    assert "--replace" in str(refusal.value)


def test_a_frame_without_faces_gives_a_run_without_rows(tmp_path: Path) -> None:
    path = write_video(tmp_path / "empty.mkv", [MadeFrame(100.0 * n) for n in range(10)], rate=10)
    outcome = go(job_of(path), wiring_of(tmp_path))
    assert outcome.is_finished
    assert table(tmp_path, "frames").height == 0
    assert table(tmp_path, "segments")["frames_analysed"].sum() == 5
