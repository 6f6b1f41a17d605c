"""Goal: exports have exactly the columns that OpenFace and py-feat write, with honest contents.

Method: golden headers; places of columns that other people's programs count on; values of one
frame worked out by hand.
"""

import io
import math
from pathlib import Path

import polars as pl
import pytest

from pipeline.layouts import LAYOUTS, convert, needed_columns, openface, pyfeat
from schemas.errors import UsageError
from schemas.frames import FRAME_COLUMNS
from tests.rows import AGENT, CUSTOMER, Face, frame_rows

GOLDEN = Path(__file__).parent / "golden"

# What py-feat's reader of OpenFace files asks for.
PYFEAT_WANTS = (
    "frame", "timestamp", "confidence", "success",
    *(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz"),
    *(f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"),
    *(f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)),
    "p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty", *(f"p_{i}" for i in range(34)),
    *(f"AU{n:02d}_r" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)),
    *(f"AU{n:02d}_c" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)),
)  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> pl.DataFrame:
    """Return the frames of the call of two people."""
    return frame_rows((AGENT, CUSTOMER))


@pytest.fixture(scope="module")
def exported(frames: pl.DataFrame) -> pl.DataFrame:
    """Return them as OpenFace would write them."""
    return convert(frames, "openface")


class TestOpenFace:
    def test_the_header_is_openfaces_own(self, exported: pl.DataFrame) -> None:
        golden = (GOLDEN / "openface_header.csv").read_text().strip().split(",")
        assert exported.columns == golden
        assert len(golden) == 714

    def test_columns_stand_where_other_programs_count_on_them(self) -> None:
        places = {"eye_lmk_x_0": 13, "eye_lmk_X_0": 125, "pose_Tx": 293, "pose_Rx": 296,
                  "x_0": 299, "AU01_r": 679, "AU01_c": 696, "AU45_c": 713}  # fmt: skip
        assert {name: openface.HEADER.index(name) for name in places} == places

    def test_every_column_that_pyfeats_reader_wants_is_there(self) -> None:
        assert len(PYFEAT_WANTS) == 431
        assert set(PYFEAT_WANTS) <= set(openface.HEADER)

    def test_frames_count_from_one_times_are_seconds_and_tracks_are_numbers(
        self, exported: pl.DataFrame
    ) -> None:
        assert exported["frame"].to_list()[:3] == [1, 1, 6]
        assert exported["timestamp"].to_list()[:3] == [0.0, 0.0, 0.2]
        assert exported["face_id"].to_list()[:3] == [0, 1, 0]

    def test_scored_faces_are_successes_and_others_are_not(
        self, frames: pl.DataFrame, exported: pl.DataFrame
    ) -> None:
        is_scored = (frames["status"] == "scored").cast(pl.Int64)
        assert exported["success"].to_list() == is_scored.to_list()
        assert exported["success"].sum() == 275
        unscored = exported.filter(pl.col("success") == 0)
        assert unscored["AU12_r"].null_count() == unscored["AU12_c"].null_count() == 5

    def test_presence_begins_at_one_half_and_intensity_is_our_own(
        self, frames: pl.DataFrame, exported: pl.DataFrame
    ) -> None:
        at_half = frames.with_columns(AU12=pl.lit(0.5, pl.Float32)).head(1)
        below = frames.with_columns(AU12=pl.lit(0.495, pl.Float32)).head(1)
        assert convert(at_half, "openface")["AU12_c"].item() == 1.0
        assert convert(below, "openface")["AU12_c"].item() == 0.0
        assert exported["AU12_r"].to_list()[:20] == pytest.approx(
            frames["AU12_intensity"].to_list()[:20], abs=0.0051
        )

    def test_what_is_not_observed_is_empty_and_never_zero(self, exported: pl.DataFrame) -> None:
        empty = ("gaze_0_x", "eye_lmk_X_3", "pose_Tx", "x_30", "Z_67", "p_scale", "p_33",
                 "AU23_r", "AU23_c")  # fmt: skip
        assert all(exported[name].null_count() == exported.height for name in empty)

    def test_angles_are_radians_in_a_cameras_sense(self, exported: pl.DataFrame) -> None:
        # 20 degrees down, 10 degrees to the person's own left, 5 degrees to the own left shoulder.
        pose = exported.select("pose_Rx", "pose_Ry", "pose_Rz").row(0)
        assert pose == pytest.approx([math.radians(20), -math.radians(10), math.radians(5)],
                                     abs=6e-4)  # fmt: skip

    def test_no_angle_is_minus_zero(self, frames: pl.DataFrame) -> None:
        flat = frames.head(1).with_columns(yaw_deg=pl.lit(0.0, pl.Float32))
        assert convert(flat, "openface").select("pose_Ry").write_csv() == "pose_Ry\n0.0\n"

    def test_a_csv_comes_back_with_the_same_numbers(self, exported: pl.DataFrame) -> None:
        back = pl.read_csv(io.StringIO(exported.write_csv()), infer_schema_length=None)
        for name in ("AU12_r", "AU12_c", "success", "timestamp", "pose_Rx"):
            pairs = zip(back[name], exported[name], strict=True)
            assert all(a == b or a == pytest.approx(b, abs=1e-6) for a, b in pairs), name


