"""Goal: commits are ordered, fenced and recoverable at every step.

Method: a real lake in a temporary folder; crashes are made by a lake whose append fails at a
chosen table, a second writer stands for the process that took over, and one test pauses a real
process with SIGSTOP.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.lake.checkpoints import CheckpointStore
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.tables import Advance, Lake
from pipeline.lake.writer import RunWriter, StreamRun, run_rows
from schemas.errors import FencedError, SinkError
from tests.rows import IDENTITY, Face, frame_rows, segment_rows, window_rows

RUN = StreamRun("default", IDENTITY["call_id"], "main", "run-1")
FRAMES = frame_rows([Face()], 12.0)
ALL_ROWS = {
    "frames": FRAMES,
    "segments": segment_rows(FRAMES),
    "windows": window_rows(FRAMES),
}


class CrashError(Exception):
    """Stands for a process that dies."""


class CrashingLake(Lake):
    """A lake whose process dies right before it appends to one table."""

    def __init__(self, root: Path, table: str) -> None:
        super().__init__(root)
        self.table = table

    def append(self, table: str, rows: pl.DataFrame, advances: Sequence[Advance] = ()) -> None:
        if table == self.table:
            raise CrashError
        super().append(table, rows, advances)


def batch(first: int, last: int) -> dict[str, pl.DataFrame]:
    """Return the rows of segments first..last."""
    return {
        table: rows.filter(pl.col("sequence").is_between(first, last))
        for table, rows in ALL_ROWS.items()
    }


def counts(lake: Lake) -> dict[str, int]:
    return {t: run_rows(lake, t, RUN).select(pl.len()).collect().item() for t in COMMIT_ORDER}


def sizes(rows: dict[str, pl.DataFrame]) -> dict[str, int]:
    return {table: len(rows[table]) for table in COMMIT_ORDER}


def test_a_fresh_run_starts_from_nothing(tmp_path: Path) -> None:
    recovered = RunWriter(Lake(tmp_path), RUN).recover()
    assert (recovered.sequence, recovered.state) == (-1, None)


def test_what_was_committed_is_recovered_with_its_state(tmp_path: Path) -> None:
    writer = RunWriter(Lake(tmp_path), RUN)
    writer.recover()
    writer.commit(1, {"at": 0.1 + 0.2}, batch(0, 1))
    writer.commit(3, {"at": 1 / 3}, batch(2, 3))
    recovered = RunWriter(Lake(tmp_path), RUN).recover()
    assert (recovered.sequence, recovered.state) == (3, {"at": 1 / 3})
    assert counts(Lake(tmp_path)) == sizes(batch(0, 3))


@pytest.mark.parametrize("table", COMMIT_ORDER)
def test_a_crash_before_any_table_leaves_no_hole_and_no_double(tmp_path: Path, table: str) -> None:
    writer = RunWriter(Lake(tmp_path), RUN)
    writer.recover()
    writer.commit(1, {"n": 1}, batch(0, 1))
    crashing = RunWriter(CrashingLake(tmp_path, table), RUN)
    crashing.recover()
    with pytest.raises(CrashError):
        crashing.commit(3, {"n": 3}, batch(2, 3))
    lake = Lake(tmp_path)
    again = RunWriter(lake, RUN)
    recovered = again.recover()
    assert recovered.sequence == (1 if table == "frames" else 3)
    again.commit(4, {"n": 4}, batch(recovered.sequence + 1, 4))
    assert counts(lake) == sizes(batch(0, 4))
    keys = run_rows(lake, "frames", RUN).select("sequence", "row").collect()
    assert not keys.is_duplicated().any()


def test_owed_rows_come_from_the_commit_that_frames_saw(tmp_path: Path) -> None:
    """A slower twin that wrote a checkpoint of the same segment must not supply the rows."""
    lake = Lake(tmp_path)
    first = RunWriter(CrashingLake(tmp_path, "segments"), RUN)
    first.recover()
    with pytest.raises(CrashError):
        first.commit(1, {"by": "first"}, batch(0, 1))
    store = CheckpointStore(lake.folder, RUN.parts)
    version, nonce = lake.standing("frames", RUN.application)
    assert version is not None
    assert nonce is not None
    twin = store.read(version, nonce)
    store.write(type(twin)(version, nonce + 1, {"by": "twin"}, twin.owed))
    assert RunWriter(lake, RUN).recover().state == {"by": "first"}


def test_a_writer_that_was_overtaken_cannot_write(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    paused, other = RunWriter(lake, RUN), RunWriter(lake, RUN)
    paused.recover()
    other.recover()
    other.commit(2, {}, batch(0, 2))
    with pytest.raises(FencedError, match="another process has written this stream"):
        paused.commit(1, {}, batch(0, 1))
    assert counts(lake) == sizes(batch(0, 2))


def test_the_fence_holds_between_check_and_commit(tmp_path: Path) -> None:
    """The other writer lands after our check: Delta's own conflict must stop us."""
    lake = Lake(tmp_path)
    rows = ALL_ROWS["frames"]
    lake.append("frames", rows.head(0))

    class Overtaken(Lake):
        def _open(self, table: str) -> Any:
            handle = super()._open(table)
            lake.append("frames", rows.head(1), [Advance("app", None, 1, 7)])
            return handle

    with pytest.raises(FencedError):
        Overtaken(tmp_path).append("frames", rows, [Advance("app", None, 5, 8)])
    assert lake.standing("frames", "app") == (1, 7)
    assert lake.scan("frames").select(pl.len()).collect().item() == 1


