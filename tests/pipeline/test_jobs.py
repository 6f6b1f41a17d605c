"""Goal: a job is planned, done, refused, resumed and replaced as its user was promised.

Method: small lossless videos of made faces through real sources, decoder, worker and tables, with
a fake detector, scorer and live view. Interruptions are made by stopping after a segment, and by
a lake whose process dies before a chosen append.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from operators.calibrate import calibration_from
from operators.decode import PyavDecoder
from pipeline import jobs, runs
from pipeline.jobs import Job, Outcome, plan_job, run_job
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.tables import Advance, Lake
from pipeline.lake.writer import RunWriter
from pipeline.metrics import Metrics
from pipeline.queries import ledger, resolve_call
from pipeline.registrations import Whose
from pipeline.settings import Settings, load_settings
from pipeline.sources.identity import SourceOptions
from pipeline.sources.media import open_source
from pipeline.sources.resolve import resolve_inputs
from pipeline.wiring import Wiring
from schemas.errors import (
    AlreadyThereError,
    FencedError,
    NameRefusedError,
    SinkError,
    SourceUnreadableError,
    UsageError,
)
from schemas.ledger import discrepancies
from schemas.names import AnchorSource, RunState
from tests.fakes import (
    FakeDetector,
    FakeLiveView,
    FakeScorer,
    MadeFace,
    MadeFrame,
    at_fps,
    write_video,
)

KEYS = ["epoch", "sequence", "row"]


def face(time_s: float) -> tuple[MadeFace, ...]:
    return (MadeFace(1, 20 + round(4 * time_s), level=abs(time_s % 4 - 2) / 2),)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 7 s in four segments, 10 frames a second."""
    path = tmp_path_factory.mktemp("videos") / "call.mkv"
    return write_video(path, at_fps(70, face, fps=10.0), rate=10)


def settings_of(out: Path, **overrides: Any) -> Settings:
    return load_settings(overrides={"output.folder": str(out), **overrides}, environ={})


def wiring_of(out: Path, lake: Lake | None = None, **overrides: Any) -> Wiring:
    settings = settings_of(out, **overrides)
    return Wiring(
        settings=settings,
        lake=lake or Lake(out),
        decoder=PyavDecoder(),
        detector=FakeDetector(),  # type: ignore[arg-type]
        scorer=FakeScorer(),
        live=FakeLiveView(),
        metrics=Metrics(),
        source_options=SourceOptions(decoder_threads=1),
        calibration=calibration_from({}),
    )


def job_of(path: Path, **changes: Any) -> Job:
    whose = Whose(role="customer")
    return Job(spec=resolve_inputs([str(path)])[0], **{"whose": whose, **changes})


def go(job: Job, wiring: Wiring, is_stopped: Callable[[], bool] = lambda: False) -> Outcome:
    return run_job(job, wiring, lambda *_: None, is_stopped)


