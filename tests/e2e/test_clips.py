"""Goal: on every real clip the faces, frames and accounts are those that the manifest names.

Method: `facestate run` as a user types it, once over all clips into one folder of tables.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.cli.main import execute
from pipeline.lake.tables import Lake
from pipeline.queries import resolve_call
from schemas.ledger import discrepancies
from schemas.names import AU_NAMES, RunState
from tests.e2e.clip_runs import analyse, clip_frames

CLIPS = (
    "headset_screenshare.mp4",
    "intel_man_headpose_smile.gif",
    "intel_three_people.gif",
    "multi_face_5.jpg",
    "negative_dog.mp4",
    "pyfeat_noface_face.mov",
    "pyfeat_pexels_woman.mp4",
    "pyfeat_single_face.mp4",
    "videoconf_zhling_720p.264",
    "webcam_talk_cap12.mp4",
)
# Clip -> seconds of its first and last sighting, one per track; None where a still has no length.
ON_SCREEN: dict[str, list[tuple[float, float]]] = {
    "headset_screenshare.mp4": [(0.03, 8.24)],
    "intel_man_headpose_smile.gif": [(0.0, 5.0)],
    "intel_three_people.gif": [(0.0, 3.25)] * 3,
    "multi_face_5.jpg": [(0.0, 0.0)] * 5,
    "negative_dog.mp4": [],
    "pyfeat_noface_face.mov": [(4.01, 6.21)],
    "pyfeat_pexels_woman.mp4": [(0.0, 19.6)],
    "pyfeat_single_face.mp4": [(0.0, 2.2)],
    "videoconf_zhling_720p.264": [(0.0, 0.6)],
    "webcam_talk_cap12.mp4": [(0.0, 53.4)],
}


@pytest.fixture
def lake(clip_lake: Lake) -> Lake:
    return clip_lake


@pytest.fixture(scope="module")
def manifest(clips: Path) -> dict[str, Any]:
    """Return what the manifest says of each clip."""
    return {clip["name"]: clip for clip in json.loads((clips / "manifest.json").read_text())}


def rows_of(lake: Lake, table: str, clip: str) -> pl.DataFrame:
    ref = resolve_call(lake, "default", clip)
    return ref.select(lake, table).collect()


def test_every_clip_of_the_manifest_is_tested(manifest: dict[str, Any], lake: Lake) -> None:
    assert sorted(manifest) == sorted(CLIPS) == sorted(ON_SCREEN)
    runs = lake.scan("runs").filter(pl.col("state") == RunState.FINISHED).collect()
    assert sorted(runs["source_name"]) == sorted(CLIPS)


@pytest.mark.parametrize("clip", CLIPS)
def test_the_number_of_faces_is_that_of_the_manifest(
    clip: str, lake: Lake, manifest: dict[str, Any]
) -> None:
    rows = rows_of(lake, "frames", clip)
    assert rows["track_id"].n_unique() == manifest[clip]["faces"]
    assert rows["participant_id"].n_unique() == manifest[clip]["faces"]


@pytest.mark.parametrize("clip", CLIPS)
def test_each_face_is_one_track_from_its_first_sight_to_its_last(clip: str, lake: Lake) -> None:
    rows = clip_frames(lake, clip)
    spans = rows.group_by("track_id").agg(
        pl.col("time_s").min().alias("first"), pl.col("time_s").max().alias("last"), pl.len()
    )
    expected = ON_SCREEN[clip]
    assert spans.height == len(expected)
    for first, last, count in sorted(spans.select("first", "last", "len").iter_rows()):
        assert (first, last) == (
            pytest.approx(expected[0][0], abs=0.21),
            pytest.approx(expected[0][1], abs=0.21),
        )
        assert count >= 0.95 * (5 * (last - first)), "hardly a frame without the face"


@pytest.mark.parametrize("clip", CLIPS)
def test_no_frame_shows_more_faces_than_there_are(
    clip: str, lake: Lake, manifest: dict[str, Any]
) -> None:
    counts = rows_of(lake, "frames", clip).group_by("frame_index").len()["len"]
    assert max(counts, default=0) == manifest[clip]["faces"]


@pytest.mark.parametrize("clip", CLIPS)
def test_decoded_frames_are_those_of_the_manifest(
    clip: str, lake: Lake, manifest: dict[str, Any]
) -> None:
    rows = rows_of(lake, "segments", clip)
    assert rows["frames"].sum() == manifest[clip]["frames"]
    assert rows["frames_corrupt"].sum() == 0
    assert set(rows["width_px"]) == {manifest[clip]["width"]}
    assert set(rows["height_px"]) == {manifest[clip]["height"]}


@pytest.mark.parametrize("clip", CLIPS)
def test_five_frames_a_second_are_analysed(clip: str, lake: Lake) -> None:
    segments = rows_of(lake, "segments", clip)
    analysed = segments["frames_analysed"].sum()
    seconds = (segments["last_pts_ms"].max() - segments["first_pts_ms"].min()) / 1000
    assert analysed == pytest.approx(5 * seconds + 1, abs=1.5)


@pytest.mark.parametrize("clip", CLIPS)
def test_the_ledger_adds_up(clip: str, lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    for row in rows_of(lake, "segments", clip).iter_rows(named=True):
        assert discrepancies(row) == []
    code = execute(["ledger", clip, "--out", str(lake.root), "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["is_balanced"]
    assert told["totals"]["faces"] == rows_of(lake, "frames", clip).height


@pytest.mark.parametrize("clip", CLIPS)
def test_scores_are_complete_and_within_their_bounds(clip: str, lake: Lake) -> None:
    rows = rows_of(lake, "frames", clip)
    scored = rows.filter(pl.col("status") == "scored")
    assert scored.height >= 0.75 * rows.height
    for name in AU_NAMES:
        values = scored[name].drop_nulls()
        assert len(values) in (0, scored.height), f"{name} is observed always or never"
        assert values.is_between(0, 1).all()
    sums = scored.select(pl.sum_horizontal(pl.col("^emotion_[a-z]+$")))
    assert sums.to_series().is_between(0.97, 1.03).all()


@pytest.mark.parametrize("clip", CLIPS)
def test_windows_hold_exactly_the_scored_frames(clip: str, lake: Lake) -> None:
    scored = rows_of(lake, "frames", clip).filter(pl.col("status") == "scored").height
    windows = rows_of(lake, "windows", clip).filter(pl.col("subject") == "track")
    for size_s in (1, 10, 60):
        mine = windows.filter(pl.col("window_s") == size_s)
        assert mine["scored_count"].sum() == scored, size_s


def test_a_face_of_80_px_in_a_corner_is_followed_for_the_whole_clip(lake: Lake) -> None:
    rows = rows_of(lake, "frames", "headset_screenshare.mp4")
    assert rows["face_size_px"].median() == pytest.approx(70, abs=20)
    assert rows["box_x2_px"].max() - rows["box_x1_px"].min() < 1280 / 4
    assert (rows["pts_ms"].max() - rows["pts_ms"].min()) / 1000 > 8.0


def test_the_clips_are_refused_when_they_are_analysed_again(
    lake: Lake, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clips / "multi_face_5.jpg"
    args = ["run", str(clip), "--role", "customer", "--out", str(lake.root), "--redis", "none"]
    assert execute(args) == 4
    assert "--replace" in capsys.readouterr().err


@pytest.mark.parametrize("fps", ["1", "0.5"])
def test_a_face_that_is_analysed_seldom_is_one_track_all_the_same(
    clips: Path, weights: Path, tmp_path: Path, fps: str
) -> None:
    lake = analyse([clips / "pyfeat_pexels_woman.mp4"], tmp_path, "--fps", fps)
    rows = lake.scan("frames").collect()
    assert rows["track_id"].unique().to_list() == ["t0001"]
    assert len(rows) == pytest.approx(19.7 * float(fps), abs=1)
