"""Goal: progress stays bounded on the screen and steers no terminal.

Method: bars without a terminal, their tasks looked at; what they say is read from stderr.
"""

import pytest

from pipeline.reporting.progress import BARS_MAX, NAME_LENGTH_MAX, Bars, ImportBars, short_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("call.mp4", "call.mp4"),
        ("/recordings/2026/call.mp4", "call.mp4"),
        ("rtsp://camera.local/desk", "desk"),
        ("a\n\x1b[31m\x9b\u202e", r"a\n\x1b[31m\x9b\u202e"),
        ("/", "/"),
    ],
)
def test_a_bar_shows_the_last_part_of_a_name_safe_for_a_terminal(name, shown):
    assert short_name(name) == shown


@pytest.mark.parametrize("length", [NAME_LENGTH_MAX - 4, NAME_LENGTH_MAX - 3, 300])
def test_a_long_name_keeps_its_beginning_and_its_end(length):
    shown = short_name("a" * length + ".mp4")
    assert len(shown) == min(length + 4, NAME_LENGTH_MAX)
    assert shown.startswith("aaa")
    assert shown.endswith(".mp4")
    assert ("…" in shown) == (length + 4 > NAME_LENGTH_MAX)


def test_a_still_has_no_speed_and_a_video_has_one():
    with Bars() as bars:
        bars.of("still.jpg")(0, None, 1)
        bars.of("call.mp4")(1000, 2000, 5)
        still, call = (task.fields["note"] for task in bars.progress.tasks)
    assert still == "1 rows"
    assert call.endswith("x, 5 rows")


def test_a_thousand_files_do_not_fill_the_screen():
    with Bars() as bars:
        for number in range(1000):
            bars.of(f"{number}.mp4")(1000, 2000, 5)
        names = [task.description for task in bars.progress.tasks]
    assert names == [f"{number}.mp4" for number in range(1000 - BARS_MAX, 1000)]


def test_a_bar_whose_task_is_gone_may_still_be_told():
    with Bars() as bars:
        first = bars.of("first")
        for number in range(BARS_MAX):
            bars.of(str(number))
        first(1000, None, 1)
        assert len(bars.progress.tasks) == BARS_MAX


def test_a_name_cannot_steer_the_terminal(capsys):
    with Bars() as bars:
        bars.say("a\x1b[31m [red]b")
    assert capsys.readouterr().err == "a\\x1b[31m [red]b\n"


def test_an_import_counts_each_lines_media_time_once(capsys):
    with ImportBars(2) as bars:
        for reached_ms in (1000, 2000, 3000):
            bars.on_advance(2, reached_ms)
        bars.on_advance(3, 500)
        assert bars.progress.tasks[0].fields["note"].startswith("00:03 of video")
    assert capsys.readouterr().err == ""
