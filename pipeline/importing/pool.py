"""A pool of processes for jobs: each builds its parts once and ends with its parent."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import cv2

from operators.containers import DECODER_THREADS
from pipeline.jobs import Job, Outcome, Progress, run_job
from pipeline.logs import configure_logs
from pipeline.settings import Settings
from pipeline.wiring import Wiring, wire
from schemas.errors import AlreadyThereError, DiskFullError, FacestateError, FencedError

REPORT_EVERY_S = 0.3
POLL_S = 0.5
# A segment in hand is finished within this time when work stops, or its process is ended.
STOP_S_MAX = 60.0
# The same where the parent was killed, or the user does not want to wait.
ORPHAN_S_MAX = 3.0
# A job whose process died, or whose stream another job wrote, may have been in bad company; a
# second time is its own fault.
ATTEMPTS_MAX = 2
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Advanced:
    """A job moved on."""

    index: int
    media_ms: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A job ended: with an outcome, or with the error that stopped it.

    `already_there` names call and run where the video had been analysed before; `is_disk_full`
    says that no other job can end better, `is_fenced` that another process wrote the same stream.
    """

    index: int
    outcome: Outcome | None
    error: str = ""
    already_there: tuple[str, str] | None = None
    is_disk_full: bool = False
    is_fenced: bool = False


@dataclass(frozen=True, slots=True)
class _Task:
    index: int
    job: Job
    attempt: int = 1


@dataclass
class _Member:
    process: BaseProcess
    pipe: Connection
    task: _Task | None = None


def run_jobs(
    jobs: Sequence[Job], settings: Settings, process_count: int, is_stopped: Callable[[], bool]
) -> Generator[Advanced | Ended, None, None]:
    """Run jobs in `process_count` processes; yield what happens, one `Ended` per job.

    When `is_stopped` turns true, jobs in hand stop after their segment and none is begun; what
    was not begun or waits for its second attempt has no `Ended` then. A process that dies is
    replaced, and its job tried once more from where it was. A job whose stream another one wrote
    (two recordings with the same content) is tried once more when all others have ended. Close
    the generator to end the processes.
    """
    process_count = min(process_count, len(jobs))
    pool = _Pool(jobs, settings, is_alone=process_count <= 1)
    patience_s = ORPHAN_S_MAX
    try:
        for _ in range(process_count):
            pool.hire()
        while pool.is_busy(is_stopped=is_stopped()):
            yield from pool.events()
        patience_s = STOP_S_MAX
    finally:
        pool.dismiss(patience_s)


