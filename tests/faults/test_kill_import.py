"""Goal: `import` killed at any time and started again gives the tables of an uninterrupted one.

Method: kill -9 of the parent at random times; its processes end by themselves while the next
attempt may already run. Keys must be equal, scores alike within 1e-3, and every tag be there.
"""

import csv
import random
import time
from pathlib import Path

import pytest

from pipeline.importing.tags import current_tags
from pipeline.lake.tables import Lake
from tests.commands import assert_same_tables, finished, with_kills
from tests.videos import video

SEED = 7
FACELESS_FRAMES = (20, 500, 40)


@pytest.fixture(scope="module")
def calls(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a list of the sample call and videos without faces, each with a tag."""
    folder = tmp_path_factory.mktemp("list")
    for count in FACELESS_FRAMES:
        (folder / f"{count}.mp4").write_bytes(video(count))
    paths = [str(sample), *(f"{count}.mp4" for count in FACELESS_FRAMES)]
    with (folder / "calls.csv").open("w", newline="") as file:
        rows = [(path, f"call-{number}", "performer", f"team-{number}")
                for number, path in enumerate(paths)]  # fmt: skip
        csv.writer(file).writerows([("path", "call_id", "role", "team"), *rows])
    return folder / "calls.csv"


@pytest.fixture(scope="module")
def reference(weights: Path, calls: Path) -> tuple[Path, float]:
    """Return the folder of an uninterrupted import, and how long it took."""
    out = calls.parent / "reference"
    began_s = time.monotonic()
    assert finished("import", str(calls), "--out", str(out), "--jobs", "2").code == 0
    return out, time.monotonic() - began_s


def check(
    calls: Path, out: Path, reference: tuple[Path, float], rng: random.Random, kill_count: int
) -> None:
    args = ("import", str(calls), "--out", str(out), "--jobs", "2")
    code, kills = with_kills(
        rng, kill_count, reference[1], args, FACESTATE_OUTPUT__COMMIT_FILE_S="0.2"
    )
    if code != 0:
        # What a killed attempt left running may have overtaken a job; the next attempt mends it.
        code = finished(*args).code
    assert code == 0
    assert kills > 0
    assert_same_tables(out, reference[0])
    assert tags_of(out) == tags_of(reference[0]) != []
    assert not (out / "lake" / "_checkpoints").exists()


def tags_of(out: Path) -> list[tuple[str, ...]]:
    return current_tags(Lake(out), "default").sort("call_id").rows()


def test_an_import_killed_at_random_times_ends_with_the_same_tables(
    weights, tmp_path, calls, reference
):
    check(calls, tmp_path / "out", reference, random.Random(SEED), kill_count=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_imports_killed_at_random_times_end_with_the_same_tables(
    weights, tmp_path, calls, reference, seed
):
    check(calls, tmp_path / "out", reference, random.Random(seed), kill_count=5)
