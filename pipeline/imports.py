"""An import: a list of recordings through the pool, its report and its tags."""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pipeline.call_list import Listed
from pipeline.lake.tables import Lake
from pipeline.pool import Advanced, Ended, run_jobs
from pipeline.settings import Settings
from pipeline.tags import record_tags

REPORT_NAME = "import-report.csv"
REPORT_COLUMNS = ("line", "path", "state", "call_id", "run_id", "video_s", "elapsed_s", "why")
# Tags are written for so many finished calls at a time.
TAGS_EVERY = 200


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


class Watch(Protocol):
    """Is told how an import goes."""

    def on_advance(self, item: Listed, media_ms: int, row_count: int) -> None:
        """Take how far one line's job has come."""

    def on_end(self, report: Reported) -> None:
        """Take what became of one line."""


class Import:
    """Runs a list; `go` returns one report per line, in the list's order."""

    def __init__(self, listed: Sequence[Listed], settings: Settings, tenant: str) -> None:
        self._listed = listed
        self._settings = settings
        self._tenant = tenant
        self._lake = Lake(settings.output.folder)
        self._tags: dict[str, dict[str, str]] = {}

    def go(
        self, process_count: int, watch: Watch, is_stopped: Callable[[], bool]
    ) -> list[Reported]:
        """Work through the list; errors of single lines end in their reports."""
        reports = {
            item.line: Reported(item.line, item.path, "refused", why=item.refusal)
            for item in self._listed
            if item.job is None
        }
        for report in reports.values():
            watch.on_end(report)
        todo = [item for item in self._listed if item.job is not None]
        jobs = [item.job for item in todo if item.job is not None]
        for event in run_jobs(jobs, self._settings, process_count, is_stopped):
            item = todo[event.index]
            if isinstance(event, Advanced):
                watch.on_advance(item, event.media_ms, event.row_count)
                continue
            reports[item.line] = report = self._reported(item, event)
            watch.on_end(report)
        self._flush_tags()
        return [
            reports.get(item.line, Reported(item.line, item.path, "not_done"))
            for item in self._listed
        ]

    def _reported(self, item: Listed, event: Ended) -> Reported:
        base = Reported(item.line, item.path, "failed", why=event.error)
        if event.already_there is not None:
            # An attempt that was killed may have finished the call and not recorded its tags.
            call_id, run_id = event.already_there
            self._keep_tags(call_id, item.tags)
            return replace(base, state="already_there", call_id=call_id, run_id=run_id, why="")
        if event.outcome is None:
            return base
        outcome = event.outcome
        if outcome.is_finished:
            self._keep_tags(outcome.run.call_id, item.tags)
        return replace(
            base,
            state="done" if outcome.is_finished else "not_done",
            call_id=outcome.run.call_id,
            run_id=outcome.run.run_id,
            video_s=round(outcome.duration_ms / 1000, 3),
            elapsed_s=round(outcome.elapsed_s, 3),
        )

    def _keep_tags(self, call_id: str, tags: dict[str, str]) -> None:
        if tags:
            self._tags.setdefault(call_id, {}).update(tags)
        if len(self._tags) >= TAGS_EVERY:
            self._flush_tags()

    def _flush_tags(self) -> None:
        if self._tags:
            record_tags(self._lake, self._tenant, self._tags)
            self._tags = {}


def write_report(folder: Path, reports: Sequence[Reported]) -> Path:
    """Write the report beside the tables, replacing that of an earlier import; return its path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORT_COLUMNS)
    for report in reports:
        writer.writerow([getattr(report, name) for name in REPORT_COLUMNS])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT_NAME
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(path)
    return path


def counts(reports: Sequence[Reported]) -> Counter[str]:
    """Return how many lines ended in which state."""
    return Counter(report.state for report in reports)
