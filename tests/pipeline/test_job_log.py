"""Goal: a job's logs tell its way in fields that programs read, each line naming its run.

Method: whole jobs over made videos, logs as JSON on stderr; damage by made segments.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.analysis.batch import SegmentResult
from pipeline.groups import LogSettings
from pipeline.job_log import WARNINGS_MAX, JobLog
from pipeline.lake.tables import Lake
from pipeline.lake.writer import StreamRun
from pipeline.logs import configure_logs
from schemas.names import SegmentFlag
from tests.fakes import at_fps, segment, write_video
from tests.job_tools import (
    Died,
    DyingLake,
    face,
    go,
    job_of,
    made_video,
    stop_after,
    wiring_of,
)
from tests.log_tools import loggers_put_back

RUN = StreamRun("default", "call", "stream", "run-1")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_video(tmp_path_factory.mktemp("videos"))


@pytest.fixture(autouse=True)
def logs_as_json() -> Iterator[None]:
    with loggers_put_back():
        configure_logs(LogSettings(format="json", level="info"))
        yield


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_job_tells_its_start_its_commits_and_its_end(video, tmp_path, capsys):
    outcome = go(job_of(video), wiring_of(tmp_path))
    lines = said(capsys)
    assert [line["message"] for line in lines] == ["start", "commit", "commit", "finish"]
    names = dict(zip(("tenant", "call_id", "stream_id", "run_id"), outcome.run.parts, strict=True))
    assert all(names.items() <= line.items() for line in lines)
    start, first, last, end = lines
    assert start["source"] == "call.mkv"
    assert (start["codec"], start["width_px"], start["height_px"]) == ("ffv1", 320, 180)
    assert (start["model_id"], start["jurisdiction"]) == ("fake-1", "default")
    assert start["policy_id"]
    assert (first["sequence"], last["sequence"]) == (0, 3)
    assert first["rows"] > 0
    assert first["elapsed_s"] > 0
    assert (end["frames"], end["faces"]) == (70, 35)
    assert end["speed"] > 0


def test_a_job_that_goes_on_says_after_which_segment(video, tmp_path, capsys):
    go(job_of(video), wiring_of(tmp_path), stop_after(2))
    assert said(capsys)[-1]["message"] == "stopped before the end"
    go(job_of(video), wiring_of(tmp_path))
    lines = {line["message"]: line for line in said(capsys)}
    assert (lines["resume"]["sequence"], lines["resume"]["step"]) == (1, "resume")
    assert lines["finish"]["frames"] == 70 - 40
    assert "recovered owed rows" not in lines


def test_rows_that_an_attempt_owed_are_told_with_their_tables(video, tmp_path, capsys):
    lake = DyingLake(tmp_path, "segments", 2)
    with pytest.raises(Died):
        go(job_of(video), wiring_of(tmp_path, lake, **{"output.commit_rows": 1}))
    said(capsys)
    go(job_of(video), wiring_of(tmp_path, Lake(tmp_path)))
    (line,) = [line for line in said(capsys) if line["message"] == "recovered owed rows"]
    assert line["tables"] == "segments windows"


def test_an_epoch_and_a_gap_are_told_where_they_are(tmp_path, capsys):
    made = [*at_fps(30, face, fps=10.0), *at_fps(30, face, fps=10.0, from_ms=60_000.0)]
    go(job_of(write_video(tmp_path / "jump.mkv", made, rate=10)), wiring_of(tmp_path / "out"))
    told = [line for line in said(capsys) if line["message"] == "segment"]
    (line,) = [line for line in told if line["epoch"] == 1]
    assert "epoch_changed" in line["flags"]
    assert line["epoch_reason"] == "pts_discontinuity"
    assert line["gap_ms"] > 50_000
    assert line["level"] == "info"


def result(sequence: int, *, corrupt: int = 0, flags: tuple[str, ...] = ()) -> SegmentResult:
    ledger = {"frames": 10, "faces": 0, "frames_corrupt": corrupt, "flags": list(flags),
              "gap_ms": 0}  # fmt: skip
    return SegmentResult(segment(sequence, []).header, [], [], ledger)


def test_damage_is_a_warning_a_few_times_and_then_only_told(capsys):
    log = JobLog(RUN)
    for sequence in range(WARNINGS_MAX + 2):
        log.segment(result(sequence, corrupt=3))
    lines = said(capsys)
    assert [line["level"] for line in lines] == ["warning"] * WARNINGS_MAX + ["info"] * 2
    assert [line["sequence"] for line in lines] == list(range(WARNINGS_MAX + 2))
    assert lines[0]["corrupt_frames"] == 3
    assert "level info" in lines[WARNINGS_MAX - 1]["message"]


def test_a_truncated_segment_is_a_warning_and_a_whole_one_is_not_worth_a_line(capsys):
    log = JobLog(RUN)
    log.segment(result(0))
    log.segment(result(1, flags=(SegmentFlag.TRUNCATED,)))
    (line,) = said(capsys)
    assert (line["level"], line["sequence"], line["flags"]) == ("warning", 1, "truncated")


def test_by_default_a_good_job_is_silent(video, tmp_path, capsys):
    configure_logs(LogSettings())
    go(job_of(video), wiring_of(tmp_path))
    assert capsys.readouterr().err == ""


def test_text_for_people_has_the_same_fields(video, tmp_path, capsys):
    configure_logs(LogSettings(level="info"))
    go(job_of(video), wiring_of(tmp_path))
    assert "finish (tenant=default call_id=" in capsys.readouterr().err
