"""Goal: signals, closed streams and terminals of every kind find a command in good order.

Method: real processes; where a terminal matters they get a pseudo-terminal of 40 columns.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.commands import COMMAND, REPOSITORY, finished, start, wait_for

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Foreground and background colours; bold and dim are none.
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.fixture
def video_path(place: Path, good: bytes) -> Path:
    path = place / "good.mp4"
    path.write_bytes(good)
    return path


def run_args(path: Path, out: Path, *more: str) -> tuple[str, ...]:
    return ("run", str(path), "--role", "customer", "--out", str(out), "--redis", "none", *more)


def stopped_by(number: int, args: tuple[str, ...], out: Path) -> tuple[int, str, str]:
    """Start a command, send it a signal after its first commit, return how it ended."""
    process = start(*args, FACESTATE_OUTPUT__COMMIT_FILE_S="0.1")
    wait_for(lambda: list(out.glob("lake/frames/*/*.parquet")) or process.poll() is not None)
    os.killpg(process.pid, number)
    shown, said = process.communicate(timeout=60)
    return process.returncode, shown, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_good_order(place, clips, number):
    args = run_args(clips / "webcam_talk_cap12.mp4", place / "out")
    code, shown, said = stopped_by(number, args, place / "out")
    assert (code, shown) == (130, "")
    assert said.splitlines() == [
        "facestate: finishing the segment in hand; once more to stop at once",
        f"tables: {place / 'out' / 'lake'}",
        "facestate: interrupted; start the same command again to go on",
    ]


def test_metrics_are_written_at_the_end_and_after_an_interruption(video_path, place, clips):
    file = place / "run.prom"
    wanted = ("--metrics", str(file))
    assert finished(*run_args(video_path, place / "out", *wanted)).code == 0
    assert 'facestate_frames_total{kind="analysed"} 4.0' in file.read_text()
    assert 'facestate_rows_total{table="segments"} 1.0' in file.read_text()
    file.unlink()
    out = place / "stopped"
    args = run_args(clips / "webcam_talk_cap12.mp4", out, *wanted)
    code, _, _ = stopped_by(signal.SIGINT, args, out)
    assert code == 130
    assert "facestate_frames_total" in file.read_text()


def test_the_same_command_goes_on_where_a_signal_stopped_it(place, clips):
    args = run_args(clips / "headset_screenshare.mp4", place / "out", "--json")
    code, shown, _ = stopped_by(signal.SIGINT, args, place / "out")
    assert (code, json.loads(shown)[0]["is_finished"]) == (130, False)
    again = finished(*args)
    assert again.code == 0
    assert json.loads(again.out)[0]["resumed_after"] >= 0
    assert finished("ledger", "headset_screenshare.mp4", "--out", str(place / "out")).code == 0


def test_a_second_signal_ends_a_run_at_once(place, clips):
    out = place / "out"
    process = start(*run_args(clips / "webcam_talk_cap12.mp4", out))
    wait_for(out.exists)
    os.killpg(process.pid, signal.SIGINT)
    assert "finishing the segment" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_reader_that_goes_away_is_no_fault_worth_words(video_path, place):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*run_args(video_path, place / "out"), stdout=writing)
    os.close(writing)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 141
    assert "Error" not in said
    assert finished("ledger", "good.mp4", "--out", str(place / "out")).code == 0


def test_output_that_does_not_fit_is_told_in_one_line(video_path, place):
    with Path("/dev/full").open("w") as full:
        process = start(*run_args(video_path, place / "out", "--json"), stdout=full.fileno())
    _, said = process.communicate(timeout=60)
    assert (process.returncode, len(said.splitlines())) == (5, 1)
    assert "no space is left where standard output goes" in said


def test_with_every_stream_closed_the_tables_are_written_all_the_same(video_path, place):
    command = " ".join([*COMMAND, *run_args(video_path, place / "out")])
    closed = subprocess.run(["sh", "-c", f"exec {command} <&- >&- 2>&-"], cwd=REPOSITORY)
    assert closed.returncode == 0
    assert finished("ledger", "good.mp4", "--out", str(place / "out")).code == 0


def on_terminal(columns: int, *args: str, **environment: str) -> tuple[int, str]:
    """Run a command on a terminal so wide; return its exit code and all that was shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *args], cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the last writer is gone
            break
    os.close(ours)
    return process.wait(60), shown.decode()


def test_a_narrow_terminal_gets_whole_lines_and_its_cursor_back(video_path, place):
    code, shown = on_terminal(40, *run_args(video_path, place / "out"))
    assert code == 0
    assert "no face was found" in shown
    # A progress bar hides the cursor while it is drawn.
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
    bars = [line for line in re.split(r"[\r\n]", ESCAPE.sub("", shown)) if "━" in line]
    assert bars
    assert all(len(bar) <= 40 for bar in bars)


def test_without_colour_wanted_none_is_shown(video_path, place):
    code, shown = on_terminal(80, *run_args(video_path, place / "out"), NO_COLOR="1")
    assert code == 0
    assert not COLOUR.search(shown)
    _, shown = on_terminal(80, "doctor", NO_COLOR="1")
    assert not COLOUR.search(shown)
    _, shown = on_terminal(80, "doctor", NO_COLOR="")
    assert COLOUR.search(shown), "without the wish there is colour, or this test could not fail"


def test_where_stderr_is_no_terminal_nothing_steers_one(video_path, place):
    said = finished(*run_args(video_path, place / "out"))
    assert said.code == 0
    assert "\x1b" not in said.err + said.out
    assert "\r" not in said.err + said.out
