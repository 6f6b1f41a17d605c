"""Goal: the lake takes what writers of other versions and other processes do to it.

Method: real tables in a temporary folder, made narrower, older or fuller by hand.
"""

import os
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import write_deltalake

from pipeline.lake import tables
from pipeline.lake.checkpoints import Checkpoint, CheckpointStore
from pipeline.lake.layout import TABLES, polars_schema, to_frame
from pipeline.lake.tables import Advance, Lake
from schemas.errors import DiskFullError, FencedError, SinkError
from tests.rows import Face, frame_rows, segment_rows, window_rows

FRAMES = frame_rows([Face()], 6.0)
SEGMENTS = segment_rows(FRAMES)
STREAM = ("default", "call", "stream", "run-1")


def test_a_table_that_lacks_a_column_gains_it_and_reads_as_null_before(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    old = SEGMENTS.drop("late_faces")
    lake.path("segments").mkdir(parents=True)
    write_deltalake(str(lake.path("segments")), old, partition_by=["event_date"])
    assert lake.scan("segments").collect()["late_faces"].to_list() == [None] * len(old)
    lake.append("segments", SEGMENTS.with_columns(late_faces=pl.lit(2, pl.Int32)))
    assert lake.scan("segments").collect()["late_faces"].null_count() == len(old)


def test_a_table_that_knows_more_than_we_do_is_left_its_columns(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    newer = SEGMENTS.with_columns(from_the_future=pl.lit(1))
    lake.path("segments").mkdir(parents=True)
    write_deltalake(str(lake.path("segments")), newer, partition_by=["event_date"])
    lake.append("segments", SEGMENTS)
    rows = lake.scan("segments").collect()
    assert rows["from_the_future"].null_count() == len(SEGMENTS)
    assert rows.height == 2 * len(SEGMENTS)


@pytest.mark.parametrize("name", ["with space", "ümlaut", "a#b", "what?"])
def test_a_folder_of_any_name_reads_back_what_was_written(tmp_path: Path, name: str) -> None:
    plain, odd = Lake(tmp_path / "plain"), Lake(tmp_path / name)
    for lake in (plain, odd):
        lake.append("segments", SEGMENTS)
        lake.append("segments", SEGMENTS.head(1))
        lake.append("runs", to_frame("runs", []))
    assert odd.scan("segments").collect().equals(plain.scan("segments").collect())
    assert odd.scan("runs").collect().schema == plain.scan("runs").collect().schema


@pytest.mark.parametrize("name", ["100%", "a[b]", "a|b"])
def test_a_folder_that_delta_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match="cannot lie under a path"):
        Lake(tmp_path / name)


def test_an_absent_table_scans_as_empty_with_its_types(tmp_path: Path) -> None:
    for name in TABLES:
        rows = Lake(tmp_path).scan(name).collect()
        assert rows.height == 0
        assert dict(rows.schema) == polars_schema(name)


def test_a_fence_names_the_stream_that_was_taken_over(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.append("frames", FRAMES, [Advance("a", None, 1, 7), Advance("b", None, 1, 8)])
    with pytest.raises(FencedError) as caught:
        lake.append("frames", FRAMES, [Advance("a", 1, 2, 9), Advance("b", None, 2, 10)])
    assert caught.value.application == "b"
    assert lake.standing("frames", "a") == (1, 7), "nothing of the commit may land"


def test_a_commit_whose_answer_was_lost_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path)
    answers = iter([True])
    real = tables.write_deltalake

    def lossy(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        if next(answers, False):
            raise tables.CommitFailedError("the answer was lost")

    monkeypatch.setattr(tables, "write_deltalake", lossy)
    lake.append("frames", FRAMES, [Advance("a", None, 1, 7)])
    assert lake.scan("frames").select(pl.len()).collect().item() == len(FRAMES)


def test_stored_values_lie_on_their_grids_and_nan_is_null() -> None:
    row = FRAMES.row(0, named=True) | {"AU12": 0.123456, "AU04": float("nan"), "AU01": -0.0001}
    stored = to_frame("frames", [row])
    assert stored["AU12"][0] == pytest.approx(0.12)
    assert stored["AU04"][0] is None
    assert stored["AU01"][0] == 0.0


def test_no_column_may_be_forgotten() -> None:
    row = FRAMES.row(0, named=True)
    del row["AU12"]
    with pytest.raises(KeyError, match="AU12"):
        to_frame("frames", [row])


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "lake", STREAM, kept=2)


def checkpoint(version: int, nonce: int = 5) -> Checkpoint:
    owed = {"segments": SEGMENTS, "windows": window_rows(FRAMES)}
    return Checkpoint(version, nonce, {"version": version}, owed)


def test_a_clock_that_steps_back_does_not_cost_the_newest_checkpoint(
    store: CheckpointStore,
) -> None:
    for version in (1, 2, 3):
        store.write(checkpoint(version))
        for path in store.folder.glob(f"{version}-*"):
            os.utime(path, (10_000 - version, 10_000 - version))
    assert store.read(3, 5).state == {"version": 3}
    with pytest.raises(SinkError, match="cannot be used"):
        store.read(1, 5)


def test_clearing_leaves_the_checkpoints_of_whoever_took_over(store: CheckpointStore) -> None:
    store.write(checkpoint(2))
    store.write(checkpoint(9, nonce=6))
    store.clear(version_max=2)
    assert store.read(9, 6).state == {"version": 9}
    assert len(store.read_owed(9, 6, "windows")) > 0


@pytest.mark.parametrize("kept_bytes", [0, 1, 20])
def test_a_cut_off_checkpoint_is_said_in_one_line(store: CheckpointStore, kept_bytes: int) -> None:
    store.write(checkpoint(1))
    path = store.folder / "1-5.state"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(SinkError, match="--replace") as caught:
        store.read(1, 5)
    assert "\n" not in str(caught.value)


def test_a_state_that_would_unpack_without_end_is_refused(store: CheckpointStore) -> None:
    store.write(checkpoint(1))
    bomb = zlib.compress(b" " * (100 * 1024 * 1024), 9)
    (store.folder / "1-5.state").write_bytes(bomb)
    with pytest.raises(SinkError, match="damaged or too large"):
        store.read(1, 5)


def test_no_space_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "FREE_BYTES_MIN", 1 << 62)
    with pytest.raises(DiskFullError, match="no space"):
        Lake(tmp_path).check_space()
    assert list(tmp_path.iterdir()) == []
