"""Goal: `facestate import` turns a list into tables in parallel, and tells what became of it.

Method: real processes on made videos; what fails before any process starts is run in this one.
"""

import csv
import json
import os
import signal
from pathlib import Path

import pytest

from pipeline.cli.stopping import say_interrupted
from pipeline.importing.tags import current_tags
from pipeline.lake.tables import Lake
from tests.commands import assert_refused, finished, start, told, wait_for
from tests.videos import video


@pytest.fixture
def recordings(place: Path, good: bytes) -> Path:
    """Return a folder with two good recordings, an empty one and one that is none."""
    (place / "a.mp4").write_bytes(good)
    (place / "b.mp4").write_bytes(video(10))
    (place / "empty.mp4").touch()
    (place / "text.mp4").write_text("this is no video")
    return place


def write_list(*lines: str, header: str = "path,call_id,role,team") -> str:
    path = Path("calls.csv").absolute()
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))
    return str(path)


def report_of(out: Path) -> list[dict[str, str]]:
    with (out / "import-report.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_list_is_imported_reported_and_known_the_next_time(recordings):
    out = recordings / "out"
    calls = write_list(
        "a.mp4,c1,customer,x", "empty.mp4,c2,customer,x", "b.mp4,c3,agent,y", "text.mp4,c4,agent,",
        "none.mp4,c5,agent,", "a.mp4,c6,boss,", "a.mp4,c1,customer,twice",
    )  # fmt: skip
    first = finished("import", calls, "--out", str(out), "--jobs", "2", "--json")
    assert first.code == 3
    assert json.loads(first.out)["counts"] == {"done": 2, "failed": 2, "refused": 3}
    assert len(first.lines) == 5
    assert all(line.startswith("facestate: line ") for line in first.lines)
    rows = report_of(out)
    assert [(row["line"], row["state"]) for row in rows] == [
        ("2", "done"), ("3", "failed"), ("4", "done"), ("5", "failed"), ("6", "refused"),
        ("7", "refused"), ("8", "refused"),
    ]  # fmt: skip
    assert all(bool(row["why"]) == (row["state"] != "done") for row in rows)
    tags = current_tags(Lake(out), "default").sort("call_id").rows()
    assert tags == [("c1", "team", "x"), ("c3", "team", "y")]
    for call in ("c1", "c3"):
        assert finished("ledger", call, "--out", str(out)).code == 0
    again = finished("import", write_list("a.mp4,c1,customer,z", "b.mp4,c3,agent,y"),
                     "--out", str(out))  # fmt: skip
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines()[0] == "2 already_there"
    tags = current_tags(Lake(out), "default").sort("call_id").rows()
    assert tags == [("c1", "team", "z"), ("c3", "team", "y")]


def test_options_stand_in_where_a_column_is_missing(recordings):
    out = recordings / "out"
    calls = write_list("a.mp4", header="path")
    said = finished("import", calls, "--out", str(out), "--role", "agent", "--jurisdiction", "EU")
    assert (said.code, said.err) == (0, "")
    (row,) = Lake(out).scan("runs").collect().filter(state="finished").to_dicts()
    registration = json.loads(row["registration"])
    assert registration["jurisdiction"] == "EU"
    assert [region["role"] for region in registration["regions"]] == ["agent"]


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(recordings, capfd):
    calls = write_list("a.mp4,c1,customer,x", "empty.mp4,c2,customer,x", "b.mp4,c3,boss,y")
    said = told(capfd, "import", calls, "--out", "out", "--dry-run", "--json")
    assert said.code == 3
    assert [item["call_id"] for item in json.loads(said.out)] == ["c1"]
    assert ["line 4" in said.lines[0], "empty.mp4" in said.lines[1]] == [True, True]
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("file,role\na.mp4,customer\n", 2, "no column 'path'"),
        ("path;role\na.mp4;customer\n", 2, "separated by commas?"),
        ("path,rol\na.mp4,customer\n", 2, "did you mean 'role'?"),
        ("", 3, "the list is empty"),
        ('path\n"a.mp4\n', 3, "close every quote"),
    ],
)
def test_a_list_that_cannot_be_one_is_refused_in_one_line(recordings, capfd, body, code, words):
    Path("calls.csv").write_text(body)
    said = told(capfd, "import", "calls.csv", "--role", "customer", "--out", "out")
    assert_refused(said, code, words)