class _Pool:
    """The processes, and the tasks that wait for one."""

    def __init__(self, jobs: Sequence[Job], settings: Settings, *, is_alone: bool) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._settings = settings
        self._waiting = [_Task(index, job) for index, job in enumerate(jobs)][::-1]
        self._fenced: list[_Task] = []
        self._members: list[_Member] = []
        self._is_alone = is_alone

    def hire(self) -> None:
        """Start one more process, deaf to Ctrl-C from its first moment."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._settings, self._stop, self._is_alone), daemon=True
        )
        # A new process inherits the mask; the parent hears the signal and sets the stop event.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._members.append(_Member(process, ours))

    def is_busy(self, *, is_stopped: bool) -> bool:
        """Hand out waiting tasks and tell whether any is in hand."""
        if is_stopped:
            self._stop.set()
            self._waiting.clear()
            self._fenced.clear()
        if self._fenced and not self._waiting and not self._is_any_in_hand:
            self._waiting.append(self._fenced.pop())  # alone, so that nobody fences it again
        for member in self._members:
            if member.task is None and self._waiting:
                member.task = self._waiting.pop()
                # One that died while idle is found, as any other, by the end of its pipe.
                with contextlib.suppress(OSError):
                    member.pipe.send((member.task.index, member.task.job))
        return self._is_any_in_hand

    @property
    def _is_any_in_hand(self) -> bool:
        return any(member.task is not None for member in self._members)

    def events(self) -> Iterator[Advanced | Ended]:
        """Yield what busy processes said within `POLL_S`."""
        busy = {member.pipe: member for member in self._members if member.task is not None}
        for pipe in wait(list(busy), POLL_S):
            assert isinstance(pipe, Connection)
            member = busy[pipe]
            try:
                event = pipe.recv()
            except (EOFError, OSError):
                yield from self._bury(member)
                continue
            if isinstance(event, Ended):
                task, member.task = member.task, None
                if self._is_put_off(task, event):
                    continue
            yield event

    def dismiss(self, patience_s: float) -> None:
        """Let every process finish its segment and end, and end those that do not in time."""
        self._stop.set()
        for member in self._members:
            member.pipe.close()
        end_s = time.monotonic() + patience_s
        for member in self._members:
            member.process.join(max(0.0, end_s - time.monotonic()))
            if member.process.is_alive():
                member.process.kill()
                member.process.join()

    def _is_put_off(self, task: _Task | None, end: Ended) -> bool:
        """Keep a job that another one overtook for later; tell whether it was."""
        assert task is not None
        if not end.is_fenced or task.attempt >= ATTEMPTS_MAX or self._stop.is_set():
            return False
        self._fenced.append(_Task(task.index, task.job, task.attempt + 1))
        return True

    def _bury(self, member: _Member) -> Iterator[Ended]:
        """Replace a process that died, and put its task back or give it up."""
        task = member.task
        assert task is not None
        self._members.remove(member)
        member.pipe.close()
        member.process.join(STOP_S_MAX)
        if task.attempt < ATTEMPTS_MAX and not self._stop.is_set():
            self._waiting.append(_Task(task.index, task.job, task.attempt + 1))
        else:
            text = f"the process that worked on it died (exit code {member.process.exitcode})"
            yield Ended(task.index, None, f"{text}; start the import again to go on")
        if self._waiting:
            self.hire()


def _work(pipe: Connection, settings: Settings, stop: Event, is_alone: bool) -> None:
    """Take jobs until the pipe closes; runs in a process of its own."""
    orphaned = threading.Event()
    threading.Thread(target=_watch_parent, args=(orphaned,), daemon=True).start()
    configure_logs(settings.logs)

    def is_stopped() -> bool:
        return stop.is_set() or orphaned.is_set()

    with contextlib.suppress(EOFError, OSError):  # the parent closed the pipe, or is gone
        try:
            with wire(
                settings,
                is_live_wanted=settings.redis.url is not None,
                decoder_threads=limit_threads(is_alone=is_alone),
            ) as wiring:
                while True:
                    index, job = pipe.recv()
                    pipe.send(_attempt(index, job, wiring, pipe, is_stopped))
        except FacestateError as error:
            # What every process needs was looked at before the pool; this came up since.
            index, _ = pipe.recv()
            pipe.send(_ended(index, error))


def limit_threads(*, is_alone: bool) -> int:
    """Return how many threads decode; one of each kind where several processes share the cores."""
    if is_alone:
        return DECODER_THREADS
    cv2.setNumThreads(1)
    return 1


def _watch_parent(orphaned: threading.Event) -> None:
    """Ask for an end in good order when the parent is gone, and soon end without it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    orphaned.set()
    time.sleep(ORPHAN_S_MAX)
    os._exit(1)


def _attempt(
    index: int, job: Job, wiring: Wiring, pipe: Connection, is_stopped: Callable[[], bool]
) -> Ended:
    try:
        return Ended(index, run_job(job, wiring, _reporter(pipe, index), is_stopped))
    except FacestateError as error:
        return _ended(index, error)


def _ended(index: int, error: FacestateError) -> Ended:
    there = (error.call_id, error.run_id) if isinstance(error, AlreadyThereError) else None
    return Ended(index, None, str(error), there, is_disk_full=isinstance(error, DiskFullError),
                 is_fenced=isinstance(error, FencedError))  # fmt: skip


def _reporter(pipe: Connection, index: int) -> Progress:
    said_s = time.monotonic()

    def report(media_ms: int, duration_ms: int | None, row_count: int) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= REPORT_EVERY_S:
            said_s = now_s
            with contextlib.suppress(OSError):  # a parent that is gone is missed elsewhere
                pipe.send(Advanced(index, media_ms, row_count))

    return report
