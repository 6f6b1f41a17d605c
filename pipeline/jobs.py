"""One job: a video from its source through the worker into Redis and the tables."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Protocol

from operators.policy import POLICY_ID
from pipeline import runs
from pipeline.analysis.batch import Batch, SegmentResult
from pipeline.analysis.counting import count_commit, count_segment, gauge_live
from pipeline.analysis.stream_state import StreamState
from pipeline.analysis.worker import StreamWorker
from pipeline.job_log import JobLog
from pipeline.lake.layout import COMMIT_ORDER
from pipeline.lake.writer import Recovered, RunWriter, StreamRun
from pipeline.registrations import Whose, check_name
from pipeline.settings import result_hash
from pipeline.sources.identity import StreamIdentity
from pipeline.sources.media import Source, open_source
from pipeline.sources.resolve import SourceSpec
from pipeline.wiring import Wiring
from schemas.errors import SinkError
from schemas.names import AnchorSource
from schemas.registration import Registration

CALL_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Job:
    """What the user asked for, of one input. None stands for the default."""

    spec: SourceSpec
    whose: Whose
    tenant: str = "default"
    call_id: str | None = None
    stream_id: str | None = None
    run_id: str | None = None
    start_ms: int | None = None
    is_replace: bool = False
    is_watched: bool = True
    """A person waits for rows; else the first segment is committed with the others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A job that was looked at: what would be done, before anything is."""

    run: StreamRun
    plan: runs.RunPlan
    identity: StreamIdentity
    registration: Registration


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job. Times in seconds are the wall clock's."""

    run: StreamRun
    is_finished: bool
    resumed_after: int
    segment_count: int
    duration_ms: int
    elapsed_s: float
    checkpoint_bytes_max: int


class Progress(Protocol):
    """Is told how far a job has come."""

    def __call__(self, media_ms: int, duration_ms: int | None, row_count: int) -> None:
        """Take the media time reached, the whole if it is known, and the rows made so far."""


def plan_job(job: Job, source: Source, wiring: Wiring) -> Plan:
    """Return names, registration and anchor of a job; raises UsageError where they are unclear."""
    start_ms, anchor = _anchor(job, source)
    call_id = check_name(job.call_id or _call_id(source, start_ms))
    stream_id = check_name(job.stream_id or _stream_id(source, call_id, start_ms))
    registration = job.whose.registration(check_name(job.tenant), call_id, stream_id)
    plan = runs.RunPlan(
        registration=registration,
        model_id=wiring.scorer.model_id,
        policy_id=POLICY_ID,
        analysis_fps=wiring.settings.analysis.fps,
        settings_hash=result_hash(wiring.settings),
        source_name=_source_name(source.info.name),
        content_sha256=source.info.content_sha256,
        start_ms=start_ms,
        anchor_source=str(anchor),
    )
    run = StreamRun(job.tenant, call_id, stream_id, check_name(job.run_id or plan.default_run_id))
    identity = StreamIdentity(
        tenant=job.tenant,
        call_id=call_id,
        stream_id=stream_id,
        role=registration.regions[0].role,
        epoch_start_ms=start_ms,
        anchor_source=anchor,
    )
    return Plan(run, plan, identity, registration)


