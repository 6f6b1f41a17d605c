"""Which run is meant: a call by its id, a prefix of it or its file's name, and its newest run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

import polars as pl

from pipeline.runs import latest_rows
from schemas.errors import NotFoundError, UsageError, near_word
from schemas.names import Role, RunState

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

LISTED_CALLS_MAX = 8
# An epoch may start a little before the run's recorded start, across midnight.
DATE_MARGIN = timedelta(days=1)

_RUN_COLUMNS = (
    "call_id", "stream_id", "run_id", "recorded_at", "state", "model_id", "adapter_id",
    "policy_id", "registration", "source_name", "content_sha256", "start_at", "anchor_source",
    "duration_ms", "analysis_fps",
)  # fmt: skip


class Tables(Protocol):
    """Where the tables are: `pipeline.lake.tables.Lake`, or frames in memory in tests."""

    def scan(self, table: str) -> pl.LazyFrame:
        """Return one table, lazily, with the column list's types; empty if never written."""


@dataclass(frozen=True, slots=True)
class RunRef:
    """One pass over one call: what every other query is asked about.

    `duration_ms` is None while the run is not finished. `jurisdiction` is empty where the
    registration cannot be read. `roles` maps participants to roles;
    where a region allows several faces, its participants are called `<participant>.<track>`.
    """

    tenant: str
    call_id: str
    run_id: str
    state: str
    model_id: str
    adapter_id: str | None
    policy_id: str
    source_name: str
    start_at: datetime
    anchor_source: str
    duration_ms: int | None
    analysis_fps: float
    stream_ids: tuple[str, ...]
    is_recording: bool = True
    jurisdiction: str = ""
    roles: dict[str, str] = field(default_factory=dict)

    def select(self, lake: Tables, table: str) -> pl.LazyFrame:
        """Return the rows of this run in a table, pruned by date before any file is opened."""
        rows = lake.scan(table).filter(
            pl.col("tenant") == self.tenant,
            pl.col("call_id") == self.call_id,
            pl.col("run_id") == self.run_id,
            pl.col("event_date") >= self.date_first,
        )
        last = self.date_last
        return rows if last is None else rows.filter(pl.col("event_date") <= last)

    @property
    def date_first(self) -> date:
        """Return the earliest event date that rows of this run can have."""
        return (self.start_at - DATE_MARGIN).date()

    @property
    def date_last(self) -> date | None:
        """Return the latest event date, or None for live or unfinished runs."""
        if self.duration_ms is None or not self.is_recording:
            return None
        return (self.start_at + timedelta(milliseconds=self.duration_ms) + DATE_MARGIN).date()

    def role_of(self, participant_id: str | None) -> str:
        """Return the role of a participant, `unknown` where nobody said."""
        if participant_id is None:
            return Role.UNKNOWN.value
        if participant_id in self.roles:
            return self.roles[participant_id]
        known = [name for name in self.roles if participant_id.startswith(f"{name}.")]
        return self.roles[max(known, key=len)] if known else Role.UNKNOWN.value

    @property
    def anchor_text(self) -> str:
        """Return when the call began, or that nobody knows."""
        if self.anchor_source == "none":
            return "media time (no wall clock known)"
        when = self.start_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{when} (from {self.anchor_source.replace('_', ' ')})"


def resolve_call(lake: Tables, tenant: str, call: str, run_id: str | None = None) -> RunRef:
    """Return the run that `call` means: an id, a unique prefix of one, or the input's file name.

    Of each run the row with the highest revision counts. Without `run_id` it is the run that was
    recorded last, of those that were not replaced. Raises NotFoundError with the near word and the
    known calls, UsageError where a prefix or name fits several calls.
    """
    rows = _newest_rows(lake, tenant)
    call_id = _find_call(rows, tenant, call)
    runs = rows.filter(pl.col("call_id") == call_id)
    return _reference(tenant, _find_run(runs, call_id, run_id))


