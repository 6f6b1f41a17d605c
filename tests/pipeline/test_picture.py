"""Goal: the picture shows what the tables hold: scores where there are some, gaps where not.

Method: the grid and the bins are tested as numbers; whole pictures are drawn and looked at by
their pixels: size, colours that must be there, and that the same rows give the same picture.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.image
import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_rgb

from pipeline.picture import draw_timeline
from pipeline.picture.bins import (
    ABSENT,
    ABSTAINED,
    BINS_MAX,
    SCORED,
    SKIPPED,
    Grid,
    TimeShares,
    bin_face,
    make_grid,
    time_shares,
)
from pipeline.picture.canvas import ticks
from pipeline.picture.page import FACES_MAX
from pipeline.picture.strips import STRIPS_MAX, make_strips
from pipeline.picture.style import ABSTAINED as ABSTAINED_COLOUR
from pipeline.picture.style import EMOTION_COLOURS, SPEAKING, TICKS_MAX, WIDTH_PX
from pipeline.picture.style import SCORED as SCORED_COLOUR
from pipeline.queries import RunRef, face_frames, resolve_call
from schemas.names import EMOTIONS
from tests.rows import AGENT, CALL, CUSTOMER, Face, TableLake, frame_rows, run_row, table

SMILE = {"AU12": ((-1.0, 99.0, 0.9),), "AU06": ((-1.0, 99.0, 0.8),)}


def read(*faces: Face, duration_s: float = 30.0, fps: float = 5.0, **run: object) -> tuple:
    lake = TableLake(frames=frame_rows(faces, duration_s=duration_s, fps=fps),
                     runs=table("runs", [run_row(**run)]))  # fmt: skip
    ref = resolve_call(lake, "default", CALL)
    return face_frames(lake, ref), ref


def pixels(path: Path) -> np.ndarray:
    return np.asarray(matplotlib.image.imread(path))[..., :3]


def share_of(image: np.ndarray, colour: str) -> float:
    return float((np.abs(image - np.array(to_rgb(colour))).max(axis=-1) < 0.02).mean())


@pytest.fixture(scope="module")
def call() -> tuple[pl.DataFrame, RunRef]:
    """Return frames and reference of the call of two people."""
    return read(AGENT, CUSTOMER)


@pytest.fixture(scope="module")
def drawn(call: tuple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the picture of that call, alone in its folder."""
    return draw_timeline(*call, tmp_path_factory.mktemp("drawn") / "call.png")


class TestGrid:
    def test_a_short_call_has_a_column_per_frame(self) -> None:
        grid = make_grid(30.0, 0.2)
        assert (grid.count, grid.step_s) == (150, 0.2)

    def test_a_long_call_has_no_more_columns_than_fit(self) -> None:
        assert make_grid(3600.0, 0.2).count == BINS_MAX

    @pytest.mark.parametrize(
        ("start_s", "edges"),
        [(0.0, [0, 10, 20, 30, 40, 50, 60]), (1_740_823_207.0, [-7, 3, 13, 23, 33, 43, 53, 63])],
    )
    def test_columns_of_a_window_lie_on_its_multiples_since_1970(
        self, start_s: float, edges: list
    ) -> None:
        grid = make_grid(53.44, 0.2, bin_s=10.0, start_s=start_s)
        assert grid.edges.tolist() == pytest.approx(edges)
        assert grid.count == len(edges) - 1

    def test_a_window_too_short_for_the_picture_is_widened_to_a_multiple_of_it(self) -> None:
        grid = make_grid(3600.0, 0.2, bin_s=5.0, start_s=1_740_823_207.0)
        assert grid.step_s == 10.0
        assert grid.count <= BINS_MAX
        assert make_grid(3600.0, 0.2, bin_s=7.0).step_s == 7.0

    def test_a_still_is_one_column(self) -> None:
        assert make_grid(0.0, 0.2).count == 1
        assert make_grid(0.0, 0.2).is_still
        assert not make_grid(0.4, 0.2).is_still

    @pytest.mark.parametrize("span_s", [0.2, 7, 30, 61, 600, 3599, 3600, 36_000, 86_400, 1e6])
    def test_the_axis_has_some_round_times_but_not_too_many(self, span_s: float) -> None:
        places = ticks(Grid(span_s, span_s / 10, 0.2))
        assert 1 <= len(places) <= TICKS_MAX + 1
        assert places[0] == 0
        assert places[-1] <= span_s