def run_job(
    job: Job,
    wiring: Wiring,
    on_progress: Progress,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Analyse one input from where an earlier attempt stopped to its end.

    Raises InputError, AlreadyThereError, SinkError or FencedError; what was committed before
    stays and is built upon by the next attempt.
    """
    with closing(open_source(job.spec, wiring.source_options)) as source:
        planned = plan_job(job, source, wiring)
        return _JobRun(job, planned, wiring, source).go(on_progress, is_stopped)


class _JobRun:
    """The loop over segments, and the two sinks that it feeds."""

    def __init__(self, job: Job, planned: Plan, wiring: Wiring, source: Source) -> None:
        self._job = job
        self._planned = planned
        self._run = planned.run
        self._wiring = wiring
        self._source = source
        output = wiring.settings.output
        self._record = runs.RunRecord(wiring.lake, planned.plan, planned.run)
        self._writer = RunWriter(wiring.lake, self._run, output.checkpoints_kept)
        # Rows of a file can be computed again, so they wait longer and files grow larger.
        commit_s = output.commit_s if source.info.is_live else output.commit_file_s
        self._batch = Batch(
            commit_s, output.commit_rows, time.monotonic, is_first_at_once=job.is_watched
        )
        self._log = JobLog(self._run)
        self._rows = 0
        self._segments = 0
        self._last_ms = 0
        self._checkpoint_bytes_max = 0
        self._is_finished = False

    def go(self, on_progress: Progress, is_stopped: Callable[[], bool]) -> Outcome:
        started_s = time.monotonic()
        self._log.started(self._source.info, self._planned.plan)
        recovered = self._start()
        self._log.resumed(recovered.sequence)
        state = _restored(recovered)
        parts = self._wiring.worker_parts(self._planned.registration)
        worker = StreamWorker(parts, self._run, state)
        self._wiring.live.begin_run(self._run, is_resume=state is not None)
        self._reach(worker)
        first_ms = self._last_ms
        for result in self._results(worker, recovered.sequence, is_stopped):
            self._take(result, worker)
            on_progress(self._last_ms, _whole_ms(self._source), self._rows)
        self._end(worker)
        elapsed_s = time.monotonic() - started_s
        self._log.ended(
            is_finished=self._is_finished, media_ms=self._last_ms - first_ms, elapsed_s=elapsed_s
        )
        return Outcome(
            run=self._run,
            is_finished=self._is_finished,
            resumed_after=recovered.sequence,
            segment_count=self._segments,
            duration_ms=self._last_ms,
            elapsed_s=elapsed_s,
            checkpoint_bytes_max=self._checkpoint_bytes_max,
        )

    def _start(self) -> Recovered:
        """Record the run, then bring the tables to where an earlier attempt left them."""
        if self._record.begin(is_replace=self._job.is_replace):
            self._writer.replace()
            self._record.start()
            return Recovered(-1, None)
        before = self._standings()
        try:
            recovered = self._writer.recover()
        except SinkError:
            # Whoever finished the run meanwhile has also cleared its checkpoints.
            self._record.check()
            raise
        after = self._standings()
        self._log.recovered([table for table in after if after[table] != before[table]])
        return recovered

    def _standings(self) -> dict[str, int | None]:
        """Return where the run stands in each table, nothing where nobody listens."""
        if not self._log.is_heard:
            return {}
        lake, application = self._wiring.lake, self._run.application
        return {table: lake.standing(table, application)[0] for table in COMMIT_ORDER}

    def _results(
        self, worker: StreamWorker, resume_after: int, is_stopped: Callable[[], bool]
    ) -> Iterator[SegmentResult]:
        after = resume_after if resume_after >= 0 else None
        for segment in self._source.segments(self._planned.identity, after):
            yield worker.process(segment)
            if is_stopped():
                if not self._source.info.is_live:
                    return
                self._source.stop()  # a camera ends with an end-of-stream segment
        self._is_finished = True

    def _take(self, result: SegmentResult, worker: StreamWorker) -> None:
        self._segments += 1
        self._rows += len(result.frames)
        self._reach(worker)
        self._wiring.live.publish(self._run, result)
        count_segment(self._wiring.metrics, result)
        self._log.segment(result)
        self._batch.add(result)
        if self._batch.is_due:
            self._commit(worker)

    def _reach(self, worker: StreamWorker) -> None:
        """Note the time covered: in event time, which goes on evenly where media time jumps."""
        if worker.state.last_event_ms is not None:
            covered_ms = worker.state.last_event_ms - self._planned.plan.start_ms
            self._last_ms = max(self._last_ms, covered_ms)

    def _commit(self, worker: StreamWorker) -> None:
        last = self._batch.last
        assert last is not None
        started_s = time.monotonic()
        rows = self._batch.take()
        size_bytes = self._writer.commit(last.sequence, worker.state.to_json(), rows)
        elapsed_s = time.monotonic() - started_s
        metrics = self._wiring.metrics
        row_counts = {table: len(frame) for table, frame in rows.items()}
        count_commit(metrics, row_counts, elapsed_s, size_bytes)
        self._log.committed(last.sequence, row_counts, elapsed_s)
        gauge_live(metrics, self._wiring.live)
        self._checkpoint_bytes_max = max(self._checkpoint_bytes_max, size_bytes)
        self._wiring.live.mark_committed(self._run, last)

    def _end(self, worker: StreamWorker) -> None:
        if self._batch.last is not None:
            self._commit(worker)
        if self._is_finished:
            self._record.finish(self._last_ms)
            self._writer.finish()
            self._wiring.live.end_stream(self._run)


def _restored(recovered: Recovered) -> StreamState | None:
    if recovered.state is None:
        return None
    try:
        return StreamState.from_json(recovered.state)
    except (KeyError, TypeError, ValueError) as error:
        raise SinkError(
            "resume", f"the checkpoint was written by another version: {error!r}", None,
            "analyse the call again with --replace",
        ) from error  # fmt: skip


def _whole_ms(source: Source) -> int | None:
    return None if source.info.duration_ms is None else round(source.info.duration_ms)


def _source_name(name: str) -> str:
    """Return the last part of a source's name; bytes of it that are no text are written out."""
    last = PurePath(name).name or "live"
    return last.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _anchor(job: Job, source: Source) -> tuple[int, AnchorSource]:
    if job.start_ms is not None:
        return job.start_ms, AnchorSource.START_OPTION
    if source.info.is_live:
        return int(datetime.now(UTC).timestamp() * 1000), AnchorSource.PUBLISHER
    if source.info.created_at_ms is not None:
        return source.info.created_at_ms, AnchorSource.CONTAINER
    return 0, AnchorSource.NONE


def _stream_id(source: Source, call_id: str, start_ms: int) -> str:
    """Return the call's own name; a camera that is started again is another stream of the call."""
    return f"{call_id}.{_clock(start_ms)}" if source.info.is_live else call_id


def _clock(unix_ms: int) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, tz=UTC):%Y%m%dT%H%M%S}"


def _call_id(source: Source, start_ms: int) -> str:
    if source.info.content_sha256 is not None:
        return source.info.content_sha256[:CALL_ID_DIGITS]
    return f"live-{_clock(start_ms)}"
