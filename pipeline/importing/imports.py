"""An import: a list of recordings through the pool, its report and its tags."""

import csv
import errno
import io
import os
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pipeline.importing.call_list import Listed
from pipeline.importing.pool import Advanced, Ended, run_jobs
from pipeline.importing.seen import SeenFiles
from pipeline.importing.tags import record_tags
from pipeline.jobs import Job
from pipeline.lake.tables import Lake
from pipeline.settings import Settings
from schemas.errors import DiskFullError, SinkError

REPORT_NAME = "import-report.csv"
REPORT_COLUMNS = ("line", "path", "state", "call_id", "run_id", "video_s", "elapsed_s", "why")
# What is known of finished calls is written for so many at a time.
FLUSH_EVERY = 200


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of one line: done, already_there, refused, failed or not_done."""

    line: int
    path: str
    state: str
    call_id: str = ""
    run_id: str = ""
    video_s: float = 0.0
    elapsed_s: float = 0.0
    why: str = ""


Run = Callable[
    [Sequence[Job], Settings, int, Callable[[], bool]], Generator[Advanced | Ended, None, None]
]
"""Runs jobs in so many processes until told to stop: `pool.run_jobs`, or a fake."""


class Watch(Protocol):
    """Is told how an import goes."""

    def on_advance(self, line: int, media_ms: int) -> None:
        """Take how far one line's job has come."""

    def on_end(self, report: Reported) -> None:
        """Take what became of one line."""


class Import:
    """Runs a list; `go` returns one report per line, in the list's order."""

    def __init__(
        self,
        listed: Sequence[Listed],
        settings: Settings,
        tenant: str,
        model_id: str,
        run: Run = run_jobs,
    ) -> None:
        self._listed = listed
        self._run = run
        self._settings = settings
        self._tenant = tenant
        self._lake = Lake(settings.output.folder)
        self._seen = SeenFiles(self._lake, settings, tenant, model_id)
        self._reports: dict[int, Reported] = {}
        self._finished: list[tuple[Listed, Reported]] = []
        self._is_disk_full = False

    def go(
        self, process_count: int, watch: Watch, is_stopped: Callable[[], bool]
    ) -> list[Reported]:
        """Work through the list; errors of single lines end in their reports.

        Once no space is left on the device no further line is begun.
        """
        todo = [item for item in self._listed if not self._settled(item, watch)]
        jobs = [item.job for item in todo if item.job is not None]
        events = self._run(
            jobs, self._settings, process_count, lambda: self._is_disk_full or is_stopped()
        )
        with closing(events):
            for event in events:
                item = todo[event.index]
                if isinstance(event, Advanced):
                    watch.on_advance(item.line, event.media_ms)
                else:
                    self._is_disk_full |= event.is_disk_full
                    self._keep(item, _reported(item, event), watch)
        self._flush()
        return [
            self._reports.get(item.line, Reported(item.line, item.path, "not_done"))
            for item in self._listed
        ]

    def _settled(self, item: Listed, watch: Watch) -> bool:
        """Report a line that needs no process: refused, or known to be there already."""
        if item.job is None:
            report = Reported(item.line, item.path, "refused", why=item.refusal)
        elif found := self._seen.find(item.job):
            report = Reported(item.line, item.path, "already_there", *found)
        else:
            return False
        self._keep(item, report, watch)
        return True

    def _keep(self, item: Listed, report: Reported, watch: Watch) -> None:
        self._reports[item.line] = report
        watch.on_end(report)
        # An attempt that was killed may have finished a call and not recorded its tags.
        if report.state in {"done", "already_there"}:
            self._finished.append((item, report))
        if len(self._finished) >= FLUSH_EVERY:
            self._flush()

    def _flush(self) -> None:
        """Record tags and files of the calls that finished since."""
        tags: dict[str, dict[str, str]] = {}
        for item, report in self._finished:
            tags.setdefault(report.call_id, {}).update(item.tags)
        record_tags(self._lake, self._tenant, tags)
        self._seen.add(
            (item.job, report.call_id, report.run_id)
            for item, report in self._finished
            if item.job is not None
        )
        self._finished = []


def _reported(item: Listed, event: Ended) -> Reported:
    """Return what a job's end means for its line."""
    base = Reported(item.line, item.path, "failed", why=event.error)
    if event.already_there is not None:
        call_id, run_id = event.already_there
        return replace(base, state="already_there", call_id=call_id, run_id=run_id, why="")
    if event.outcome is None:
        return base
    outcome = event.outcome
    return replace(
        base,
        state="done" if outcome.is_finished else "not_done",
        call_id=outcome.run.call_id,
        run_id=outcome.run.run_id,
        video_s=round(outcome.duration_ms / 1000, 3),
        elapsed_s=round(outcome.elapsed_s, 3),
    )


def write_report(folder: Path, reports: Sequence[Reported]) -> Path:
    """Write the report beside the tables, replacing that of an earlier import; return its path.

    Raises SinkError (DiskFullError) where it cannot be written; then the old one stays.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORT_COLUMNS)
    for report in reports:
        writer.writerow([getattr(report, name) for name in REPORT_COLUMNS])
    path = folder / REPORT_NAME
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        kind = DiskFullError if error.errno == errno.ENOSPC else SinkError
        why = f"the report cannot be written: {error.strerror}"
        raise kind("import", why, str(path), "start the same command again") from error
    return path


def counts(reports: Sequence[Reported]) -> Counter[str]:
    """Return how many lines ended in which state."""
    return Counter(report.state for report in reports)