class TestBins:
    def test_state_follows_the_face_through_the_call(self) -> None:
        rows, _ = read(Face(present=(2, 8), abstained=((4, 5),)), duration_s=10)
        bins = bin_face(rows, make_grid(10.0, 0.2))
        expected = [ABSENT] * 10 + [SCORED] * 10 + [ABSTAINED] * 5 + [SCORED] * 15 + [ABSENT] * 10
        assert bins.state.tolist() == expected
        assert np.isnan(bins.emotions[0]).tolist() == [state != SCORED for state in expected]

    def test_a_skipped_face_has_no_scores(self) -> None:
        rows, _ = read(Face(policy="skip"), duration_s=2)
        bins = bin_face(rows, make_grid(2.0, 0.2))
        assert set(bins.state.tolist()) == {SKIPPED}
        assert not bins.has_expression
        assert bins.au_names == ()

    def test_columns_are_means_of_their_frames(self) -> None:
        rows, _ = read(Face(aus=SMILE), duration_s=10)
        bins = bin_face(rows, make_grid(10.0, 0.2, bin_s=5.0))
        assert bins.aus.shape[1] == 2
        half = rows.filter(pl.col("time_s") < 5)["emotion_happiness"].mean()
        assert bins.emotions[EMOTIONS.index("happiness"), 0] == pytest.approx(half)

    def test_uneven_frame_times_leave_no_holes(self) -> None:
        rows, _ = read(Face(), duration_s=10)
        jitter = np.random.default_rng(3).uniform(-0.07, 0.07, rows.height)
        uneven = rows.with_columns(time_s=(pl.col("time_s") + jitter).clip(0))
        state = bin_face(uneven.sort("time_s"), make_grid(10.0, 0.2)).state
        assert set(state[:-1].tolist()) == {SCORED}

    def test_the_aus_that_occur_most_are_shown_from_brows_to_mouth(self, call: tuple) -> None:
        rows = call[0].filter(pl.col("participant_id") == "customer")
        names = bin_face(rows, make_grid(30.0, 0.2), 5).au_names
        assert names == tuple(sorted(names))
        assert {"AU04", "AU12"} <= set(names)
        assert len(names) == 5

    def test_a_blank_face_still_has_a_few_rows(self) -> None:
        rows, _ = read(Face(), duration_s=2)
        assert len(bin_face(rows, make_grid(2.0, 0.2)).au_names) == 4