def stop_after(count: int) -> Callable[[], bool]:
    """Return an `is_stopped` that turns true at its `count`-th asking."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= count


def table(out: Path, name: str) -> pl.DataFrame:
    return Lake(out).scan(name).collect()


def assert_same_tables(one: Path, other: Path) -> None:
    """Compare all rows of two lakes that come from the same video, to the last digit."""
    keys = {"frames": KEYS, "segments": KEYS[:2],
            "windows": ["subject", "window_s", "start_at", "revision"]}  # fmt: skip
    for name in COMMIT_ORDER:
        found, expected = (table(out, name).sort(keys[name]) for out in (one, other))
        assert expected.height > 0
        assert found.equals(expected), name


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
    assert told['facestate_segments_total{result="done"}'] == 4


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
    assert outcome.duration_ms == 5900, "event time goes on where media time jumps"


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
def test_what_changes_results_makes_another_run(what: str, video: Path, tmp_path: Path) -> None:
    first = plan_of(video, tmp_path)
    second = plan_of(video, tmp_path, **OTHERS[what])
    assert first.run.run_id != second.run.run_id
    assert first.run.call_id == second.run.call_id


@pytest.mark.parametrize("field", ["tenant", "call_id", "stream_id", "run_id"])
@pytest.mark.parametrize("name", ["a/b", "..", "a\nb", "", "ü", "x" * 129])
def test_names_that_are_none_are_refused(
    field: str, name: str, video: Path, tmp_path: Path
) -> None:
    if not name and field != "tenant":
        pytest.skip("an empty name stands for the default")
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


# Interruptions


@pytest.mark.parametrize("stops", [(1,), (2,), (3,), (1, 1, 1)])
def test_a_stopped_job_goes_on_and_gives_the_same_tables(
    stops: Sequence[int], video: Path, tmp_path: Path, expected: Path
) -> None:
    reached = -1
    for count in stops:
        outcome = go(job_of(video), wiring_of(tmp_path), stop_after(count))
        assert not outcome.is_finished
        assert outcome.resumed_after == reached
        reached += count
    wiring = wiring_of(tmp_path)
    last = go(job_of(video), wiring)
    assert (last.is_finished, last.resumed_after) == (True, reached)
    assert isinstance(wiring.live, FakeLiveView)
    assert wiring.live.told[0] == ("begin", True)
    assert_same_tables(tmp_path, expected)


def test_a_job_stopped_after_its_last_segment_is_finished_by_the_next_attempt(
    video: Path, tmp_path: Path, expected: Path
) -> None:
    go(job_of(video), wiring_of(tmp_path), stop_after(4))
    outcome = go(job_of(video), wiring_of(tmp_path))
    assert (outcome.is_finished, outcome.duration_ms) == (True, 6900)
    rows = table(tmp_path, "runs").filter(pl.col("state") == RunState.FINISHED)
    assert rows["duration_ms"].to_list() == [6900]
    assert_same_tables(tmp_path, expected)


def test_an_unfinished_run_is_not_refused_and_says_so_in_the_tables(
    video: Path, tmp_path: Path
) -> None:
    outcome = go(job_of(video), wiring_of(tmp_path), stop_after(2))
    assert set(table(tmp_path, "runs")["state"]) == {RunState.STARTED}
    assert resolve_call(Lake(tmp_path), "default", outcome.run.call_id).duration_ms is None


class Died(BaseException):
    """Stands for `kill -9`."""


class DyingLake(Lake):
    """A lake whose process dies right before its `number`-th append to a table."""

    def __init__(self, root: Path, table: str, number: int) -> None:
        super().__init__(root)
        self.countdown = {table: number}

    def append(self, table: str, rows: pl.DataFrame, advances: Sequence[Advance] = ()) -> None:
        if table in self.countdown:
            self.countdown[table] -= 1
            if self.countdown[table] == 0:
                raise Died
        super().append(table, rows, advances)


DEATHS = [*((name, number) for name in COMMIT_ORDER for number in (1, 3)), ("runs", 1), ("runs", 2)]


@pytest.mark.parametrize(("name", "number"), DEATHS)
def test_a_process_that_dies_at_any_append_is_made_good(
    name: str, number: int, video: Path, tmp_path: Path, expected: Path
) -> None:
    lake = DyingLake(tmp_path, name, number)
    with pytest.raises(Died):
        go(job_of(video), wiring_of(tmp_path, lake, **{"output.commit_rows": 1}))
    outcome = go(job_of(video), wiring_of(tmp_path))
    assert (outcome.is_finished, outcome.duration_ms) == (True, 6900)
    assert_same_tables(tmp_path, expected)


@pytest.mark.parametrize("name", COMMIT_ORDER)
def test_a_replacement_that_dies_is_made_good_by_another(
    name: str, video: Path, tmp_path: Path, expected: Path
) -> None:
    go(job_of(video), wiring_of(tmp_path))
    lake = DyingLake(tmp_path, name, 1)
    with pytest.raises(Died):
        go(job_of(video, is_replace=True), wiring_of(tmp_path, lake))
    go(job_of(video, is_replace=True), wiring_of(tmp_path))
    assert_same_tables(tmp_path, expected)


def test_a_replacement_that_died_after_deleting_goes_on_without_the_option(
    video: Path, tmp_path: Path, expected: Path
) -> None:
    go(job_of(video), wiring_of(tmp_path))
    with pytest.raises(Died):
        go(job_of(video, is_replace=True), wiring_of(tmp_path, DyingLake(tmp_path, "frames", 1)))
    assert go(job_of(video), wiring_of(tmp_path)).is_finished
    assert_same_tables(tmp_path, expected)


def test_a_replacement_that_died_before_deleting_asks_for_the_option_again(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(job_of(video), wiring_of(tmp_path))

    def die(_: RunWriter) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "replace", die)
        with pytest.raises(Died):
            go(job_of(video, is_replace=True), wiring_of(tmp_path))
    with pytest.raises(SinkError, match="--replace"):
        go(job_of(video), wiring_of(tmp_path))
    assert go(job_of(video, is_replace=True), wiring_of(tmp_path)).is_finished


def test_a_job_that_another_process_overtook_writes_nothing_more(
    video: Path, tmp_path: Path, expected: Path
) -> None:
    def overtake() -> bool:
        if not (tmp_path / "overtaken").exists():
            (tmp_path / "overtaken").touch()
            assert go(job_of(video), wiring_of(tmp_path)).is_finished
        return False

    with pytest.raises(FencedError):
        go(job_of(video), wiring_of(tmp_path), overtake)
    assert_same_tables(tmp_path, expected)
    assert set(runs.latest_rows(Lake(tmp_path), "default")["state"]) == {RunState.FINISHED}


def test_a_live_view_that_was_told_rows_twice_is_told_the_same_rows(
    video: Path, tmp_path: Path
) -> None:
    wiring = wiring_of(tmp_path)
    told: list[Mapping[str, Any]] = []

    class Remembering(FakeLiveView):
        def publish(self, run: Any, result: Any) -> None:
            super().publish(run, result)
            told.extend(result.frames)

    lake = DyingLake(tmp_path, "frames", 2)
    with pytest.raises(Died):
        go(job_of(video), replace(wiring, lake=lake, live=Remembering()))
    go(job_of(video), replace(wiring, live=Remembering()))
    texts: dict[tuple[int, ...], set[str]] = {}
    for row in told:
        texts.setdefault(tuple(row[key] for key in KEYS), set()).add(repr(row))
    assert len(told) > len(texts) == 35
    assert {len(found) for found in texts.values()} == {1}


def test_a_frame_without_faces_gives_a_run_without_rows(tmp_path: Path) -> None:
    path = write_video(tmp_path / "empty.mkv", [MadeFrame(100.0 * n) for n in range(10)], rate=10)
    outcome = go(job_of(path), wiring_of(tmp_path))
    assert outcome.is_finished
    assert table(tmp_path, "frames").height == 0
    assert table(tmp_path, "segments")["frames_analysed"].sum() == 5