@pytest.mark.parametrize(("given", "words"), [("none.csv", "no such list"), (".", "regular file")])
def test_what_is_no_file_is_no_list(recordings, capfd, given, words):
    assert_refused(told(capfd, "import", given, "--out", "out"), 3, words)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--jurisdiction", "EUX"], 2, "did you mean 'EU'?"),
        (["--role", "custmer"], 2, "did you mean 'customer'?"),
        (["--jobs", "0"], 2, "--jobs"),
        (["--tenant", "a/b"], 2, "'a/b'"),
        (["--redis", "redis://127.0.0.1:1"], 5, "cannot connect"),
        (["--out", "a.mp4"], 5, "give --out a folder"),
    ],
)
def test_what_concerns_every_line_is_told_once_and_before_any(
    recordings, capfd, options, code, words
):
    calls = write_list("a.mp4,c1,customer,x", "b.mp4,c2,customer,x")
    assert_refused(told(capfd, "import", calls, "--out", "out", *options), code, words)


def test_without_a_live_view_wanted_the_settings_server_is_not_asked(recordings):
    calls = write_list("a.mp4,c1,customer,x")
    args = ("import", calls, "--out", str(recordings / "out"))
    nowhere = {"FACESTATE_REDIS__URL": "redis://127.0.0.1:1"}
    assert finished(*args, **nowhere).code == 5, "or the next line could not fail"
    said = finished(*args, "--redis", "none", **nowhere)
    assert (said.code, said.err) == (0, "")


def test_help_says_what_is_true_of_an_import(capfd):
    text = " ".join(told(capfd, "import", "--help").out.split())
    assert "--metrics" not in text
    assert "no live view" in text
    assert "server of this machine" not in text
    assert "every call anew" in text


def test_an_interrupted_replacement_says_what_the_same_command_does(capfd):
    say_interrupted(is_replace=True)
    assert "begins every call anew" in capfd.readouterr().err


def test_recordings_with_one_content_and_no_name_are_one_call(recordings):
    for name in ("copy.mp4", "again.mp4"):
        (recordings / name).write_bytes((recordings / "a.mp4").read_bytes())
    calls = write_list("a.mp4", "copy.mp4", "again.mp4", header="path")
    args = ("import", calls, "--out", str(recordings / "out"), "--role", "customer", "--jobs", "3")
    said = finished(*args, "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["counts"] == {"done": 1, "already_there": 2}


def test_missing_weights_are_one_error(recordings, capfd, monkeypatch):
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(recordings / "nowhere"))
    calls = write_list("a.mp4,c1,customer,x", "b.mp4,c2,customer,x")
    said = told(capfd, "import", calls, "--out", "out")
    assert_refused(said, 7, "facestate models fetch")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_ends_the_import_in_good_order(recordings, clips, number):
    out = recordings / "out"
    clip = clips / "webcam_talk_cap12.mp4"
    calls = write_list("a.mp4,c1,customer,x", f"{clip},c2,customer,x", "b.mp4,c3,customer,x")
    process = start("import", calls, "--out", str(out), "--jobs", "1",
                    FACESTATE_OUTPUT__COMMIT_FILE_S="0.1")  # fmt: skip
    wait_for(lambda: "c2" in {row[0] for row in calls_begun(out)} or process.poll() is not None)
    os.killpg(process.pid, number)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("facestate: interrupted")
    assert "Traceback" not in said
    assert [row["state"] for row in report_of(out)] == ["done", "not_done", "not_done"]
    assert "1 done, 2 not_done" in shown
    assert current_tags(Lake(out), "default").rows() == [("c1", "team", "x")]


def calls_begun(out: Path) -> list[tuple[str]]:
    return Lake(out).scan("runs").select("call_id").collect().rows()
