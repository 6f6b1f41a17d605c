"""What tests of the whole command share: running it here or as a process, and comparing tables."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from pipeline.cli.main import execute
from pipeline.lake.layout import COMMIT_ORDER, TABLES
from pipeline.lake.tables import Lake

COMMAND = (sys.executable, "-m", "pipeline.cli")
REPOSITORY = Path(__file__).parents[1]
SCORE_DIFFERENCE_MAX = 1e-3


@dataclass(frozen=True)
class Told:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


def told(capfd: pytest.CaptureFixture[str], *args: str) -> Told:
    """Run a command in this process; native code's words on file descriptor 2 are heard too."""
    capfd.readouterr()
    code = execute(list(args))
    return Told(code, *capfd.readouterr())


def start(*args: str, stdout: int = subprocess.PIPE, **environment: str) -> "subprocess.Popen[str]":
    """Start a command as a process in a session of its own."""
    return subprocess.Popen(
        [*COMMAND, *args],
        cwd=REPOSITORY,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def finished(*args: str, **environment: str) -> Told:
    """Run a command as a process to its end."""
    process = start(*args, **environment)
    out, err = process.communicate(timeout=120)
    return Told(process.returncode, out, err)


def wait_for(is_true: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until something holds; fail if it does not in time."""
    end_s = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def with_kills(
    rng: random.Random, kill_count: int, whole_s: float, args: Sequence[str], **environment: str
) -> tuple[int, int]:
    """Run a command, kill -9 it so often at random times, start it again until it ends.

    `whole_s` is how long it takes uninterrupted. Returns its exit code and how often it was
    killed.
    """
    kills = 0
    while True:
        process = start(*args, stdout=subprocess.DEVNULL, **environment)
        wait_s = rng.uniform(0.15, 0.7) * whole_s if kills < kill_count else 120.0
        try:
            _, err = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert "Traceback" not in err, err
        return process.returncode, kills


def tables_of(out: Path) -> dict[str, pl.DataFrame]:
    """Return the tables of a run that tell what was seen, sorted by key."""
    lake = Lake(out)
    return {
        name: lake.scan(name).collect().sort(keys_of(name), nulls_last=True)
        for name in COMMIT_ORDER
    }


def keys_of(table: str) -> list[str]:
    return [column.name for column in TABLES[table] if column.is_key]


def assert_same_tables(found: Path, wanted: Path) -> None:
    """Fail unless two folders hold the same rows once, scores alike within 1e-3."""
    there, reference = tables_of(found), tables_of(wanted)
    for name, rows in reference.items():
        keys = keys_of(name)
        assert there[name].select(keys).equals(rows.select(keys)), name
        assert not there[name].select(keys).is_duplicated().any(), name
        assert len(rows), f"the reference has no {name}"
        for column, kind in rows.schema.items():
            if kind == pl.Float32:
                _assert_close(f"{name}.{column}", there[name][column], rows[column])


def _assert_close(name: str, found: pl.Series, wanted: pl.Series) -> None:
    assert found.is_null().equals(wanted.is_null()), name
    worst = (found - wanted).abs().max()
    assert worst is None or worst <= SCORE_DIFFERENCE_MAX, (name, worst)


def run_told(capfd: pytest.CaptureFixture[str], *args: str, out: str = "out") -> Told:
    """Run `facestate run` in this process, without a live view."""
    return told(capfd, "run", *args, "--out", out, "--redis", "none")


def assert_refused(said: Told, code: int, *words: str) -> None:
    """Exit code, one line that says what was given, nothing on stdout, no folder made."""
    assert said.code == code, said.err
    assert len(said.lines) == 1, said.err
    assert said.err.startswith("facestate: ")
    assert said.err.strip().isprintable()
    for word in words:
        assert word in said.err
    assert said.out == ""
    assert not Path("out").exists()
