"""Goal: what cannot be read or written is named, and looking at it changes nothing.

Method: folders, tables and servers with one fault each; a real embedded Redis where there is one.
"""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from pipeline.doctor import Check, CheckState, Finding, Patient, run_checks, stores
from pipeline.lake.layout import TABLES, polars_schema
from pipeline.lake.tables import Lake
from pipeline.live.embedded import start_embedded
from pipeline.settings import Settings, load_settings
from schemas.errors import SettingsError
from tests.conftest import missing

OK, WARNING, PROBLEM = CheckState.OK, CheckState.WARNING, CheckState.PROBLEM
ANYBODY = Patient()


def patient(out: Path | str = "facestate-data", **fields: object) -> Patient:
    settings = Settings.model_validate({"output": {"folder": str(out)}})
    return Patient(settings, **fields)  # type: ignore[arg-type]


def ending(check: Check, who: Patient = ANYBODY, timeout_s: float = 5.0) -> tuple[CheckState, str]:
    result = next(run_checks(who, [check], timeout_s))
    return result.state, f"{result.text} -> {result.remedy}"


def test_settings_that_cannot_be_read_are_a_problem_with_what_is_allowed() -> None:
    error = SettingsError("settings", "file x: analysis.fps is off", 500, "allowed is 1 to 2")
    finding = stores.settings(patient(settings_error=error))
    assert finding == Finding(PROBLEM, "file x: analysis.fps is off (given 500)",
                              "allowed is 1 to 2")  # fmt: skip


def test_a_folder_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    finding = stores.folder(patient(tmp_path / "a" / "b"))
    assert finding.state is OK
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert stores.folder(patient(tmp_path)).state is OK
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_or_above_it_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        finding = stores.folder(patient(path))
        assert finding.state is PROBLEM
        assert "--out" in finding.remedy


def test_a_folder_that_may_not_be_written_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.doctor.stores.tempfile.TemporaryFile", refuse)
    finding = stores.folder(patient(tmp_path))
    assert finding.state is PROBLEM
    assert "Permission denied" in finding.text


@pytest.mark.parametrize(
    ("free_bytes", "state"), [(10**7, PROBLEM), (5 * 10**8, WARNING), (10**11, OK)]
)
def test_free_space_is_told_in_hours_of_one_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, state: CheckState
) -> None:
    class Usage:
        free = free_bytes

    monkeypatch.setattr("pipeline.doctor.stores.shutil.disk_usage", lambda _: Usage)
    finding = stores.space(patient(tmp_path / "not there"))
    assert finding.state is state
    assert f"{free_bytes // 4_000_000:,} hours" in finding.text


def test_a_remote_folder_is_not_tried() -> None:
    for check in (stores.folder, stores.space, stores.tables):
        finding = check(patient("s3://bucket/calls"))
        assert finding.state is OK
        assert "remote" in finding.text


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake in which the table `tags` has one row."""
    found = Lake(tmp_path)
    row = {"tenant": "t", "call_id": "c", "key": "k", "value": "v",
           "recorded_at": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    found.append("tags", pl.DataFrame([row], schema=polars_schema("tags")))
    return found


def test_tables_that_can_be_read_are_listed(lake: Lake) -> None:
    finding = stores.tables(patient(lake.root))
    assert finding.state is OK
    assert finding.text == f"tags in {lake.folder}"
    assert stores.tables(patient(lake.root / "elsewhere")) == Finding(OK, "none yet")


def test_a_table_that_lost_a_file_is_a_problem(lake: Lake) -> None:
    next(lake.path("tags").rglob("*.parquet")).unlink()
    finding = stores.tables(patient(lake.root))
    assert finding.state is PROBLEM
    assert "table tags lacks 1 of its 1 files" in finding.text


def test_a_table_with_a_damaged_log_is_a_problem(lake: Lake) -> None:
    for entry in (lake.path("tags") / "_delta_log").glob("*.json"):
        entry.write_text("{ broken")
    finding = stores.tables(patient(lake.root))
    assert finding.state is PROBLEM
    assert "table tags cannot be read" in finding.text


def test_a_table_without_our_columns_is_a_problem(tmp_path: Path) -> None:
    folder = Lake(tmp_path).path("runs")
    write_deltalake(str(folder), pl.DataFrame({"tenant": ["t"]}))
    finding = stores.tables(patient(tmp_path))
    assert finding.state is PROBLEM
    assert f"no column call_id (of {len(TABLES['runs']) - 1} missing)" in finding.text


def with_redis(url: str) -> Patient:
    return Patient(load_settings(overrides={"redis.url": url}, environ={}))


def test_a_redis_that_does_not_answer_is_a_problem_without_its_password() -> None:
    state, text = ending(Check("redis", stores.redis), with_redis("redis://:hunter2@127.0.0.1:9"))
    assert state is PROBLEM
    assert "redis://***@127.0.0.1:9" in text
    assert "hunter2" not in text


def test_without_an_address_the_embedded_server_is_started_and_ended() -> None:
    started = []

    def start() -> object:
        started.append(start_embedded())
        return started[0]

    finding = stores.redis(ANYBODY, start)  # type: ignore[arg-type]
    if started[0] is None:
        assert finding.state is WARNING
        return
    assert finding.state is OK
    assert "started for each run" in finding.text
    assert not started[0].folder.exists()


def test_a_given_redis_is_told_with_its_version() -> None:
    server = start_embedded()
    if server is None:
        missing("this machine has no redis-server 6.2")
    try:
        finding = stores.redis(with_redis(server.url))
    finally:
        server.stop()
    assert finding.state is OK
    assert server.url in finding.text


def test_without_any_server_the_lost_live_view_is_a_warning() -> None:
    finding = stores.redis(ANYBODY, lambda: None)
    assert finding.state is WARNING
    assert "without the live view" in finding.text