class TestTimeShares:
    @staticmethod
    def shares(face: Face, duration_s: float = 10.0, step_s: float = 5.0) -> TimeShares:
        rows, _ = read(face, duration_s=duration_s)
        return time_shares(rows, Grid(duration_s, step_s, 0.2))

    def test_each_column_tells_how_long_the_face_was_in_which_state(self) -> None:
        found = self.shares(Face(present=(0, 8), abstained=((1, 2),)))
        assert found.states[SCORED].tolist() == pytest.approx([0.8, 0.6])
        assert found.states[ABSTAINED].tolist() == pytest.approx([0.2, 0.0])
        assert found.states[SKIPPED].tolist() == [0.0, 0.0]
        assert found.states.sum(axis=0).tolist() == pytest.approx([1.0, 0.6])

    def test_speech_is_its_share_of_the_time_and_counts_only_where_scored(self) -> None:
        face = Face(speaking=((0, 2),), abstained=((1, 2),))
        assert self.shares(face).speaking.tolist() == pytest.approx([0.2, 0.0])

    def test_a_short_absence_is_seen_in_a_wide_column(self) -> None:
        early, late = Face(present=(0, 3), track_id="a"), Face(present=(4, 10), track_id="b")
        rows, _ = read(early, late, duration_s=10)
        found = time_shares(rows, Grid(10.0, 10.0, 0.2))
        assert found.states[SCORED].tolist() == pytest.approx([0.9])

    def test_two_rows_at_one_time_count_once_and_the_scored_one_wins(self) -> None:
        rows, _ = read(Face(track_id="a"), Face(track_id="b", policy="skip"), duration_s=2)
        found = time_shares(rows, Grid(2.0, 1.0, 0.2))
        assert found.states[SCORED].tolist() == pytest.approx([1.0, 1.0])
        assert found.states[SKIPPED].tolist() == pytest.approx([0.0, 0.0])

    def test_shares_never_add_up_to_more_than_the_column(self) -> None:
        rows, _ = read(Face(abstained=((3, 4),)), duration_s=10)
        jitter = np.random.default_rng(5).uniform(-0.07, 0.07, rows.height)
        uneven = rows.with_columns(time_s=(pl.col("time_s") + jitter).clip(0)).sort("time_s")
        total = time_shares(uneven, Grid(10.0, 0.1, 0.2)).states.sum(axis=0)
        assert total.max() <= 1 + 1e-9
        assert total.mean() > 0.97

    def test_no_rows_are_no_time(self) -> None:
        rows, _ = read(Face(), duration_s=2)
        assert time_shares(rows.clear(), Grid(2.0, 1.0, 0.2)).states.sum() == 0


