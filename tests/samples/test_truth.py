"""Goal: the sample video and its truth table agree and contain what the README promises.

Method: read both committed files, count and time the frames with PyAV, and look for each
scripted event in the table; nothing is rendered.
"""

from __future__ import annotations

import csv
from pathlib import Path

import av
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
VIDEO = SAMPLES / "two_party_call.mp4"
TRUTH = SAMPLES / "two_party_call_truth.csv"
NUMBERS = (
    "01",
    "02",
    "04",
    "05",
    "06",
    "07",
    "09",
    "10",
    "11",
    "12",
    "14",
    "15",
    "16",
    "17",
    "18",
    "20",
    "22",
    "24",
    "25",
    "26",
    "27",
    "28",
    "33",
    "43",
    "45",
)
AUS = [f"AU{number}" for number in NUMBERS]
COLUMNS = [
    "pts_ms",
    "participant",
    "is_present",
    "is_speaking",
    "expression",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "box_x1_px",
    "box_y1_px",
    "box_x2_px",
    "box_y2_px",
    *AUS,
]
SIZE_BYTES_MAX = 2_000_000
FPS = 25


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """All lines of the table."""
    with TRUTH.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def present(rows: list[dict[str, str]], participant: str) -> list[dict[str, str]]:
    """Lines of one participant while in the picture."""
    return [r for r in rows if r["participant"] == participant and r["is_present"] == "1"]


def runs(flags: list[bool]) -> list[int]:
    """Lengths of the runs of True."""
    out, length = [], 0
    for flag in [*flags, False]:
        if flag:
            length += 1
        elif length:
            out.append(length)
            length = 0
    return out


def test_the_video_is_720p_h264_at_25_fps_with_an_idr_every_50_frames():
    with av.open(str(VIDEO)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1280, 720)
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"
        assert stream.average_rate == FPS
        packets = [p for p in container.demux(stream) if p.size]
    shown = sorted(packets, key=lambda p: p.pts)
    keys = [index for index, packet in enumerate(shown) if packet.is_keyframe]
    assert keys == list(range(0, len(shown), 50))


def test_no_picture_refers_across_a_key_picture():
    with av.open(str(VIDEO)) as container:
        packets = [p for p in container.demux(container.streams.video[0]) if p.size]
    latest_key_pts = None
    for packet in packets:
        if packet.is_keyframe:
            latest_key_pts = packet.pts
        assert packet.pts >= latest_key_pts


def test_the_table_covers_every_frame_and_both_participants(rows):
    with av.open(str(VIDEO)) as container:
        stream = container.streams.video[0]
        times_ms = [round(1000 * frame.time) for frame in container.decode(stream)]
    expected = [(str(t), name) for t in times_ms for name in ("left", "right")]
    assert [(r["pts_ms"], r["participant"]) for r in rows] == expected
    assert 24_000 <= times_ms[-1] <= 32_000


def test_columns_are_in_the_promised_order(rows):
    assert list(rows[0]) == COLUMNS


def test_action_units_lie_between_0_and_1(rows):
    for name in AUS:
        assert all(0 <= float(r[name]) <= 1 for r in rows if r["is_present"] == "1"), name


def test_the_cells_of_an_absent_person_are_empty(rows):
    absent = [r for r in rows if r["is_present"] == "0"]
    assert absent
    assert all(r[name] == "" for r in absent for name in COLUMNS[3:])


@pytest.mark.parametrize(("name", "low", "high"), [("left", 0, 640), ("right", 640, 1280)])
def test_boxes_lie_in_their_half_and_have_call_like_height(rows, name, low, high):
    for r in present(rows, name):
        x1, y1, x2, y2 = (float(r[f"box_{side}_px"]) for side in ("x1", "y1", "x2", "y2"))
        assert low <= x1 < x2 <= high
        assert 0 <= y1 < y2 <= 720
        assert 230 <= y2 - y1 <= 350


def test_someone_smiles_with_raised_cheeks_and_someone_with_closed_lips(rows):
    def smiling(name: str) -> list[dict[str, str]]:
        return [r for r in present(rows, name) if r["expression"] == "happiness"]

    apex = [r for r in smiling("left") if float(r["AU12"]) > 0.7]
    assert len(apex) > FPS
    assert all(float(r["AU06"]) > 0.6 and float(r["AU25"]) > 0.1 for r in apex)
    closed = [r for r in smiling("right") if float(r["AU12"]) > 0.6]
    assert len(closed) > FPS
    assert all(float(r["AU06"]) == 0 and float(r["AU25"]) < 0.05 for r in closed)


def test_one_frowns_and_one_raises_the_brows(rows):
    assert any(
        float(r["AU04"]) > 0.9 and r["expression"] == "anger" for r in present(rows, "right")
    )
    assert any(
        min(float(r[au]) for au in ("AU01", "AU02", "AU05")) > 0.8 and float(r["AU26"]) > 0.3
        for r in present(rows, "left")
        if r["expression"] == "surprise"
    )


@pytest.mark.parametrize("name", ["left", "right"])
def test_blinks_are_short_and_regular(rows, name):
    lines = present(rows, name)
    lengths = runs([float(r["AU45"]) > 0.1 for r in lines])
    assert len(lengths) >= len(lines) / FPS / 5
    assert all(length / FPS <= 0.32 for length in lengths)
    assert all(float(r["AU45"]) in (0.0, float(r["AU43"])) for r in lines)


def test_one_head_turns_past_30_degrees_and_comes_back(rows):
    yaw = [float(r["yaw_deg"]) for r in present(rows, "right")]
    assert 30 < max(yaw) < 45
    assert abs(yaw[0]) < 10
    assert abs(yaw[-1]) < 10


def test_the_left_person_leaves_about_four_seconds_before_the_end_for_good(rows):
    left = [r["is_present"] == "1" for r in rows if r["participant"] == "left"]
    assert runs(left) == [sum(left)]
    assert 3.5 <= (len(left) - sum(left)) / FPS <= 5.0
    assert all(r["is_present"] == "1" for r in rows if r["participant"] == "right")


def test_they_take_turns_in_talking(rows):
    talking = {
        name: {r["pts_ms"] for r in present(rows, name) if r["is_speaking"] == "1"}
        for name in ("left", "right")
    }
    assert not talking["left"] & talking["right"]
    assert min(len(times) for times in talking.values()) > 5 * FPS


def test_lips_move_at_speech_rhythm_while_talking(rows):
    gap = [float(r["AU25"]) for r in present(rows, "left") if 1000 <= int(r["pts_ms"]) < 6000]
    peaks = sum(a < b >= c and b > 0.05 for a, b, c in zip(gap, gap[1:], gap[2:], strict=False))
    assert 2.0 <= peaks / 5.0 <= 5.5


def test_the_files_stay_small():
    assert VIDEO.stat().st_size <= SIZE_BYTES_MAX
    assert TRUTH.stat().st_size <= SIZE_BYTES_MAX
