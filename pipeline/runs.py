"""Which runs exist: refuse what is there already, resume what was interrupted."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from pipeline.lake.layout import to_frame
from pipeline.lake.tables import Lake
from pipeline.lake.writer import StreamRun
from schemas.errors import AlreadyThereError, UsageError
from schemas.names import RunState
from schemas.registration import Registration

RUN_ID_DIGITS = 8


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that decides a run's rows besides the video itself."""

    registration: Registration
    model_id: str
    policy_id: str
    analysis_fps: float
    settings_hash: str
    source_name: str
    content_sha256: str | None
    start_ms: int
    anchor_source: str
    adapter_id: str | None = None

    @property
    def result_hash(self) -> str:
        """Return the hash of everything that changes the rows of one video."""
        parts = {
            "registration": self.registration.model_dump(mode="json"),
            "model": [self.model_id, self.adapter_id],
            "policy": self.policy_id,
            "fps": self.analysis_fps,
            "settings": self.settings_hash,
            "content": self.content_sha256,
            "start": [self.start_ms, self.anchor_source],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def default_run_id(self) -> str:
        """Return the run id of these settings: other settings make another run beside it."""
        return f"run-{self.result_hash[:RUN_ID_DIGITS]}"


def latest_rows(lake: Lake, tenant: str, call_id: str | None = None) -> pl.DataFrame:
    """Return the newest row of each run, oldest run first."""
    rows = lake.scan("runs").filter(pl.col("tenant") == tenant)
    if call_id is not None:
        rows = rows.filter(pl.col("call_id") == call_id)
    return (
        rows.sort("recorded_at")
        .group_by("call_id", "stream_id", "run_id", maintain_order=True)
        .last()
        .collect()
    )


def begin(lake: Lake, plan: RunPlan, run: StreamRun, *, is_replace: bool) -> None:
    """Record the start of a run, unless it is there already.

    Raises AlreadyThereError where the run is finished, UsageError where a run of that id was
    begun with other settings; both can be overruled by `is_replace`.
    """
    rows = latest_rows(lake, run.tenant, run.call_id).filter(
        pl.col("run_id") == run.run_id, pl.col("stream_id") == run.stream_id
    )
    if len(rows) and not is_replace:
        _check_same(rows.row(0, named=True), plan, run)
        return
    lake.append("runs", to_frame("runs", [_row(plan, run, RunState.STARTED, None)]))


def finish(lake: Lake, plan: RunPlan, run: StreamRun, duration_ms: int) -> None:
    """Record that a run is complete."""
    lake.append("runs", to_frame("runs", [_row(plan, run, RunState.FINISHED, duration_ms)]))


def _check_same(found: Mapping[str, Any], plan: RunPlan, run: StreamRun) -> None:
    is_same = found["settings_hash"] == plan.result_hash
    if found["state"] == RunState.FINISHED:
        how = "with the same model and settings" if is_same else "with other settings"
        raise AlreadyThereError(
            f"this video was analysed before {how}",
            run.call_id,
            run.run_id,
            f"see `facestate timeline {run.call_id}`, or say --replace, or --run-id NAME for "
            "a run beside it",
        )
    if not is_same:
        raise UsageError(
            "start", "a run of that id was begun with other settings and is not finished",
            f"call {run.call_id}, run {run.run_id}",
            "say --replace, or --run-id with another name",
        )  # fmt: skip


def _row(plan: RunPlan, run: StreamRun, state: RunState, duration_ms: int | None) -> dict[str, Any]:
    return {
        "tenant": run.tenant,
        "call_id": run.call_id,
        "stream_id": run.stream_id,
        "run_id": run.run_id,
        "recorded_at": datetime.now(UTC),
        "state": str(state),
        "model_id": plan.model_id,
        "adapter_id": plan.adapter_id,
        "policy_id": plan.policy_id,
        "settings_hash": plan.result_hash,
        "registration": plan.registration.model_dump_json(),
        "source_name": plan.source_name,
        "content_sha256": plan.content_sha256,
        "start_at": datetime.fromtimestamp(plan.start_ms / 1000, tz=UTC),
        "anchor_source": plan.anchor_source,
        "duration_ms": duration_ms,
        "analysis_fps": plan.analysis_fps,
    }
