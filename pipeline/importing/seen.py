"""Files whose calls are finished, by place, size and time of change: spares reading them again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from operators.policy import POLICY_ID
from pipeline.jobs import Job
from pipeline.lake.tables import Lake
from pipeline.runs import ANALYSIS_REVISION, latest_rows
from pipeline.settings import Settings, result_hash
from schemas.errors import SinkError
from schemas.names import RunState

FILE_NAME = "_seen.jsonl"
# About two million files; a larger journal is not read, and its files are hashed again.
FILE_BYTES_MAX = 256 * 1024 * 1024


class SeenFiles:
    """A journal beside the tables; what it says counts only where the tables say so too."""

    def __init__(self, lake: Lake, settings: Settings, tenant: str, model_id: str) -> None:
        """Read the journal; lines that are damaged are passed over."""
        self._path = lake.folder / FILE_NAME
        self._common = [tenant, ANALYSIS_REVISION, model_id, POLICY_ID, result_hash(settings)]
        self._seen = dict(_lines(self._path))
        self._finished = _finished(lake, tenant) if self._seen else set()

    def find(self, job: Job) -> tuple[str, str] | None:
        """Return call and run of a job that is finished and whose file did not change since."""
        if job.is_replace or not self._seen:
            return None
        found = self._seen.get(self._key(job))
        if found is None or found not in self._finished:
            return None
        call_id, _, run_id = found
        return call_id, run_id

    def add(self, jobs: Iterable[tuple[Job, str, str]]) -> None:
        """Write down finished jobs with their call and run."""
        lines = []
        for job, call_id, run_id in jobs:
            key = self._key(job)
            if key and key not in self._seen:
                lines.append(json.dumps([key, call_id, job.stream_id or call_id, run_id]) + "\n")
        if not lines:
            return
        try:
            with self._path.open("a", encoding="ascii") as file:
                file.write("".join(lines))
        except OSError as error:
            text = f"cannot be written: {error.strerror}"
            raise SinkError("import", text, str(self._path), "free some space") from error

    def _key(self, job: Job) -> str:
        """Return a hash of everything that decides the job's rows, "" where the file is gone."""
        try:
            status = Path(job.spec.location).stat()
        except OSError:
            return ""
        parts = [
            *self._common, job.spec.location, status.st_size, status.st_mtime_ns, repr(job.whose),
            job.call_id, job.stream_id, job.run_id, job.start_ms,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _lines(path: Path) -> Iterable[tuple[str, tuple[str, str, str]]]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            key, *names = json.loads(line)
            call_id, stream_id, run_id = names
        except (ValueError, TypeError):
            continue
        yield key, (call_id, stream_id, run_id)


def _finished(lake: Lake, tenant: str) -> set[tuple[Any, ...]]:
    rows = latest_rows(lake, tenant).filter(pl.col("state") == str(RunState.FINISHED))
    return set(rows.select("call_id", "stream_id", "run_id").iter_rows())
