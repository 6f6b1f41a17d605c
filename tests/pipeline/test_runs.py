"""Goal: a run is known by everything that decides its rows, and nothing is analysed twice unasked.

Method: plans that differ in one thing, and a real table `runs` in a temporary folder.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import runs
from pipeline.lake.tables import Lake
from pipeline.lake.writer import StreamRun
from pipeline.runs import RunPlan
from schemas.errors import AlreadyThereError, UsageError
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


def begin(
    out: Path, plan: RunPlan = PLAN, run: StreamRun = RUN, *, is_replace: bool = False
) -> pl.DataFrame:
    runs.begin(Lake(out), plan, run, is_replace=is_replace)
    return runs.latest_rows(Lake(out), run.tenant, run.call_id)


@pytest.mark.parametrize("name", CHANGES)
def test_everything_that_decides_rows_changes_the_run_id(name: str) -> None:
    assert replace(PLAN, **{name: CHANGES[name]}).default_run_id != PLAN.default_run_id


def test_a_files_name_does_not_change_the_run_id() -> None:
    assert replace(PLAN, source_name="copy.mp4").default_run_id == PLAN.default_run_id


def test_a_default_run_id_is_a_name_and_lasts() -> None:
    assert PLAN.default_run_id == "run-eefbf5de", "calls analysed before would not be known again"
    assert is_name(PLAN.default_run_id)


def test_a_new_run_is_recorded_as_started(tmp_path: Path) -> None:
    row = begin(tmp_path).row(0, named=True)
    assert (row["state"], row["duration_ms"]) == (RunState.STARTED, None)
    assert (row["run_id"], row["settings_hash"]) == ("run-1", PLAN.result_hash)
    assert Registration.model_validate_json(row["registration"]) == PLAN.registration


def test_an_unfinished_run_of_the_same_settings_goes_on_without_another_row(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path)
    assert Lake(tmp_path).scan("runs").collect().height == 1


def test_an_unfinished_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(UsageError, match="begun with other settings") as refusal:
        begin(tmp_path, replace(PLAN, analysis_fps=6.0))
    assert (refusal.value.exit_code, "--run-id" in str(refusal.value)) == (2, True)


@pytest.mark.parametrize(("fps", "how"), [(5.0, "the same model"), (6.0, "other settings")])
def test_a_finished_run_is_refused_with_both_ways_out(fps: float, how: str, tmp_path: Path) -> None:
    begin(tmp_path)
    runs.finish(Lake(tmp_path), PLAN, RUN, 7000)
    with pytest.raises(AlreadyThereError, match=how) as refusal:
        begin(tmp_path, replace(PLAN, analysis_fps=fps))
    text = str(refusal.value)
    assert (refusal.value.call_id, refusal.value.run_id) == ("call", "run-1")
    assert all(word in text for word in ("--replace", "--run-id", "facestate timeline call"))


@pytest.mark.parametrize("is_finished", [True, False])
def test_replace_overrules_both_refusals(is_finished: bool, tmp_path: Path) -> None:
    begin(tmp_path)
    if is_finished:
        runs.finish(Lake(tmp_path), PLAN, RUN, 7000)
    row = begin(tmp_path, replace(PLAN, analysis_fps=6.0), is_replace=True).row(0, named=True)
    assert (row["state"], row["analysis_fps"], row["duration_ms"]) == (RunState.STARTED, 6.0, None)


def test_a_finished_run_holds_its_duration(tmp_path: Path) -> None:
    begin(tmp_path)
    runs.finish(Lake(tmp_path), PLAN, RUN, 7000)
    row = runs.latest_rows(Lake(tmp_path), "default").row(0, named=True)
    assert (row["state"], row["duration_ms"]) == (RunState.FINISHED, 7000)


@pytest.mark.parametrize("part", ["tenant", "call_id", "stream_id", "run_id"])
def test_a_run_that_differs_in_any_name_is_another(part: str, tmp_path: Path) -> None:
    begin(tmp_path)
    runs.finish(Lake(tmp_path), PLAN, RUN, 7000)
    begin(tmp_path, run=replace(RUN, **{part: "other"}))
    assert Lake(tmp_path).scan("runs").collect().height == 3


def test_the_newest_row_of_each_run_counts_and_tenants_are_apart(tmp_path: Path) -> None:
    begin(tmp_path)
    begin(tmp_path, run=replace(RUN, run_id="run-2"))
    begin(tmp_path, run=replace(RUN, tenant="other"))
    runs.finish(Lake(tmp_path), PLAN, RUN, 7000)
    rows = runs.latest_rows(Lake(tmp_path), "default")
    assert dict(rows.select("run_id", "state").iter_rows()) == {
        "run-1": RunState.FINISHED,
        "run-2": RunState.STARTED,
    }
    assert runs.latest_rows(Lake(tmp_path), "nobody").height == 0
