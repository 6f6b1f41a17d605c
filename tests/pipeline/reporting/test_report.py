"""Goal: what is printed at the end of a run is readable, safe and honest.

Method: the tables are printed into text at 80 columns; agreement with the truth is worked out on
curves whose correlation, detection and errors are known.
"""

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from pipeline.queries import face_frames, resolve_call, summary
from pipeline.reporting.agreement import area_under_curve
from pipeline.reporting.report import compare_with_truth, print_summary, print_truth
from pipeline.reporting.truth import match_truth, read_truth
from pipeline.reporting.words import (
    clock,
    counted,
    duration,
    folded,
    not_scored,
    printable,
    reason_words,
    signed,
    unsigned,
)
from schemas.errors import InputError, SourceMissingError
from schemas.names import AU_NAMES, AbstainReason, SkipReason
from tests.rows import AGENT, CALL, CUSTOMER, Face, TableLake, frame_rows, run_row, table


def lake_of(*faces: Face, duration_s: float = 30.0) -> TableLake:
    frames = frame_rows(faces, duration_s=duration_s)
    return TableLake(frames=frames, runs=table("runs", [run_row()]))


def printed(*faces: Face, duration_s: float = 30.0, jurisdiction: str = "EU") -> str:
    lake = lake_of(*faces, duration_s=duration_s)
    regions = [{"participant_id": name, "role": "performer"} for name in ("agent", "customer")]
    said = json.dumps({"jurisdiction": jurisdiction, "regions": regions})
    lake.tables["runs"] = table("runs", [run_row(registration=said)])
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, summary(lake, resolve_call(lake, "default", CALL)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def frames() -> pl.DataFrame:
    """Return the frames of the call of two people, as queries give them."""
    lake = lake_of(AGENT, CUSTOMER)
    return face_frames(lake, resolve_call(lake, "default", CALL))


def write_truth(frames: pl.DataFrame, path: Path, names: dict[str, str]) -> Path:
    """Write a truth file that says of every face exactly what was measured."""
    found = frames.filter(pl.col("participant_id").is_in(list(names)))
    truth = found.select(
        pl.col("pts_ms"),
        pl.col("participant_id").replace_strict(names).alias("participant"),
        pl.lit(1).alias("is_present"),
        pl.col("is_speaking").cast(pl.Int8),
        pl.lit("neutral").alias("expression"),
        "yaw_deg", "box_x1_px", "box_y1_px", "box_x2_px", "box_y2_px",
        *[name for name in AU_NAMES if name != "AU33"],
    )  # fmt: skip
    truth.write_csv(path)
    return path


def truth_text(frames: pl.DataFrame, folder: Path) -> str:
    """Return what is printed of the agent's frames against themselves, on one line."""
    truth = write_truth(frames, folder / "t.csv", {"agent": "agent"})
    console = Console(file=io.StringIO(), width=80)
    print_truth(console, compare_with_truth(frames, truth))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


class TestSummary:
    def test_every_face_has_its_time_expression_peaks_and_aus_in_80_columns(self) -> None:
        text = printed(AGENT, CUSTOMER)
        assert max(len(line) for line in text.splitlines()) <= 80
        for word in ("agent", "customer", "30 s", "26 s", "neutral 59%", "happiness 0.79",
                     "AU12+AU06", "00:13.8 surprise", "AU04  22% 0.90", "1 track"):  # fmt: skip
            assert word in text, word

    def test_abstained_frames_are_told_with_their_reason(self) -> None:
        assert "agent: 5 frames abstained from: extreme pose" in printed(AGENT)

    def test_where_policy_forbids_the_expression_the_table_says_so(self) -> None:
        text = " ".join(printed(Face(policy="facial_actions_only")).split())
        assert "not computed:" in text
        assert "facial actions" in text
        assert "neutral" not in text

    def test_a_skipped_face_is_said_to_be_not_scored(self) -> None:
        text = printed(Face(policy="skip"), duration_s=2)
        assert "not scored: EU" in text
        assert "customer: 10 frames kept from the model by the EU preset" in text

    @pytest.mark.parametrize(
        ("reason", "said"),
        [("over_max_faces", "over max faces"), ("outside_regions", "outside the regions"),
         ("role_unknown", "role unknown"), ("consent", "no consent")],
    )  # fmt: skip
    def test_every_reason_is_said_in_words_and_none_as_another(
        self, reason: str, said: str
    ) -> None:
        frames = frame_rows((Face(policy="skip"),), duration_s=2)
        rows = frames.with_columns(reason=pl.lit(reason))
        lake = TableLake(frames=rows, runs=table("runs", [run_row()]))
        console = Console(file=io.StringIO(), width=80)
        print_summary(console, summary(lake, resolve_call(lake, "default", CALL)))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert f"customer: 10 frames kept from the model: {said}\n" in text
        assert "not scored: " in text
        assert "policy" not in text

    def test_the_track_behind_a_name_is_shown_only_where_there_are_several(self) -> None:
        one = Face("customer.t0001", "t0001")
        alone = printed(one, AGENT, duration_s=2)
        assert "t0001" not in alone.split("customer.t0001: ")[0]
        both = printed(one, Face("customer.t0002", "t0002"), duration_s=2).splitlines()
        first = next(i for i, line in enumerate(both) if line.startswith("customer "))
        assert both[first + 1].startswith("t0001 ")
        assert sum(line.startswith("t0002 ") for line in both) == 1

    def test_the_share_of_speech_stands_with_the_face(self) -> None:
        text = printed(Face(speaking=((0.0, 1.0),)), duration_s=4)
        assert "speaks 25%" in text
        assert "speaks" not in printed(Face(policy="skip"), duration_s=2)

    def test_a_role_that_is_the_name_is_not_said_twice(self) -> None:
        lines = printed(AGENT, duration_s=2).splitlines()
        assert any(line.startswith("performer ") for line in lines)
        frames = frame_rows((Face(),), duration_s=2)
        said = '{"regions": [{"participant_id": "customer", "role": "customer"}]}'
        lake = TableLake(frames=frames, runs=table("runs", [run_row(registration=said)]))
        console = Console(file=io.StringIO(), width=80)
        print_summary(console, summary(lake, resolve_call(lake, "default", CALL)))
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue().count("customer") == 1
        several = [Face(f"customer.t{i}", f"t{i}") for i in (1, 2)]
        lake = TableLake(frames=frame_rows(several, duration_s=2), runs=lake.tables["runs"])
        print_summary(console, summary(lake, resolve_call(lake, "default", CALL)))
        assert console.file.getvalue().count("customer") == 3

    def test_a_call_without_faces_says_so(self) -> None:
        assert printed() == "no face was found in this call\n"

    def test_names_never_reach_the_terminal_raw(self) -> None:
        text = printed(Face(participant_id="a\x1b[b]c"), duration_s=1)
        assert "\x1b" not in text
        assert "a\ufffd[b]c" in text


class TestTruth:
    def test_curves_that_are_the_truth_agree_wholly(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = write_truth(frames, tmp_path / "t.csv", {"agent": "agent", "customer": "customer"})
        found = compare_with_truth(frames, truth)
        smile = next(au for au in found.aus if au.name == "AU12")
        assert smile.correlation == pytest.approx(1.0)
        assert smile.auc == 1.0
        assert smile.false_share == 0.0
        assert (found.found_share, found.speaking_share, found.yaw_error_deg) == (1.0, 1.0, 0.0)
        assert found.frame_count == 275
        assert found.unmatched == ()
        assert "AU33" not in {au.name for au in found.aus}

    def test_faces_are_matched_by_place_where_the_names_differ(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = read_truth(
            write_truth(frames, tmp_path / "t.csv", {"agent": "left", "customer": "right"})
        )
        rows = frames.filter(pl.col("participant_id") == "customer")
        assert match_truth(rows, truth) == "right"
        elsewhere = rows.with_columns(pl.col("box_x1_px", "box_x2_px") + 2000)
        assert match_truth(elsewhere, truth) is None

    def test_a_person_whom_no_face_shows_is_told(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = write_truth(frames, tmp_path / "t.csv", {"agent": "agent", "customer": "customer"})
        found = compare_with_truth(frames.filter(pl.col("participant_id") == "agent"), truth)
        assert found.unmatched == ("customer",)
        assert found.found_share is not None
        assert 0.5 < found.found_share < 0.6

    def test_expression_agreement_is_over_all_frames_and_over_expressive_ones(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        path = write_truth(frames, tmp_path / "t.csv", {"agent": "agent"})
        said = pl.read_csv(path).with_columns(
            expression=pl.when(pl.col("pts_ms").is_between(7000, 9800))
            .then(pl.lit("happiness")).otherwise(pl.lit("neutral"))
        )  # fmt: skip
        said.write_csv(path)
        found = compare_with_truth(frames, path)
        assert found.expressive_count == 15
        assert found.expressive_share == 1.0
        assert found.expression_share is not None
        assert 0.8 < found.expression_share < 1.0

    def test_no_matching_face_gives_nothing_instead_of_failing(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = write_truth(frames, tmp_path / "t.csv", {"agent": "agent"})
        found = compare_with_truth(frames.clear(), truth)
        assert found.aus == ()
        assert found.frame_count == 0
        console = Console(file=io.StringIO(), width=80)
        print_truth(console, found)

    def test_the_print_says_what_it_does_not_show(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = write_truth(frames, tmp_path / "t.csv", {"agent": "agent", "customer": "customer"})
        console = Console(file=io.StringIO(), width=80)
        print_truth(console, compare_with_truth(frames, truth))
        assert isinstance(console.file, io.StringIO)
        text = " ".join(console.file.getvalue().split())
        assert "on real faces it does not show" in text
        assert "AU12 lip corners pulled 46 1.00 1.00 0% 0%" in text
        assert "faces found while a person is in the picture: 100%" in text

    def test_missed_is_the_share_of_present_frames_that_scored_below_half(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        truth = write_truth(frames, tmp_path / "t.csv", {"agent": "agent"})
        weak = frames.with_columns(
            AU12=pl.when(pl.col("time_s") < 8).then(pl.col("AU12") * 0.5).otherwise(pl.col("AU12"))
        )
        mine = frames.filter(pl.col("participant_id") == "agent", pl.col("AU12") >= 0.5)
        late = mine.filter(pl.col("time_s") >= 8)
        found = next(au for au in compare_with_truth(weak, truth).aus if au.name == "AU12")
        assert found.present_count == mine.height
        assert found.missed_share == pytest.approx(1 - late.height / mine.height)

    def test_rare_aus_are_left_out_of_the_mean_and_named(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        is_rare = pl.col("time_s").is_between(3.0, 3.5)
        rare = frames.with_columns(AU09=pl.when(is_rare).then(0.8).otherwise(0.0).cast(pl.Float32))
        text = truth_text(rare, tmp_path)
        assert "left out of the mean, present on fewer than 5 frames: AU05, AU09" in text
        known = [au for au in compare_with_truth(rare, tmp_path / "t.csv").aus if au.is_varying]
        assert f"over {len(known) - 2} AUs that move, 145 scored frames" in text

    def test_blinks_are_spoken_of_only_where_frames_are_too_rare_for_them(
        self, frames: pl.DataFrame, tmp_path: Path
    ) -> None:
        said = "short blinks fall between samples"
        assert f"at 5 frames/s {said}" in truth_text(frames, tmp_path)
        fast = frames.with_columns(pl.col("time_s", "pts_ms") / 4)
        assert said not in truth_text(fast, tmp_path)
        assert said not in truth_text(frames.with_columns(AU45=0.0, AU43=0.0), tmp_path)

    def test_a_missing_file_and_missing_columns_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceMissingError):
            read_truth(tmp_path / "none.csv")
        (tmp_path / "bad.csv").write_text("pts_ms,who\n0,left\n")
        with pytest.raises(InputError, match="participant, is_present"):
            read_truth(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0] * 5 + [1] * 5, 1.0),
        ([1] * 5 + [0] * 5, 0.0),
        ([0.5] * 10, 0.5),
        ([0, 0, 0, 0, 1, 0, 1, 1, 1, 1], 0.8),
    ],
)
def test_the_area_under_the_curve_counts_ties_as_halves(scores: list, expected: float) -> None:
    present = np.array([False] * 5 + [True] * 5)
    assert area_under_curve(np.array(scores, float), present) == pytest.approx(expected)


def test_too_few_frames_on_a_side_make_no_area() -> None:
    assert area_under_curve(np.zeros(10), np.array([True] * 4 + [False] * 6)) is None


@pytest.mark.parametrize(
    ("time_s", "coarse", "fine"),
    [(0, "00:00", "00:00.0"), (9.96, "00:10", "00:10.0"), (61.04, "01:01", "01:01.0"),
     (3599.9, "59:59", "59:59.9"), (3600, "1:00:00", "1:00:00.0"), (-3, "00:00", "00:00.0")],
)  # fmt: skip
def test_times_are_minutes_and_seconds(time_s: float, coarse: str, fine: str) -> None:
    assert clock(time_s) == coarse
    assert clock(time_s, is_fine=True) == fine


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0.2 s"), (26.0, "26 s"), (59.6, "1 min 00 s"), (250, "4 min 10 s"),
     (3720, "1 h 02 min")],
)  # fmt: skip
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_control_characters_and_long_texts_are_made_harmless() -> None:
    assert printable("a\x1b[2J\nb\u202e") == "a\ufffd[2J\ufffdb\ufffd"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
    assert printable("x" * 100, None) == "x" * 100


def test_numbers_that_round_to_nothing_have_no_sign() -> None:
    assert [signed(value) for value in (-0.004, 0.0, 0.004, -0.2, 0.2)] == [
        "0.00", "0.00", "0.00", "-0.20", "+0.20"
    ]  # fmt: skip
    assert [unsigned(value) for value in (-0.004, 0.004, -0.2)] == ["0.00", "0.00", "-0.20"]


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(n, "frame") for n in (0, 1, 1200)] == ["0 frames", "1 frame", "1,200 frames"]


def test_every_reason_there_is_has_words_without_underscores() -> None:
    for reason in (*SkipReason, *AbstainReason):
        assert "_" not in reason_words(str(reason), "EU")
    assert reason_words("preset", "EU") == "EU preset"
    assert reason_words("preset") == "preset"
    assert not_scored(["preset", "too_small"], "EU") == "not scored: EU preset, too small"
    assert not_scored([]) == "not scored"


@pytest.mark.parametrize(
    ("name", "said"),
    [("customer.t0001", "customer\n.t0001"), ("a.b", "a.b"), ("averylongname", "averylongname"),
     (".hidden-and-long", ".hidden-and-long")],
)  # fmt: skip
def test_long_names_are_broken_before_the_track(name: str, said: str) -> None:
    assert folded(name, 11) == said
