"""Which runs exist: refuse what is there already, resume what was interrupted."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from pipeline.lake.layout import to_frame
from pipeline.lake.tables import Advance, Lake, new_nonce
from pipeline.lake.writer import StreamRun
from schemas.errors import AlreadyThereError, FencedError, UsageError
from schemas.names import RunState
from schemas.registration import Registration

RUN_ID_DIGITS = 8
# Raised whenever operators, worker or state change so that rows of the same video come out
# differently or old checkpoints cannot be read: old and new rows must not share a run.
ANALYSIS_REVISION = 1


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
        return _hash(
            {
                "run": self._of_run,
                "registration": self.registration.model_dump(mode="json"),
                "content": self.content_sha256,
                "start": [self.start_ms, self.anchor_source],
            }
        )

    @property
    def default_run_id(self) -> str:
        """Return the run id of this model and these settings, the same for all streams of a call.

        Another model, or another revision of the analysis, makes another run beside it.
        """
        return f"run-{_hash(self._of_run)[:RUN_ID_DIGITS]}"

    @property
    def _of_run(self) -> list[Any]:
        return [
            ANALYSIS_REVISION, self.model_id, self.adapter_id, self.policy_id,
            self.analysis_fps, self.settings_hash,
        ]  # fmt: skip


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def latest_rows(lake: Lake, tenant: str, call_id: str | None = None) -> pl.DataFrame:
    """Return the row of each run that counts, in the order in which they were recorded."""
    rows = lake.scan("runs").filter(pl.col("tenant") == tenant)
    if call_id is not None:
        rows = rows.filter(pl.col("call_id") == call_id)
    return (
        rows.sort("revision")
        .group_by("call_id", "stream_id", "run_id", maintain_order=True)
        .last()
        .sort("recorded_at", maintain_order=True)
        .collect()
    )


class RunRecord:
    """A run's rows in table `runs`, fenced like its results.

    Each row advances the run's transaction on the table by one, so that a process which was
    overtaken cannot call somebody else's rows finished.
    """

    def __init__(self, lake: Lake, plan: RunPlan, run: StreamRun) -> None:
        """Read how far the run has come."""
        self._lake = lake
        self._plan = plan
        self._run = run
        self._revision, _ = lake.standing("runs", run.application)
        self._found = self._latest() if self._revision is not None else None

    def begin(self, *, is_replace: bool) -> bool:
        """Record that the run begins; return whether its old rows must be deleted first.

        Then `REPLACED` is what stands until `start` is called, and whoever finds it deletes
        again. Raises AlreadyThereError where the run is finished, UsageError where it was begun
        with other settings; `is_replace` overrules both.
        """
        if self._found is None:
            self._write(RunState.STARTED, None)
            return False
        if is_replace or self._found["state"] == RunState.REPLACED:
            self._write(RunState.REPLACED, None)
            return True
        _check_same(self._found, self._plan, self._run)
        return False

    def start(self) -> None:
        """Record that old rows are gone and the run begins."""
        self._write(RunState.STARTED, None)

    def finish(self, duration_ms: int) -> None:
        """Record that the run is complete."""
        self._write(RunState.FINISHED, duration_ms)

    def check(self) -> None:
        """Raise FencedError where another process has moved the run on since."""
        found, _ = self._lake.standing("runs", self._run.application)
        if found != self._revision:
            raise FencedError("start", self._run.application, self._revision, found)

    def _write(self, state: RunState, duration_ms: int | None) -> None:
        revision = (self._revision or 0) + 1
        advance = Advance(self._run.application, self._revision, revision, new_nonce())
        row = _row(self._plan, self._run, state, duration_ms) | {"revision": revision}
        self._lake.append("runs", to_frame("runs", [row]), [advance])
        self._revision = revision

    def _latest(self) -> dict[str, Any]:
        rows = latest_rows(self._lake, self._run.tenant, self._run.call_id)
        return rows.filter(
            pl.col("run_id") == self._run.run_id, pl.col("stream_id") == self._run.stream_id
        ).row(0, named=True)


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
            is_same=is_same,
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
