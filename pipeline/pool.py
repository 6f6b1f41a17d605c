"""A pool of processes for jobs: each builds its parts once and ends with its parent."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

from pipeline.jobs import Job, Outcome, Progress, run_job
from pipeline.logs import configure_logs
from pipeline.settings import Settings
from pipeline.wiring import Wiring, wire
from schemas.errors import AlreadyThereError, FacestateError

REPORT_EVERY_S = 0.3
POLL_S = 0.5
STOP_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Advanced:
    """A job moved on."""

    index: int
    media_ms: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A job ended: with an outcome, or with the error and exit code that stopped it.

    `already_there` names call and run where the video had been analysed before.
    """

    index: int
    outcome: Outcome | None
    error: str = ""
    exit_code: int = 0
    already_there: tuple[str, str] | None = None


@dataclass
class _Member:
    process: BaseProcess
    pipe: Connection
    index: int | None = None


def run_jobs(
    jobs: Sequence[Job], settings: Settings, process_count: int, is_stopped: Callable[[], bool]
) -> Iterator[Advanced | Ended]:
    """Run jobs in `process_count` processes; yield what happens, one `Ended` per started job.

    When `is_stopped` turns true, jobs in hand stop after their segment and none is begun. A
    process that dies takes only its job with it; another takes its place.
    """
    pool = _Pool(jobs, settings)
    try:
        for _ in range(min(process_count, len(jobs))):
            pool.hire()
        while pool.is_busy(is_stopped=is_stopped()):
            yield from pool.events()
    finally:
        pool.dismiss()


class _Pool:
    """The processes, and the jobs that wait for one."""

    def __init__(self, jobs: Sequence[Job], settings: Settings) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._settings = settings
        self._waiting = list(enumerate(jobs))[::-1]
        self._members: list[_Member] = []

    def hire(self) -> None:
        """Start one more process."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._settings, self._stop), daemon=True
        )
        process.start()
        theirs.close()
        self._members.append(_Member(process, ours))

    def is_busy(self, *, is_stopped: bool) -> bool:
        """Hand out waiting jobs and tell whether any is in hand."""
        if is_stopped:
            self._stop.set()
            self._waiting.clear()
        for member in self._members:
            if member.index is None and self._waiting:
                member.index, job = self._waiting.pop()
                member.pipe.send((member.index, job))
        return any(member.index is not None for member in self._members)

    def events(self) -> Iterator[Advanced | Ended]:
        """Yield what busy processes said within `POLL_S`."""
        busy = {member.pipe: member for member in self._members if member.index is not None}
        for pipe in wait(list(busy), POLL_S):
            assert isinstance(pipe, Connection)
            member = busy[pipe]
            try:
                event = pipe.recv()
            except (EOFError, OSError):
                yield self._bury(member)
                continue
            if isinstance(event, Ended):
                member.index = None
            yield event

    def dismiss(self) -> None:
        """Let every process finish its segment and end, and end those that do not."""
        self._stop.set()
        for member in self._members:
            member.pipe.close()
        end_s = time.monotonic() + STOP_S_MAX
        for member in self._members:
            member.process.join(max(0.0, end_s - time.monotonic()))
            if member.process.is_alive():
                member.process.kill()

    def _bury(self, member: _Member) -> Ended:
        self._members.remove(member)
        member.process.join(STOP_S_MAX)
        if self._waiting:
            self.hire()
        assert member.index is not None
        text = f"the process that worked on it died (exit code {member.process.exitcode})"
        return Ended(member.index, None, f"{text}; start the import again to go on", 70)


def _work(pipe: Connection, settings: Settings, stop: Event) -> None:
    """Take jobs until the pipe closes; runs in a process of its own."""
    # The parent hears Ctrl-C and sets `stop`; a parent that was killed cannot, but is missed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    configure_logs(settings.logs)

    def is_stopped() -> bool:
        return stop.is_set() or os.getppid() != parent

    with wire(settings, is_live_wanted=settings.redis.url is not None) as wiring:
        while True:
            try:
                index, job = pipe.recv()
                pipe.send(_attempt(index, job, wiring, pipe, is_stopped))
            except (EOFError, OSError):
                return


def _attempt(
    index: int, job: Job, wiring: Wiring, pipe: Connection, is_stopped: Callable[[], bool]
) -> Ended:
    try:
        return Ended(index, run_job(job, wiring, _reporter(pipe, index), is_stopped))
    except AlreadyThereError as error:
        return Ended(index, None, str(error), error.exit_code, (error.call_id, error.run_id))
    except FacestateError as error:
        return Ended(index, None, str(error), error.exit_code)


def _reporter(pipe: Connection, index: int) -> Progress:
    said_s = time.monotonic()

    def report(media_ms: int, duration_ms: int | None, row_count: int) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= REPORT_EVERY_S:
            said_s = now_s
            with contextlib.suppress(OSError):  # a parent that is gone is noticed by `is_stopped`
                pipe.send(Advanced(index, media_ms, row_count))

    return report
