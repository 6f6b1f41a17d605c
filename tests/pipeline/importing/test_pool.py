"""Goal: jobs run in processes that die alone, stop when told and end with their parent.

Method: real processes and real weights on made videos; on a clip where a job must take a while.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import psutil
import pytest

from pipeline.importing.pool import Advanced, Ended, _Member, _Pool, limit_threads, run_jobs
from pipeline.jobs import Job
from pipeline.registrations import Whose
from pipeline.settings import Settings, load_settings
from pipeline.sources.resolve import resolve_inputs
from tests.commands import REPOSITORY, wait_for
from tests.videos import video


@pytest.fixture
def settings(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(weights.resolve()))
    return load_settings(
        overrides={"output.folder": str(tmp_path / "out"), "output.commit_file_s": 0.2},
        environ={},
    )


def job_of(path: Path, call_id: str) -> Job:
    return Job(resolve_inputs([str(path)])[0], Whose(role="customer"), call_id=call_id)


def ended(events: list[Advanced | Ended]) -> list[Ended]:
    return sorted((e for e in events if isinstance(e, Ended)), key=lambda end: end.index)


def never() -> bool:
    return False


def test_each_job_ends_once_with_its_outcome_or_its_error(settings, tmp_path):
    (tmp_path / "good.mp4").write_bytes(video(20))
    (tmp_path / "bad.mp4").write_text("this is no video")
    jobs = [job_of(tmp_path / "good.mp4", "a"), job_of(tmp_path / "bad.mp4", "b"),
            job_of(tmp_path / "good.mp4", "c")]  # fmt: skip
    first, second, third = ended(list(run_jobs(jobs, settings, 2, never)))
    assert (first.index, second.index, third.index) == (0, 1, 2)
    assert first.outcome.is_finished
    assert third.outcome.is_finished
    assert second.outcome is None
    assert "not a video" in second.error
    (again,) = ended(list(run_jobs(jobs[:1], settings, 1, never)))
    assert again.already_there == ("a", first.outcome.run.run_id)
    assert multiprocessing.active_children() == []


def test_recordings_with_one_content_and_no_name_are_done_once(settings, tmp_path):
    body = video(20)
    paths = [tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    for path in paths:
        path.write_bytes(body)
    jobs = [replace(job_of(path, ""), call_id=None) for path in paths]
    ends = ended(list(run_jobs(jobs, settings, 3, never)))
    assert [end.error for end in ends if end.already_there is None] == [""]
    done = [end for end in ends if end.outcome is not None]
    assert [end.outcome.is_finished for end in done] == [True]
    run = done[0].outcome.run
    assert [end.already_there for end in ends if end.outcome is None] == [
        (run.call_id, run.run_id)
    ] * 2


class FakePool(_Pool):
    """A pool whose members are pipes without processes."""

    def __init__(self, job_count: int, member_count: int) -> None:
        job = Job(resolve_inputs(["webcam:0"])[0], Whose(role="customer"))
        super().__init__([job] * job_count, load_settings(environ={}), is_alone=False)
        self.theirs = []
        for _ in range(member_count):
            ours, theirs = multiprocessing.Pipe()
            self._members.append(_Member(None, ours))
            self.theirs.append(theirs)

    def taken(self) -> list[int | None]:
        """Hand out what waits; return per member the task it was sent, None without a new one."""
        self.is_busy(is_stopped=False)
        return [pipe.recv()[0] if pipe.poll() else None for pipe in self.theirs]

    def end(self, member: int, index: int, *, is_fenced: bool = False) -> list[Ended]:
        self.theirs[member].send(Ended(index, None, is_fenced=is_fenced))
        return list(self.events())


def test_an_overtaken_job_is_tried_again_alone_when_all_others_have_ended():
    pool = FakePool(job_count=4, member_count=2)
    assert pool.taken() == [0, 1]
    assert pool.end(1, 1, is_fenced=True) == []
    assert pool.taken() == [None, 2]
    assert pool.end(0, 0, is_fenced=True) == []
    assert pool.taken() == [3, None]
    assert [end.index for end in pool.end(1, 2)] == [2]
    assert pool.taken() == [None, None], "one is still in hand"
    assert [end.index for end in pool.end(0, 3)] == [3]
    first, nobody = pool.taken()
    assert (first, nobody) == (0, None)
    assert [end.index for end in pool.end(0, 0)] == [0]
    assert pool.taken() == [1, None]
    assert [end.is_fenced for end in pool.end(0, 1, is_fenced=True)] == [True]
    assert not pool.is_busy(is_stopped=False)


def test_an_overtaken_job_is_not_begun_again_when_work_stops():
    pool = FakePool(job_count=1, member_count=1)
    assert pool.taken() == [0]
    assert pool.end(0, 0, is_fenced=True) == []
    assert not pool.is_busy(is_stopped=True)


def test_several_processes_share_the_cores_with_one_thread_of_each_kind():
    before = cv2.getNumThreads()
    try:
        assert limit_threads(is_alone=True) > 1
        assert cv2.getNumThreads() == before
        assert limit_threads(is_alone=False) == 1
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_a_process_that_dies_is_replaced_and_its_job_goes_on(settings, clips):
    jobs = [job_of(clips / "pyfeat_pexels_woman.mp4", "a")]
    events = run_jobs(jobs, settings, 1, never)
    assert isinstance(next(events), Advanced)
    wait_for(lambda: list(Path(settings.output.folder).glob("lake/frames/*/*.parquet")))
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGKILL)
    (end,) = ended(list(events))
    assert end.outcome.is_finished
    assert end.outcome.resumed_after >= 0


def test_a_job_that_kills_every_process_is_given_up_and_the_others_go_on(settings, clips, tmp_path):
    (tmp_path / "good.mp4").write_bytes(video(20))
    jobs = [job_of(clips / "webcam_talk_cap12.mp4", "a"), job_of(tmp_path / "good.mp4", "b")]
    events = []
    for event in run_jobs(jobs, settings, 1, never):
        events.append(event)
        if isinstance(event, Advanced) and event.index == 0:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)
    first, second = ended(events)
    assert first.outcome is None
    assert "died" in first.error
    assert second.outcome.is_finished


def test_when_told_to_stop_jobs_in_hand_end_after_their_segment(settings, clips):
    job = job_of(clips / "webcam_talk_cap12.mp4", "a")
    has_advanced = threading.Event()
    events = run_jobs([job, job], settings, 1, has_advanced.is_set)
    assert isinstance(next(events), Advanced)
    has_advanced.set()
    (end,) = ended(list(events))
    assert not end.outcome.is_finished
    assert 0 < end.outcome.segment_count < 6


def test_closing_the_generator_ends_the_processes(settings, clips):
    events = run_jobs([job_of(clips / "webcam_talk_cap12.mp4", "a")], settings, 1, never)
    with closing(events):
        next(events)
    assert multiprocessing.active_children() == []


PARENT = """
import sys
import threading
from pathlib import Path
from pipeline.importing.pool import run_jobs
from pipeline.settings import load_settings
from tests.pipeline.importing.test_pool import job_of, never
if __name__ == "__main__":
    clip, out = Path(sys.argv[1]), sys.argv[2]
    settings = load_settings(overrides={"output.folder": out}, environ={})
    for event in run_jobs([job_of(clip, "a"), job_of(clip, "b")], settings, 2, never):
        print("advanced", flush=True)
"""


def test_processes_of_a_killed_parent_end_by_themselves(settings, clips, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    args = [sys.executable, str(script), str(clips / "webcam_talk_cap12.mp4"), str(tmp_path / "o")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(args, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline()
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
