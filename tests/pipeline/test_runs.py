"""Goal: a run is known by everything that decides its rows, and nothing is analysed twice unasked.

Method: plans that differ in one thing, and a real table `runs` in a temporary folder.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import runs
from pipeline.lake.tables import Lake
from pipeline.lake.writer import StreamRun
from pipeline.runs import RunPlan, RunRecord, latest_rows
from schemas.errors import AlreadyThereError, FencedError, UsageError
from schemas.names import Consent, Role, RunState, is_name
from schemas.registration import Region, Registration

RUN = StreamRun("default", "call", "stream", "run-1")


def registration(**changes: Any) -> Registration:
    region = Region(participant_id="customer", role=Role.CUSTOMER, **changes)
    return Registration(call_id="call", stream_id="stream", regions=(region,))


PLAN = RunPlan(
    registration=registration(),
    model_id="fake-1",
    policy_id="presets-1",
    analysis_fps=5.0,
    settings_hash="0123456789abcdef",
    source_name="call.mp4",
    content_sha256="0" * 64,
    start_ms=0,
    anchor_source="none",
)
CHANGES: dict[str, Any] = {
    "registration": registration(consent=Consent.GIVEN),
    "model_id": "fake-2",
    "adapter_id": "site-a",
    "policy_id": "presets-2",
    "analysis_fps": 6.0,
    "settings_hash": "fedcba9876543210",
    "content_sha256": "1" * 64,
    "start_ms": 1,
    "anchor_source": "container",
}


# What every stream of a call shares, so that one run id holds them together.
OF_RUN = ("model_id", "adapter_id", "policy_id", "analysis_fps", "settings_hash")


def begin(
    out: Path, plan: RunPlan = PLAN, run: StreamRun = RUN, *, is_replace: bool = False
) -> bool:
    return RunRecord(Lake(out), plan, run).begin(is_replace=is_replace)


def finish(out: Path, plan: RunPlan = PLAN, run: StreamRun = RUN) -> None:
    RunRecord(Lake(out), plan, run).finish(7000)


def latest(out: Path) -> dict[str, Any]:
    """Return the row that counts of the only run there is."""
    rows = latest_rows(Lake(out), "default")
    assert rows.height == 1
    return rows.row(0, named=True)


@pytest.mark.parametrize("name", CHANGES)
def test_everything_that_decides_rows_changes_the_hash(name: str) -> None:
    assert replace(PLAN, **{name: CHANGES[name]}).result_hash != PLAN.result_hash


@pytest.mark.parametrize("name", CHANGES)
def test_the_run_id_depends_on_what_all_streams_of_a_call_share(name: str) -> None:
    is_other = replace(PLAN, **{name: CHANGES[name]}).default_run_id != PLAN.default_run_id
    assert is_other is (name in OF_RUN)


def test_a_files_name_changes_nothing() -> None:
    copy = replace(PLAN, source_name="copy.mp4")
    assert (copy.default_run_id, copy.result_hash) == (PLAN.default_run_id, PLAN.result_hash)


def test_another_revision_of_the_analysis_makes_another_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = PLAN.default_run_id
    monkeypatch.setattr(runs, "ANALYSIS_REVISION", runs.ANALYSIS_REVISION + 1)
    assert PLAN.default_run_id != before


def test_a_default_run_id_is_a_name_and_lasts() -> None:
    assert PLAN.default_run_id == replace(PLAN).default_run_id
    assert is_name(PLAN.default_run_id)
    assert re.fullmatch("run-[0-9a-f]{8}", PLAN.default_run_id)


def test_a_new_run_is_recorded_as_started(tmp_path: Path) -> None:
    assert begin(tmp_path) is False
    row = latest(tmp_path)
    assert (row["state"], row["duration_ms"], row["revision"]) == (RunState.STARTED, None, 1)
    assert (row["run_id"], row["settings_hash"]) == ("run-1", PLAN.result_hash)
    assert Registration.model_validate_json(row["registration"]) == PLAN.registration


def test_an_unfinished_run_of_the_same_settings_goes_on_without_another_row(tmp_path: Path) -> None:
    begin(tmp_path)
    assert begin(tmp_path) is False
    assert Lake(tmp_path).scan("runs").collect().height == 1


def test_an_unfinished_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(UsageError, match="begun with other settings") as refusal:
        begin(tmp_path, replace(PLAN, analysis_fps=6.0))
    assert (refusal.value.exit_code, "--run-id" in str(refusal.value)) == (2, True)


@pytest.mark.parametrize(("fps", "how"), [(5.0, "the same model"), (6.0, "other settings")])
def test_a_finished_run_is_refused_with_both_ways_out(fps: float, how: str, tmp_path: Path) -> None:
    begin(tmp_path)
    finish(tmp_path)
    with pytest.raises(AlreadyThereError, match=how) as refusal:
        begin(tmp_path, replace(PLAN, analysis_fps=fps))
    text = str(refusal.value)
    assert (refusal.value.call_id, refusal.value.run_id) == ("call", "run-1")
    assert all(word in text for word in ("--replace", "--run-id", "facestate timeline call"))


@pytest.mark.parametrize("is_finished", [True, False])
def test_replace_overrules_both_refusals(is_finished: bool, tmp_path: Path) -> None:
    begin(tmp_path)
    if is_finished:
        finish(tmp_path)
    slower = replace(PLAN, analysis_fps=6.0)
    record = RunRecord(Lake(tmp_path), slower, RUN)
    assert record.begin(is_replace=True) is True
    assert latest(tmp_path)["state"] == RunState.REPLACED
    record.start()
    row = latest(tmp_path)
    assert (row["state"], row["analysis_fps"], row["duration_ms"]) == (RunState.STARTED, 6.0, None)


def test_an_interrupted_replacement_is_taken_up_by_whoever_comes_next(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, is_replace=True)
    assert begin(tmp_path) is True
    assert latest(tmp_path)["state"] == RunState.REPLACED


def test_a_finished_run_holds_its_duration(tmp_path: Path) -> None:
    begin(tmp_path)
    finish(tmp_path)
    row = latest(tmp_path)
    assert (row["state"], row["duration_ms"], row["revision"]) == (RunState.FINISHED, 7000, 2)


def test_whoever_was_overtaken_cannot_call_the_run_finished(tmp_path: Path) -> None:
    slow = RunRecord(Lake(tmp_path), PLAN, RUN)
    slow.begin(is_replace=False)
    RunRecord(Lake(tmp_path), PLAN, RUN).begin(is_replace=True)
    with pytest.raises(FencedError):
        slow.finish(7000)
    assert latest(tmp_path)["state"] == RunState.REPLACED


def test_of_two_that_begin_at_once_one_is_fenced(tmp_path: Path) -> None:
    first, second = (RunRecord(Lake(tmp_path), PLAN, RUN) for _ in range(2))
    first.begin(is_replace=False)
    with pytest.raises(FencedError):
        second.begin(is_replace=False)
    assert Lake(tmp_path).scan("runs").collect().height == 1


@pytest.mark.parametrize("part", ["tenant", "call_id", "stream_id", "run_id"])
def test_a_run_that_differs_in_any_name_is_another(part: str, tmp_path: Path) -> None:
    begin(tmp_path)
    finish(tmp_path)
    assert begin(tmp_path, run=replace(RUN, **{part: "other"})) is False
    assert Lake(tmp_path).scan("runs").collect().height == 3


def test_the_newest_row_of_each_run_counts_and_tenants_are_apart(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, run=replace(RUN, run_id="run-2"))
    begin(tmp_path, run=replace(RUN, tenant="other"))
    finish(tmp_path)
    rows = latest_rows(Lake(tmp_path), "default")
    assert dict(rows.select("run_id", "state").iter_rows()) == {
        "run-1": RunState.FINISHED,
        "run-2": RunState.STARTED,
    }
    assert latest_rows(Lake(tmp_path), "nobody").height == 0
