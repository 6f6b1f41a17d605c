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
from pathlib import Path

import psutil
import pytest

from pipeline.importing.pool import Advanced, Ended, run_jobs
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
