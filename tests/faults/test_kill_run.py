"""Goal: `run` killed at any time and started again gives the tables of an uninterrupted run.

Method: kill -9 of a real process on the sample call at random times, with a commit after every
segment; then keys must be equal and scores alike within 1e-3.
"""

import random
import time
from pathlib import Path

import pytest

from tests.commands import assert_same_tables, finished, with_kills

SEED = 5


def run_args(sample: Path, out: Path) -> tuple[str, ...]:
    return ("run", str(sample), "--role", "performer", "--out", str(out), "--redis", "none")


@pytest.fixture(scope="module")
def reference(
    weights: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, float]:
    """Return the folder of an uninterrupted run, which commits once, and how long it took."""
    out = tmp_path_factory.mktemp("reference") / "out"
    began_s = time.monotonic()
    assert finished(*run_args(sample, out)).code == 0
    return out, time.monotonic() - began_s


def check(
    sample: Path, out: Path, reference: tuple[Path, float], rng: random.Random, kill_count: int
) -> None:
    args = run_args(sample, out)
    code, kills = with_kills(
        rng, kill_count, reference[1], args, FACESTATE_OUTPUT__COMMIT_FILE_S="0.2"
    )
    # A run that was killed after its last commit is complete when it is started again.
    assert code in {0, 4}
    assert kills > 0
    assert_same_tables(out, reference[0])
    assert not (out / "lake" / "_checkpoints").exists()


def test_a_run_killed_at_random_times_ends_with_the_same_tables(
    weights, sample, tmp_path, reference
):
    check(sample, tmp_path / "out", reference, random.Random(SEED), kill_count=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_runs_killed_at_random_times_end_with_the_same_tables(
    weights, sample, tmp_path, reference, seed
):
    check(sample, tmp_path / "out", reference, random.Random(seed), kill_count=8)
