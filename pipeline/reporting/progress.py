"""Progress on stderr: media time reached, speed against real time, rows made."""

import time
from pathlib import PurePath
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipeline.importing.imports import Reported
from pipeline.reporting.words import clock
from schemas.errors import escape_controls

LINE_EVERY_S = 10.0
# Finished bars that stay on the screen, so that a folder of a thousand files does not fill it.
BARS_MAX = 8
# Lines about recordings that were not analysed; a report holds all of them.
COMPLAINTS_MAX = 20
# Leaves room for a bar in 80 columns.
NAME_LENGTH_MAX = 28


def short_name(name: str) -> str:
    """Return the last part of a source's name, shortened in the middle, safe for a terminal."""
    text = escape_controls(PurePath(name).name or name)
    if len(text) <= NAME_LENGTH_MAX:
        return text
    tail = (NAME_LENGTH_MAX - 1) // 2
    return f"{text[: NAME_LENGTH_MAX - 1 - tail]}…{text[-tail:]}"


class _Name(ProgressColumn):
    """The task's name, taken as plain text."""

    def render(self, task: Task) -> Text:
        """Return the name."""
        return Text(task.description)


class _Clock(ProgressColumn):
    """Media time reached, and the whole where it is known."""

    def render(self, task: Task) -> Text:
        """Return m:ss / m:ss."""
        whole = f" / {clock(task.total / 1000)}" if task.total else ""
        return Text(f"{clock(task.completed / 1000)}{whole}", style="cyan")


class Display:
    """Bars on stderr; where that is no terminal they are silent and lines take their place."""

    def __init__(self, *columns: ProgressColumn) -> None:
        console = Console(stderr=True)
        self.progress = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Self:
        """Start drawing."""
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing and leave the bars as they are."""
        self.progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self.progress.console.print(
            escape_controls(text), markup=False, highlight=False, soft_wrap=True
        )


class Bars(Display):
    """One bar per job of a run."""

    def __init__(self) -> None:
        note = TextColumn("{task.fields[note]}")
        super().__init__(_Name(), BarColumn(bar_width=None), _Clock(), note)

    def of(self, name: str) -> "Bar":
        """Return the bar of one job."""
        if len(self.progress.task_ids) >= BARS_MAX:
            self.progress.remove_task(self.progress.task_ids[0])
        shown = short_name(name)
        task = self.progress.add_task(shown, total=None, note="")
        return Bar(self, task, shown)


class Bar:
    """The bar of one job; called with what `pipeline.jobs.Progress` is told."""

    def __init__(self, bars: Bars, task: TaskID, name: str) -> None:
        self._bars = bars
        self._task = task
        self._name = name
        self._started_s = self._said_s = time.monotonic()
        self._first_ms: int | None = None

    def __call__(self, media_ms: int, duration_ms: int | None, row_count: int) -> None:
        """Take how far the job has come."""
        now_s = time.monotonic()
        if self._first_ms is None:
            self._first_ms = 0 if media_ms < 15_000 else media_ms
        speed = (media_ms - self._first_ms) / 1000 / max(now_s - self._started_s, 1e-3)
        # A still has no length, so no speed.
        note = f"{speed:.1f}x, {row_count} rows" if speed > 0 else f"{row_count} rows"
        total = None if duration_ms is None else max(duration_ms, media_ms)
        if self._task in self._bars.progress.task_ids:
            self._bars.progress.update(self._task, completed=media_ms, total=total, note=note)
        if self._bars.progress.disable and now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            self._bars.say(f"{self._name}: {clock(media_ms / 1000)}, {note}")


class ImportBars(Display):
    """One bar over the lines of a list, and a line per recording that was not analysed."""

    def __init__(self, line_count: int) -> None:
        note = TextColumn("{task.fields[note]}")
        super().__init__(
            _Name(), BarColumn(bar_width=None), MofNCompleteColumn(), note, TimeRemainingColumn()
        )
        self._task = self.progress.add_task("calls", total=line_count, note="")
        self._reached_ms: dict[int, int] = {}
        self._reached_ms_total = 0
        self._ended = 0
        self._complaints = 0
        self._count = line_count
        self._started_s = self._said_s = time.monotonic()

    def on_advance(self, line: int, media_ms: int) -> None:
        """Take how far one line's job has come."""
        self._reach(line, media_ms)
        self._draw()

    def on_end(self, report: Reported) -> None:
        """Take what became of one line; say so where it was not analysed."""
        self._ended += 1
        if report.video_s:
            self._reach(report.line, round(report.video_s * 1000))
        self._reached_ms.pop(report.line, None)
        if report.state in {"refused", "failed"}:
            self._complain(report)
        self._draw()

    def _reach(self, line: int, media_ms: int) -> None:
        self._reached_ms_total += media_ms - self._reached_ms.get(line, 0)
        self._reached_ms[line] = media_ms

    def _complain(self, report: Reported) -> None:
        self._complaints += 1
        if self._complaints <= COMPLAINTS_MAX:
            self.say(f"facestate: line {report.line}, {report.path}: {report.why}")
        elif self._complaints == COMPLAINTS_MAX + 1:
            self.say("facestate: more lines are not analysed; the report lists them all")

    def _draw(self) -> None:
        now_s = time.monotonic()
        speed = self._reached_ms_total / 1000 / max(now_s - self._started_s, 1e-3)
        note = f"{clock(self._reached_ms_total / 1000)} of video, {speed:.1f}x"
        self.progress.update(self._task, completed=self._ended, note=note)
        if self.progress.disable and now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            self.say(f"{self._ended} of {self._count} calls, {note}")
