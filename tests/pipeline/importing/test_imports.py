"""Goal: every line of a list ends in one report, tags are kept, known files are not read again.

Method: a fake in place of the pool of processes, which ends jobs as it is told; a real lake.
"""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.importing.call_list import Listed, read_list
from pipeline.importing.imports import REPORT_COLUMNS, Import, Reported, counts, write_report
from pipeline.importing.pool import Advanced, Ended
from pipeline.importing.tags import current_tags
from pipeline.jobs import Job, Outcome
from pipeline.lake.tables import Lake
from pipeline.lake.writer import StreamRun
from pipeline.registrations import Whose
from pipeline.reporting.progress import COMPLAINTS_MAX, ImportBars
from pipeline.runs import RunPlan, RunRecord
from pipeline.settings import Settings, load_settings
from schemas.errors import SinkError
from schemas.registration import Region, Registration


def run_of(job: Job) -> StreamRun:
    call_id = job.call_id or "unnamed"
    return StreamRun(job.tenant, call_id, job.stream_id or call_id, "run-1")


@dataclass
class FakePool:
    """Ends jobs as `ends` says by call, by default finished; records the runs of those."""

    lake: Lake
    ends: dict[str, Ended] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(
        self, jobs: Sequence[Job], settings: Settings, count: int, is_stopped: Callable[[], bool]
    ) -> Iterator[Advanced | Ended]:
        for index, job in enumerate(jobs):
            if is_stopped():
                return
            self.asked.append(job.call_id or "")
            yield Advanced(index, 500, 3)
            yield self._end(index, job)

    def _end(self, index: int, job: Job) -> Ended:
        if (end := self.ends.get(job.call_id or "")) is not None:
            return Ended(index, None, end.error, end.already_there, end.is_disk_full)
        record = RunRecord(self.lake, plan_of(job), run_of(job))
        record.begin(is_replace=True)
        record.finish(1000)
        outcome = Outcome(
            run=run_of(job), is_finished=True, resumed_after=-1, segment_count=1,
            duration_ms=1000, elapsed_s=0.5, checkpoint_bytes_max=10,
        )  # fmt: skip
        return Ended(index, outcome)


def plan_of(job: Job) -> RunPlan:
    region = Region(participant_id="customer", role="customer")
    registration = Registration(call_id="c", stream_id="c", regions=(region,))
    return RunPlan(registration, "m", "p", 5.0, "s", "a.mp4", "0" * 64, 0, "none")


@dataclass
class FakeWatch:
    ended: list[Reported] = field(default_factory=list)
    reached: list[tuple[int, int]] = field(default_factory=list)

    def on_advance(self, line: int, media_ms: int) -> None:
        self.reached.append((line, media_ms))

    def on_end(self, report: Reported) -> None:
        self.ended.append(report)


@dataclass
class Place:
    """A folder with a list of calls, and the import of it."""

    folder: Path
    settings: Settings
    pool: FakePool

    def listed(self, *lines: str, **options: bool) -> list[Listed]:
        path = self.folder / "calls.csv"
        path.write_text("path,call_id,team\n" + "".join(f"{line}\n" for line in lines))
        return read_list(path, Whose(role="customer"), "default", **options)

    def go(self, listed: list[Listed], is_stopped: Callable[[], bool] = lambda: False,
           watch: FakeWatch | None = None, model_id: str = "m") -> list[Reported]:  # fmt: skip
        work = Import(listed, self.settings, "default", model_id, self.pool)
        return work.go(2, watch or FakeWatch(), is_stopped)

    @property
    def tags(self) -> dict[str, str]:
        return {call: value for call, _, value in
                current_tags(self.pool.lake, "default").iter_rows()}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    out = tmp_path / "out"
    settings = load_settings(overrides={"output.folder": str(out)}, environ={})
    return Place(tmp_path, settings, FakePool(Lake(out)))


def states(reports: list[Reported]) -> list[tuple[int, str]]:
    return [(report.line, report.state) for report in reports]


def test_every_line_gets_one_report_in_the_lists_order(place):
    place.pool.ends = {"c2": Ended(0, None, "broken"), "c3": Ended(0, None, "", ("c3", "run-9"))}
    watch = FakeWatch()
    listed = place.listed("a.mp4,c1,x", "a.mp4,c2,x", "no.mp4,c4,x", "b.mp4,c3,y", "b.mp4,c5,z")
    reports = place.go(listed, watch=watch)
    assert states(reports) == [
        (2, "done"), (3, "failed"), (4, "refused"), (5, "already_there"), (6, "done"),
    ]  # fmt: skip
    assert sorted(watch.ended, key=lambda report: report.line) == reports
    assert [report.why for report in reports if report.state == "failed"] == ["broken"]
    assert reports[0].video_s == 1.0
    assert (reports[3].call_id, reports[3].run_id) == ("c3", "run-9")
    assert counts(reports) == {"done": 2, "failed": 1, "refused": 1, "already_there": 1}


