"""What tests of whole jobs share: a made video, parts with fakes, and tables to compare."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from operators.calibrate import calibration_from
from operators.decode import PyavDecoder
from pipeline.jobs import Job, Outcome, run_job
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.tables import Advance, Lake
from pipeline.metrics import Metrics
from pipeline.registrations import Whose
from pipeline.settings import Settings, load_settings
from pipeline.sources.identity import SourceOptions
from pipeline.sources.resolve import resolve_inputs
from pipeline.wiring import Wiring
from tests.fakes import FakeDetector, FakeLiveView, FakeScorer, MadeFace, at_fps, write_video

KEYS = ["epoch", "sequence", "row"]


def face(time_s: float) -> tuple[MadeFace, ...]:
    return (MadeFace(1, 20 + round(4 * time_s), level=abs(time_s % 4 - 2) / 2),)


def made_video(folder: Path) -> Path:
    """Write a video of 7 s in four segments, 10 frames a second."""
    return write_video(folder / "call.mkv", at_fps(70, face, fps=10.0), rate=10)


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
