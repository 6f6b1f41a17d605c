"""Goal: progress stays bounded on the screen and steers no terminal.

Method: bars without a terminal, their tasks looked at; what they say is read from stderr.
"""

from pipeline.reporting.progress import BARS_MAX, Bars, ImportBars, clock, printable


def test_media_time_is_written_as_a_clock():
    assert [clock(ms) for ms in (0, 59_999, 61_000, 3_600_000)] == ["0:00", "0:59", "1:01",
                                                                    "1:00:00"]  # fmt: skip


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
    assert printable("a\n\x1b[31m\x9b\u202e") == r"a\n\x1b[31m\x9b\u202e"
    with Bars() as bars:
        bars.say("a\x1b[31m [red]b")
    assert capsys.readouterr().err == "a\\x1b[31m [red]b\n"


def test_an_import_counts_each_lines_media_time_once(capsys):
    with ImportBars(2) as bars:
        for reached_ms in (1000, 2000, 3000):
            bars.on_advance(2, reached_ms)
        bars.on_advance(3, 500)
        assert bars.progress.tasks[0].fields["note"].startswith("0:03 of video")
    assert capsys.readouterr().err == ""
