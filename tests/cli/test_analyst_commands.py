"""Goal: `timeline`, `ledger` and `export` give data on stdout, words on stderr, and exit codes.

Method: the commands run in process on a real lake of a generated call; a few times as a user's
own process, to see what reaches a terminal.
"""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import common, export, ledger, timeline
from schemas.errors import FacestateError, SettingsError, SinkError, UsageError
from tests.rows import (
    CALL,
    Face,
    frame_rows,
    run_row,
    table,
    two_party_lake,
    write_lake,
)

MODULES = {"timeline": timeline, "ledger": ledger, "export": export}
MAIN = "from pipeline.cli.main import main; main()"
REPOSITORY = Path(__file__).parents[2]

Facestate = Callable[..., Result]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an output folder that holds the call of two people."""
    return write_lake(tmp_path_factory.mktemp("out"), **two_party_lake().tables)


@pytest.fixture
def facestate(out: Path) -> Facestate:
    """Return a function that runs a command on that folder."""

    def run(name: str, *arguments: str, folder: Path = out) -> Result:
        said = [*arguments, "--out", str(folder)]
        return CliRunner().invoke(MODULES[name].command, said, catch_exceptions=True)

    return run


def error_of(result: Result) -> FacestateError:
    assert isinstance(result.exception, FacestateError), result.output
    return result.exception


def process(out: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "FACESTATE_OUT": str(out)}
    return subprocess.run([sys.executable, "-c", MAIN, *arguments], capture_output=True,
                          env=environment, cwd=REPOSITORY, timeout=60)  # fmt: skip


class TestTimeline:
    def test_the_table_fits_into_80_columns_and_nothing_is_cut(self, facestate: Facestate) -> None:
        text = facestate("timeline", CALL).stdout
        assert max(len(line) for line in text.splitlines()) <= 80
        assert "…" not in text
        for word in ("00:00", "00:10", "00:20", "agent", "customer", "90%", "AU04 .53", "-0.40"):
            assert word in text, word

    @pytest.mark.parametrize("width", [40, 50, 60, 70])
    def test_a_narrow_terminal_keeps_time_and_face_whole(
        self, facestate: Facestate, monkeypatch: pytest.MonkeyPatch, width: int
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(width))
        lines = facestate("timeline", CALL).stdout.splitlines()
        assert max(len(line) for line in lines) <= width
        starts = [line[:14].split() for line in lines]
        for time in ("00:00", "00:10", "00:20"):
            assert [time, "agent"] in starts
        assert starts.count(["customer"]) == 3
        assert not any("…" in line for line in lines)

    def test_data_goes_to_stdout_and_words_to_stderr(self, facestate: Facestate) -> None:
        result = facestate("timeline", CALL[:6], "--format", "csv", "--score", "AU12")
        rows = pl.read_csv(io.StringIO(result.stdout))
        assert rows.height == 6
        assert rows["start_at"][0] == "1970-01-01T00:00:00.000Z"
        assert "AU12_mean" in rows.columns
        assert not any(name.endswith("_hist") for name in rows.columns)
        assert result.stderr.startswith(f"facestate: call {CALL}, run run-1")

    def test_json_is_one_object_with_rows(self, facestate: Facestate) -> None:
        said = facestate("timeline", CALL, "--window", "1m", "--format", "json").stdout
        read = json.loads(said)
        assert (read["call_id"], read["window_s"], len(read["rows"])) == (CALL, 60, 2)
        assert sum(read["rows"][0]["AU12_hist"]) == read["rows"][0]["scored_count"] == 145

    def test_parquet_comes_back_as_it_was(self, facestate: Facestate, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        result = facestate("timeline", CALL, "--output", str(path))
        assert result.exit_code == 0
        assert result.stdout == ""
        assert pl.read_parquet(path).height == 6
        assert pl.read_parquet(path).schema["start_at"] == pl.Datetime("us", "UTC")

    def test_a_picture_is_drawn_where_the_output_is_a_png(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        for name, more in (("fine.png", ()), ("coarse.png", ("--window", "5s"))):
            assert facestate("timeline", CALL, "-o", str(tmp_path / name), *more).exit_code == 0
        fine, coarse = ((tmp_path / n).read_bytes() for n in ("fine.png", "coarse.png"))
        assert fine.startswith(b"\x89PNG")
        assert fine != coarse

    def test_rows_are_per_track_where_asked_for(self, facestate: Facestate) -> None:
        assert "main-0-2" in facestate("timeline", CALL, "--by", "track").stdout

    def test_chosen_scores_are_shown_by_their_names(self, facestate: Facestate) -> None:
        said = facestate(
            "timeline", CALL, "--score", "AU12,emotion_happiness", "--score", "valence"
        )
        head = said.stdout.splitlines()[0].split()
        assert head == ["time", "who", "n", "cover", "AU12", "happiness", "valence"]

    def test_scores_that_do_not_fit_into_a_table_are_not_left_out_in_silence(
        self, facestate: Facestate
    ) -> None:
        many = "AU01,AU02,AU04,AU05,AU06,AU07,AU09"
        result = facestate("timeline", CALL, "--score", many)
        assert "AU09" not in result.stdout
        assert "first 6 scores" in result.stderr

    @pytest.mark.parametrize("window", ["500ms", "10", "0s", "-5s", "1.5s", "ten", "", "1d"])
    def test_a_window_that_is_no_whole_number_of_seconds_is_refused(
        self, facestate: Facestate, window: str
    ) -> None:
        error = error_of(facestate("timeline", CALL, "--window", window))
        assert error.exit_code == 2
        assert "write it like 10s, 1m or 1h" in str(error)

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("1s", 1), ("10s", 10), ("1m", 60), ("60s", 60), ("2min", 120), ("1h", 3600)],
    )
    def test_windows_may_be_said_in_seconds_minutes_and_hours(
        self, text: str, seconds: int
    ) -> None:
        assert common.parse_seconds(text) == seconds

    def test_an_unknown_call_is_not_found(self, facestate: Facestate) -> None:
        assert error_of(facestate("timeline", "nobody")).exit_code == 8

    def test_a_folder_without_tables_is_said_to_be_one(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        error = error_of(facestate("timeline", CALL, folder=tmp_path))
        assert error.exit_code == 8
        assert "there are no tables in this folder" in str(error)
        assert list(tmp_path.iterdir()) == []

    def test_an_unfinished_run_is_said_to_be_one(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        started = table("runs", [run_row(state="started", duration_ms=None)])
        folder = write_lake(tmp_path, runs=started)
        result = facestate("timeline", CALL, folder=folder)
        assert result.exit_code == 0
        assert "not finished" in result.stderr
        assert "no face was scored" in result.stderr
        assert result.stdout == ""

    def test_a_timeline_is_empty_for_a_reason_that_is_told(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        run = run_row(registration='{"jurisdiction": "EU", "regions": []}')
        frames = frame_rows((Face(policy="skip"),), duration_s=2)
        folder = write_lake(tmp_path, frames=frames, runs=table("runs", [run]))
        result = facestate("timeline", CALL, folder=folder)
        assert "no face was scored; not scored: EU preset" in result.stderr
        assert result.stdout == ""

    def test_what_rounds_to_nothing_has_no_sign(self, facestate: Facestate, tmp_path: Path) -> None:
        tables = two_party_lake().tables
        windows = tables["windows"].with_columns(valence_mean=pl.lit(-0.001, pl.Float32))
        folder = write_lake(tmp_path, windows=windows, runs=tables["runs"])
        for more in ((), ("--score", "valence")):
            said = facestate("timeline", CALL, *more, folder=folder).stdout
            assert "-0.00" not in said
            assert " 0.00" in said


class TestLedger:
    def test_a_sound_call_adds_up_and_exits_0(self, facestate: Facestate) -> None:
        result = facestate("ledger", CALL)
        assert result.exit_code == 0
        assert "every frame and face is accounted for" in result.stdout
        assert "abstained: extreme pose" in result.stdout
        assert result.stderr == ""

    def test_a_broken_call_exits_1_and_says_why(self, facestate: Facestate, tmp_path: Path) -> None:
        tables = two_party_lake().tables
        folder = write_lake(tmp_path, **{**tables, "frames": tables["frames"].slice(1)})
        for kind in ("table", "json", "csv"):
            result = facestate("ledger", CALL, "--format", kind, folder=folder)
            assert result.exit_code == 1
            assert result.stderr == (
                "facestate: does not add up: stream main, epoch 0, segment 0: 20 faces, "
                "but table frames holds 19 rows\n"
            )

    def test_json_and_csv_hold_the_totals(self, facestate: Facestate) -> None:
        read = json.loads(facestate("ledger", CALL, "--format", "json").stdout)
        assert read["is_balanced"] is True
        assert read["totals"]["frames"] == 750
        assert "segments" not in read
        rows = pl.read_csv(io.StringIO(facestate("ledger", CALL, "--format", "csv").stdout))
        assert dict(rows.iter_rows())["faces_scored"] == 275

    def test_segments_come_one_by_one_where_asked_for(self, facestate: Facestate) -> None:
        csv = facestate("ledger", CALL, "--segments", "--format", "csv").stdout
        assert pl.read_csv(io.StringIO(csv)).height == 15
        read = json.loads(facestate("ledger", CALL, "--segments", "--format", "json").stdout)
        assert len(read["segments"]) == 15
        assert "0.14" in facestate("ledger", CALL, "--segments").stdout


class TestExport:
    @pytest.mark.parametrize(("layout", "columns"), [("openface", 714), ("pyfeat", 175),
                                                     ("facestate", 167)])  # fmt: skip
    def test_each_layout_comes_as_csv_and_as_parquet(
        self, facestate: Facestate, tmp_path: Path, layout: str, columns: int
    ) -> None:
        csv = facestate("export", CALL, "--layout", layout).stdout
        rows = pl.read_csv(io.StringIO(csv), infer_schema_length=None)
        assert rows.shape == (280, columns)
        path = tmp_path / "call.parquet"
        assert facestate("export", CALL, "--layout", layout, "-o", str(path)).exit_code == 0
        assert pl.read_parquet(path).columns == rows.columns

    def test_scores_of_adapters_are_json_in_a_csv(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        tables = two_party_lake().tables
        extra = pl.lit(
            [{"name": "pain", "score": 0.5}], dtype=tables["frames"].schema["extra_scores"]
        )
        frames = tables["frames"].head(2).with_columns(extra_scores=extra)
        folder = write_lake(tmp_path, frames=frames, runs=tables["runs"])
        csv = facestate("export", CALL, "--layout", "facestate", folder=folder).stdout
        said = pl.read_csv(io.StringIO(csv))["extra_scores"][0]
        assert json.loads(said) == [{"name": "pain", "score": 0.5}]

    def test_a_call_without_faces_gives_the_header_and_a_word(
        self, facestate: Facestate, tmp_path: Path
    ) -> None:
        folder = write_lake(tmp_path, runs=table("runs", [run_row()]))
        result = facestate("export", CALL, "--layout", "pyfeat", folder=folder)
        assert result.stdout.count("\n") == 1
        assert "no rows of faces" in result.stderr

    def test_without_a_layout_the_layouts_are_listed(self, facestate: Facestate) -> None:
        result = facestate("export", CALL)
        assert result.exit_code == 2
        assert all(name in result.stderr for name in ("openface", "pyfeat", "facestate"))


class TestFolder:
    @pytest.fixture(autouse=True)
    def nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in an empty folder without variables of ours."""
        for name in [name for name in os.environ if name.startswith("FACESTATE_")]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(tmp_path)

    def test_option_variable_settings_and_default_count_in_this_order(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert common.output_folder() == Path("facestate-data")
        Path("facestate.toml").write_text('[output]\nfolder = "from-file"\n')
        assert common.output_folder() == Path("from-file")
        monkeypatch.setenv("FACESTATE_OUTPUT__FOLDER", "from-settings")
        assert common.output_folder() == Path("from-settings")
        monkeypatch.setenv("FACESTATE_OUT", "from-variable")
        assert common.output_folder() == Path("from-variable")
        assert common.output_folder(Path("told")) == Path("told")

    def test_settings_that_cannot_be_read_hinder_only_who_needs_them(self) -> None:
        Path("facestate.toml").write_text("[output]\nfolde = 1\n")
        assert common.output_folder("told") == Path("told")
        with pytest.raises(SettingsError, match="did you mean 'folder'"):
            common.output_folder()

    @pytest.mark.parametrize(
        ("name", "more"), [("timeline", ()), ("ledger", ()), ("export", ("--layout", "pyfeat"))]
    )
    def test_commands_that_read_find_the_tables_where_the_settings_put_them(
        self, out: Path, name: str, more: tuple[str, ...]
    ) -> None:
        Path("facestate.toml").write_text(f"[output]\nfolder = '{out}'\n")
        result = CliRunner().invoke(MODULES[name].command, [CALL, *more])
        assert result.exit_code == 0, result.output
        assert "agent" in result.stdout or "faces on analysed frames" in result.stdout


class TestOutput:
    def test_a_file_appears_whole_or_not_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(SinkError, match="cannot be written"):
            common.write_bytes(b"x", tmp_path / "missing" / "a.csv")
        common.write_bytes(b"old", tmp_path / "a.csv")
        common.write_bytes(b"new", tmp_path / "a.csv")
        assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
        assert (tmp_path / "a.csv").read_bytes() == b"new"

    def test_the_format_follows_the_ending_unless_told(self) -> None:
        assert common.pick_format(None, None, ("csv", "png")) == "csv"
        assert common.pick_format(None, Path("a.PNG"), ("csv", "png")) == "png"
        assert common.pick_format("csv", Path("a.png"), ("csv", "png")) == "csv"
        with pytest.raises(UsageError, match="did you mean 'parquet'"):
            common.pick_format(None, Path("a.parqet"), ("csv", "parquet"))

    def test_binary_data_goes_through_a_pipe_but_not_to_a_terminal(self, out: Path) -> None:
        piped = process(out, "timeline", CALL, "--format", "parquet")
        assert piped.stdout[:4] == b"PAR1"
        reader, writer = pty.openpty()
        shown = subprocess.run(
            [sys.executable, "-c", MAIN, "timeline", CALL, "--format", "png", "--out", str(out)],
            stdout=writer, stderr=subprocess.PIPE, cwd=REPOSITORY, timeout=60,
        )  # fmt: skip
        os.close(writer)
        os.close(reader)
        assert shown.returncode == 2
        assert b"say --output FILE.png" in shown.stderr

    def test_errors_are_one_line_and_control_characters_do_not_get_through(self, out: Path) -> None:
        result = process(out, "timeline", "evil\x1b[2J\n")
        assert result.returncode == 8
        assert result.stdout == b""
        assert result.stderr.count(b"\n") == 1
        assert b"\x1b" not in result.stderr

    def test_the_folder_may_come_from_the_environment(self, out: Path) -> None:
        result = process(out, "ledger", CALL)
        assert result.returncode == 0
        assert b"every frame and face" in result.stdout


@pytest.mark.parametrize("name", list(MODULES))
def test_every_example_in_the_help_runs(
    name: str, facestate: Facestate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CliRunner().invoke(MODULES[name].command, ["--help"]).output
    examples = [line.strip() for line in text.splitlines()
                if line.strip().startswith(f"facestate {name} ")]  # fmt: skip
    assert len(examples) >= 2
    monkeypatch.chdir(tmp_path)
    for example in examples:
        words = example.split(" > ")[0].replace("3f2a", CALL).split()[2:]
        result = facestate(name, *words)
        assert result.exit_code == 0, (example, result.output)