def _newest_rows(lake: Tables, tenant: str) -> pl.DataFrame:
    # `latest_rows` needs no more of a lake than `Tables` promises: to be scanned.
    return latest_rows(cast("Lake", lake), tenant).select(_RUN_COLUMNS)


def _find_call(rows: pl.DataFrame, tenant: str, call: str) -> str:
    known = rows["call_id"].unique(maintain_order=True).to_list()
    if call in known:
        return call
    fitting = [call_id for call_id in known if call and call_id.startswith(call)]
    if not fitting:
        named = rows.filter(pl.col("source_name") == call)
        fitting = named["call_id"].unique(maintain_order=True).to_list()
    if len(fitting) == 1:
        return str(fitting[0])
    if fitting:
        listed = _listed(sorted(fitting, reverse=True))
        raise UsageError("query", "this fits several calls", call, f"say more of the id: {listed}")
    raise NotFoundError("query", f"there is no such call{near_word(call, known)}", call,
                        _remedy(known, tenant))  # fmt: skip


def _remedy(known: Sequence[str], tenant: str) -> str:
    if not known:
        return f"tenant '{tenant}' has no calls yet; `facestate run VIDEO --role ROLE` makes one"
    return f"known calls: {_listed(known)}"


def _listed(names: Sequence[str]) -> str:
    newest = list(reversed(names))[:LISTED_CALLS_MAX]
    more = len(names) - len(newest)
    return ", ".join(newest) + (f" and {more} more" if more else "")


def _find_run(runs: pl.DataFrame, call_id: str, run_id: str | None) -> pl.DataFrame:
    if run_id is not None:
        known = runs["run_id"].unique(maintain_order=True).to_list()
        if run_id not in known:
            raise NotFoundError(
                "query", f"call '{call_id}' has no such run{near_word(run_id, known)}", run_id,
                f"its runs: {_listed(known)}",
            )  # fmt: skip
        return runs.filter(pl.col("run_id") == run_id)
    current = runs.filter(pl.col("state") != RunState.REPLACED)
    if current.is_empty():
        raise NotFoundError("query", "every run of this call was replaced", call_id,
                            "analyse it again with `facestate run`")  # fmt: skip
    return current.filter(pl.col("run_id") == current["run_id"][-1])


def _reference(tenant: str, rows: pl.DataFrame) -> RunRef:
    """Join the streams of one run; it is finished when all of them are."""
    last = rows.row(-1, named=True)
    is_finished = bool((rows["state"] == RunState.FINISHED).all())
    durations = rows["duration_ms"].drop_nulls().to_list()
    first = rows.sort("start_at").row(0, named=True)
    return RunRef(
        tenant=tenant,
        call_id=last["call_id"],
        run_id=last["run_id"],
        state=last["state"] if not is_finished else RunState.FINISHED.value,
        model_id=last["model_id"],
        adapter_id=last["adapter_id"],
        policy_id=last["policy_id"],
        source_name=last["source_name"],
        start_at=first["start_at"],
        anchor_source=first["anchor_source"],
        duration_ms=max(durations) if is_finished and durations else None,
        analysis_fps=max(rows["analysis_fps"].to_list()),
        stream_ids=tuple(sorted(rows["stream_id"].to_list())),
        is_recording=bool(rows["content_sha256"].is_not_null().all()),
        jurisdiction=_jurisdiction(last["registration"]),
        roles=_roles(rows["registration"].to_list()),
    )


def _jurisdiction(registration: str) -> str:
    try:
        return str(json.loads(registration)["jurisdiction"])
    except (ValueError, KeyError, TypeError):
        return ""


def _roles(registrations: Sequence[str]) -> dict[str, str]:
    """Read participant -> role; a registration that cannot be read names nobody."""
    roles: dict[str, str] = {}
    for text in registrations:
        try:
            regions: list[dict[str, Any]] = json.loads(text)["regions"]
            roles |= {region["participant_id"]: region["role"] for region in regions}
        except (ValueError, KeyError, TypeError):
            continue
    return roles