def test_replacing_deletes_the_run_alone_and_fences_its_writer(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    beside = StreamRun("default", RUN.call_id, "main", "run-2")
    other_rows = {
        table: rows.with_columns(run_id=pl.lit("run-2")) for table, rows in ALL_ROWS.items()
    }
    other = RunWriter(lake, beside)
    other.recover()
    other.commit(5, {}, other_rows)
    old = RunWriter(lake, RUN)
    old.recover()
    old.commit(1, {}, batch(0, 1))
    new = RunWriter(lake, RUN)
    new.recover()
    new.replace()
    assert counts(lake) == dict.fromkeys(COMMIT_ORDER, 0)
    assert run_rows(lake, "frames", beside).collect().height == len(other_rows["frames"])
    with pytest.raises(FencedError):
        old.commit(3, {}, batch(2, 3))
    new.commit(0, {"fresh": True}, batch(0, 0))
    assert RunWriter(lake, RUN).recover().sequence == 0
    assert counts(lake) == sizes(batch(0, 0))


@pytest.mark.parametrize("name", ["plain", "with space", "ümlaut#1?"])
def test_replaced_scores_are_gone_from_disk(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name)
    other = RunWriter(lake, StreamRun("default", RUN.call_id, "main", "run-2"))
    other.recover()
    other.commit(
        1, {}, {t: rows.with_columns(run_id=pl.lit("run-2")) for t, rows in batch(0, 1).items()}
    )
    writer = RunWriter(lake, RUN)
    writer.recover()
    writer.commit(1, {}, batch(0, 1))
    writer.replace()
    for table in COMMIT_ORDER:
        files = list(lake.path(table).rglob("*.parquet"))
        runs = {run for path in files for run in pl.read_parquet(path)["run_id"].unique()}
        assert runs == {"run-2"}


def test_a_replacement_cut_off_between_tables_is_finished(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = RunWriter(lake, RUN)
    writer.recover()
    writer.commit(1, {}, batch(0, 1))
    version, _ = lake.standing("frames", RUN.application)
    lake.delete("frames", RUN.predicate, Advance(RUN.application, version, 1 << 40, 1))
    assert RunWriter(lake, RUN).recover().sequence == -1
    assert counts(lake) == dict.fromkeys(COMMIT_ORDER, 0)


def test_a_missing_checkpoint_is_said_in_one_line(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = RunWriter(lake, RUN)
    writer.recover()
    writer.commit(1, {}, batch(0, 1))
    writer.finish()
    with pytest.raises(SinkError, match="--replace") as caught:
        RunWriter(lake, RUN).recover()
    assert "\n" not in str(caught.value)


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = RunWriter(lake, RUN, checkpoints_kept=2)
    writer.recover()
    for sequence in range(5):
        writer.commit(sequence, {}, batch(sequence, sequence))
    folder = CheckpointStore(lake.folder, RUN.parts).folder
    assert len(list(folder.glob("*.state"))) == 2
    assert len(list(folder.glob("*.parquet"))) == 4
    writer.finish()
    assert not (lake.folder / "_checkpoints").exists() or not list(
        (lake.folder / "_checkpoints").rglob("*")
    )


def test_a_read_only_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        blocked = tmp_path / "file"
        blocked.write_text("not a folder")
        lake = Lake(blocked)
    else:
        tmp_path.chmod(0o500)
        lake = Lake(tmp_path)
    writer = RunWriter(lake, RUN)
    with pytest.raises(SinkError) as caught:
        writer.commit(0, {}, batch(0, 0))
    assert "\n" not in str(caught.value)


PAUSED = """
import sys
from pathlib import Path
from pipeline.lake.tables import Lake
from pipeline.lake.writer import RunWriter
from tests.pipeline.lake.test_writer import RUN, batch
writer = RunWriter(Lake(Path(sys.argv[1])), RUN)
writer.recover()
writer.commit(1, {}, batch(0, 1))
print("committed", flush=True)
sys.stdin.readline()
try:
    writer.commit(3, {}, batch(2, 3))
except Exception as error:
    print(type(error).__name__, flush=True)
"""


def test_a_process_that_was_paused_and_wakes_up_cannot_write(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PAUSED, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "committed\n"
        process.send_signal(signal.SIGSTOP)
        lake = Lake(tmp_path)
        taker = RunWriter(lake, RUN)
        assert taker.recover().sequence == 1
        taker.commit(4, {}, batch(2, 4))
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "FencedError\n"
    finally:
        process.kill()
        process.communicate()
    assert counts(lake) == sizes(batch(0, 4))