def test_tags_are_kept_of_finished_calls_and_of_those_that_were_there(place):
    place.pool.ends = {"c2": Ended(0, None, "broken"), "c3": Ended(0, None, "", ("c3", "run-9"))}
    place.go(place.listed("a.mp4,c1,x", "a.mp4,c2,x", "b.mp4,c3,y"))
    assert place.tags == {"c1": "x", "c3": "y"}


def test_a_second_import_opens_no_file_again_and_takes_new_tags(place):
    place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,x"))
    place.pool.asked.clear()
    reports = place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,other"))
    assert place.pool.asked == []
    assert states(reports) == [(2, "already_there"), (3, "already_there")]
    assert [report.call_id for report in reports] == ["c1", "c2"]
    assert place.tags == {"c1": "x", "c2": "other"}


def test_a_file_that_changed_is_looked_at_again(place):
    place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,x"))
    place.pool.asked.clear()
    (place.folder / "a.mp4").write_text("changed")
    os.utime(place.folder / "b.mp4", (1, 1))
    place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,x"))
    assert place.pool.asked == ["c1", "c2"]


def test_other_options_models_and_replacing_are_looked_at_again(place):
    place.go(place.listed("a.mp4,c1,x"))
    place.pool.asked.clear()
    place.go(place.listed("a.mp4,c1,x"), model_id="other")
    place.go(place.listed("a.mp4,c1,x", is_replace=True))
    path = place.folder / "calls.csv"
    place.go(read_list(path, Whose(role="agent"), "default"))
    assert place.pool.asked == ["c1", "c1", "c1"]


def test_what_the_tables_do_not_know_is_not_taken_from_the_journal(place):
    place.go(place.listed("a.mp4,c1,x"))
    journal = place.pool.lake.folder / "_seen.jsonl"
    kept = journal.read_text()
    for path in sorted((place.pool.lake.folder / "runs").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    place.pool.asked.clear()
    place.go(place.listed("a.mp4,c1,x"))
    assert place.pool.asked == ["c1"]
    journal.write_bytes(b'\xff{"half\n[1]\nnull\n' + kept.encode())
    place.pool.asked.clear()
    place.go(place.listed("a.mp4,c1,x"))
    assert place.pool.asked == []


def test_after_a_full_disk_no_line_is_begun(place):
    place.pool.ends = {"c1": Ended(0, None, "no space is left", is_disk_full=True)}
    reports = place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,x"))
    assert states(reports) == [(2, "failed"), (3, "not_done")]
    assert place.pool.asked == ["c1"]


def test_lines_not_begun_when_it_was_stopped_are_not_done(place):
    reports = place.go(place.listed("a.mp4,c1,x", "b.mp4,c2,x"), lambda: bool(place.pool.asked))
    assert states(reports) == [(2, "done"), (3, "not_done")]
    assert place.tags == {"c1": "x"}


def test_what_is_known_is_written_as_it_goes_and_not_only_at_the_end(place, monkeypatch):
    monkeypatch.setattr("pipeline.importing.imports.FLUSH_EVERY", 2)
    seen: list[int] = []

    def is_stopped() -> bool:
        seen.append(len(place.tags))
        return False

    place.go(place.listed(*(f"a.mp4,c{n},x" for n in range(5))), is_stopped)
    assert seen == [0, 0, 2, 2, 4]


def test_the_report_is_a_csv_file_that_reads_back(tmp_path):
    reports = [Reported(2, 'a,"b"\nc.mp4', "failed", why="why, so"), Reported(3, "\udcff", "done")]
    path = write_report(tmp_path / "out", reports)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == REPORT_COLUMNS
    assert (rows[0]["path"], rows[0]["why"]) == ('a,"b"\nc.mp4', "why, so")
    assert rows[1]["path"] == r"\udcff"
    assert list((tmp_path / "out").iterdir()) == [path]


def test_a_report_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="report"):
        write_report(tmp_path / "file", [])


def test_complaints_are_told_up_to_a_bound(capsys):
    with ImportBars(100) as bars:
        for line in range(100):
            bars.on_end(Reported(line, f"{line}.mp4", "refused", why="so it is"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == COMPLAINTS_MAX + 1
    assert lines[0] == "facestate: line 0, 0.mp4: so it is"
    assert "the report" in lines[-1]
