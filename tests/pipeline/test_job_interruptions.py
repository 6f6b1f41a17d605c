"""Goal: a job that was stopped, killed or overtaken ends with the tables of one that was not.

Method: interruptions are made by stopping after a segment, by a lake whose process dies before a
chosen append, and by a second job that does the same run in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import runs
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.tables import Lake
from pipeline.lake.writer import RunWriter
from pipeline.queries import resolve_call
from schemas.errors import FencedError
from schemas.names import RunState
from tests.fakes import FakeLiveView
from tests.job_tools import (
    KEYS,
    Died,
    DyingLake,
    assert_same_tables,
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


@pytest.mark.parametrize("stops", [(2,), (1, 1, 1)])
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


DEATHS = [("frames", 1), *((name, 2) for name in COMMIT_ORDER), ("runs", 1), ("runs", 2)]


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


@pytest.mark.parametrize("name", ["frames", "windows"])
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


def test_a_replacement_that_died_before_deleting_goes_on_without_the_option(
    video: Path, tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(job_of(video), wiring_of(tmp_path))

    def die(_: RunWriter) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "replace", die)
        with pytest.raises(Died):
            go(job_of(video, is_replace=True), wiring_of(tmp_path))
    assert go(job_of(video), wiring_of(tmp_path)).is_finished
    assert_same_tables(tmp_path, expected)


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


def test_a_run_that_another_process_finishes_during_recovery_is_fenced_not_broken(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not go(job_of(video), wiring_of(tmp_path), stop_after(2)).is_finished
    real = RunWriter.recover
    calls: list[int] = []

    def recover(self: RunWriter) -> Any:
        calls.append(1)
        if len(calls) == 1:  # the other one finishes, and clears its checkpoints, in between
            standing = self._lake.standing("frames", self._run.application)
            assert go(job_of(video), wiring_of(tmp_path)).is_finished
            monkeypatch.setattr(Lake, "standing", _stale(standing))
        return real(self)

    monkeypatch.setattr(RunWriter, "recover", recover)
    with pytest.raises(FencedError):
        go(job_of(video), wiring_of(tmp_path))


def _stale(found: tuple[int | None, int | None]) -> Any:
    """Return a `standing` that is behind for `frames`, as a read just before would be."""
    real = Lake.standing

    def standing(self: Lake, table: str, application: str) -> tuple[int | None, int | None]:
        return found if table == "frames" else real(self, table, application)

    return standing