class TestPicture:
    def test_wide_windows_hide_neither_speech_nor_frames_that_were_not_scored(
        self, tmp_path: Path
    ) -> None:
        face = Face(speaking=((3, 6), (12, 15)), abstained=((20, 23),))
        frames, ref = read(face)
        images = [pixels(draw_timeline(frames, ref, tmp_path / f"{bin_s}.png", bin_s=bin_s))
                  for bin_s in (None, 10.0)]  # fmt: skip
        for colour in (SPEAKING, ABSTAINED_COLOUR, SCORED_COLOUR):
            fine, coarse = (share_of(image, colour) for image in images)
            assert fine > 1e-4
            assert coarse == pytest.approx(fine, rel=0.05)

    def test_two_faces_give_a_picture_of_the_promised_width(self, drawn: Path) -> None:
        image = pixels(drawn)
        assert image.shape[1] == WIDTH_PX
        assert 600 < image.shape[0] < 2400
        for name in ("happiness", "anger", "surprise", "neutral"):
            assert share_of(image, EMOTION_COLOURS[name]) > 0.002, name
        assert [entry.name for entry in drawn.parent.iterdir()] == ["call.png"]

    def test_the_same_rows_give_the_same_picture(
        self, call: tuple, drawn: Path, tmp_path: Path
    ) -> None:
        again = draw_timeline(*call, tmp_path / "again.png")
        assert again.read_bytes() == drawn.read_bytes()

    def test_under_facial_actions_only_no_expression_is_drawn(self, tmp_path: Path) -> None:
        face = replace(CUSTOMER, policy="facial_actions_only")
        image = pixels(draw_timeline(*read(face), tmp_path / "a.png"))
        assert share_of(image, EMOTION_COLOURS["anger"]) == 0
        assert share_of(image, EMOTION_COLOURS["happiness"]) == 0

    def test_a_skipped_face_is_named_but_shows_nothing(self, drawn: Path, tmp_path: Path) -> None:
        skipped = pixels(draw_timeline(*read(replace(AGENT, policy="skip")), tmp_path / "a.png"))
        assert len(skipped) < len(pixels(drawn)) / 3
        assert all(share_of(skipped, colour) == 0 for name, colour in EMOTION_COLOURS.items()
                   if name != "neutral")  # fmt: skip

    def test_a_still_with_five_faces_has_five_bars(self, tmp_path: Path) -> None:
        faces = [Face(f"p.{i}", f"t{i}", aus=SMILE) for i in range(5)]
        frames, ref = read(*faces, duration_s=0.2, duration_ms=0)
        image = pixels(draw_timeline(frames, ref, tmp_path / "a.png"))
        is_smile = (np.abs(image - np.array(to_rgb(EMOTION_COLOURS["happiness"]))).max(-1)
                    < 0.02).sum(axis=1) > 300  # fmt: skip
        assert np.count_nonzero(np.diff(is_smile.astype(int)) == 1) == 5

    def test_a_call_without_faces_says_so_instead_of_failing(self, tmp_path: Path) -> None:
        frames, ref = read()
        assert pixels(draw_timeline(frames, ref, tmp_path / "a.png")).shape[1] == WIDTH_PX

    def test_an_hour_is_as_wide_as_a_second_and_not_slow(self, tmp_path: Path) -> None:
        frames, ref = read(AGENT, duration_s=3600, fps=0.5, duration_ms=3_600_000,
                           start_at=datetime(1970, 1, 1, tzinfo=UTC), analysis_fps=0.5)  # fmt: skip
        assert pixels(draw_timeline(frames, ref, tmp_path / "a.png")).shape[1] == WIDTH_PX

    def test_more_faces_than_fit_are_left_out(self, tmp_path: Path) -> None:
        faces = [Face(f"p{i:02d}", f"t{i}", policy="skip") for i in range(FACES_MAX + 3)]
        still = {"duration_s": 0.2, "duration_ms": 0}
        many = pixels(draw_timeline(*read(*faces, **still), tmp_path / "a.png"))
        full = pixels(draw_timeline(*read(*faces[:FACES_MAX], **still), tmp_path / "b.png"))
        assert many.shape == full.shape

    def test_strange_names_of_files_neither_fail_nor_become_formulas(
        self, call: tuple, tmp_path: Path
    ) -> None:
        ref = replace(call[1], source_name="a$b_{x}^2$ \x1b[2J 漢字.mp4")
        assert draw_timeline(call[0], ref, tmp_path / "a.png").is_file()

    def test_nothing_is_left_where_the_folder_does_not_exist(
        self, call: tuple, tmp_path: Path
    ) -> None:
        with pytest.raises(OSError, match="No such file"):
            draw_timeline(*call, tmp_path / "missing" / "a.png")
        assert list(tmp_path.iterdir()) == []


class TestTruth:
    @staticmethod
    def truth(frames: pl.DataFrame, participant: str) -> pl.DataFrame:
        mine = frames.filter(pl.col("participant_id") == participant)
        return mine.select("time_s", "AU04", "AU12", participant=pl.lit(participant))

    def test_strips_are_those_of_the_curves_that_move(self, call: tuple) -> None:
        rows = call[0].filter(pl.col("participant_id") == "customer")
        strips = make_strips(rows, self.truth(call[0], "customer"), make_grid(30.0, 0.2))
        assert [strip.name for strip in strips] == ["AU04", "AU12"]
        assert all(strip.correlation == pytest.approx(1.0) for strip in strips)
        assert len(strips) <= STRIPS_MAX

    def test_a_face_that_the_truth_does_not_know_has_no_strips(self, call: tuple) -> None:
        rows = call[0].filter(pl.col("participant_id") == "agent")
        truth = self.truth(call[0], "customer")
        assert make_strips(rows, truth, make_grid(30.0, 0.2)) == ()

    def test_true_curves_make_the_picture_taller(
        self, call: tuple, drawn: Path, tmp_path: Path
    ) -> None:
        plain = pixels(drawn)
        truth = self.truth(call[0], "customer")
        with_truth = pixels(draw_timeline(*call, tmp_path / "b.png", truth=truth))
        assert len(with_truth) > len(plain)