class TestPyFeat:
    def test_the_header_is_the_golden_one(self, frames: pl.DataFrame) -> None:
        golden = (GOLDEN / "pyfeat_header.csv").read_text().strip().split(",")
        assert convert(frames, "pyfeat").columns == golden

    def test_boxes_scores_and_identity_are_ours(self, frames: pl.DataFrame) -> None:
        row = convert(frames, "pyfeat", "call.mp4").row(0, named=True)
        box = [row[f"FaceRect{part}"] for part in ("X", "Y", "Width", "Height")]
        assert box == [250.0, 200.0, 180.0, 230.0]
        assert row["AU12"] == frames["AU12"][0]
        assert row["happiness"] == frames["emotion_happiness"][0]
        assert (row["frame"], row["input"], row["Identity"]) == (0, "call.mp4", "agent")
        assert row["AU23"] is None
        assert row["x_0"] is None
        assert row["Pitch"] == pytest.approx(math.radians(20), abs=1e-4)

    def test_time_is_minutes_and_seconds_past_the_hour(self, frames: pl.DataFrame) -> None:
        late = frames.head(1).with_columns(pts_ms=pl.lit(3_725_000, pl.Int64))
        assert convert(late, "pyfeat")["approx_time"].item() == "62:05"

    def test_a_face_without_participant_is_known_by_its_track(self) -> None:
        rows = frame_rows((Face(participant_id=None, policy="skip"),), duration_s=1)
        assert convert(rows, "pyfeat")["Identity"].unique().to_list() == ["main-0-1"]

    def test_expressions_that_policy_forbids_are_empty(self) -> None:
        rows = frame_rows((Face(policy="facial_actions_only"),), duration_s=1)
        exported = convert(rows, "pyfeat")
        assert all(exported[name].null_count() == 5 for name in pyfeat.FEAT_EMOTIONS)
        assert exported["AU12"].null_count() == 0


def test_facestates_own_layout_is_the_table_as_it_is(frames: pl.DataFrame) -> None:
    assert convert(frames, "facestate").equals(frames)
    assert needed_columns("facestate") == tuple(column.name for column in FRAME_COLUMNS)


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_every_layout_is_made_of_the_columns_it_says_and_nothing_else(
    layout: str, frames: pl.DataFrame
) -> None:
    narrow = convert(frames.select(needed_columns(layout)), layout)
    assert narrow.equals(convert(frames, layout))


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_call_without_faces_gives_the_header(layout: str, frames: pl.DataFrame) -> None:
    empty = convert(frames.clear(), layout)
    assert empty.height == 0
    assert empty.columns == convert(frames.head(1), layout).columns


def test_an_unknown_layout_gets_the_near_word(frames: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="did you mean 'openface'"):
        convert(frames, "openfaces")
