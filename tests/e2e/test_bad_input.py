"""Goal: bad input ends in one clear line, the documented exit code and nothing half-written.

Method: the command line in this process, as `main` runs it, on made videos and wrong options;
what native code writes past Python counts too.
"""

import json
import os
import struct
from pathlib import Path

import av
import pytest

from pipeline.lake.tables import Lake
from tests.commands import assert_refused, run_told, told
from tests.videos import damaged, picture, rotated_mp4, video

ROLE = ("--role", "customer")


def audio_only() -> bytes:
    with av.open("audio.mp4", "w") as output:
        stream = output.add_stream("aac", rate=44100)
        for index in range(20):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.rate, frame.pts = 44100, index * 1024
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return Path("audio.mp4").read_bytes()


def no_frames() -> bytes:
    with av.open("none.mp4", "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        output.start_encoding()
    return Path("none.mp4").read_bytes()


def absurd_gif() -> bytes:
    body = bytearray(video(1, codec="gif", container="gif", pix_fmt="rgb8"))
    body[6:10] = struct.pack("<HH", 65535, 65535)
    return bytes(body)


def absurd_png() -> bytes:
    import cv2

    body = bytearray(cv2.imencode(".png", picture(3))[1].tobytes())
    body[16:24] = struct.pack(">II", 10**9, 10**9)
    return bytes(body)


UNUSABLE = {
    "empty.mp4": "the file is empty",
    "text.mp4": "not a video",
    "noise.mp4": "not a video",
    "cut_in_header.mp4": "moov",
    "cut_before_index.mp4": "moov",
    "audio.mp4": "no video in it",
    "no_frames.mp4": "no video in it",
    "absurd.gif": "absurd",
    "absurd.png": "beyond the bounds",
}


def body_of(name: str, good: bytes) -> bytes:
    made = {"audio.mp4": audio_only, "no_frames.mp4": no_frames, "absurd.gif": absurd_gif,
            "absurd.png": absurd_png}  # fmt: skip
    if name in made:
        return made[name]()
    return {
        "empty.mp4": b"",
        "text.mp4": b"this is no video\n" * 50,
        "noise.mp4": bytes(range(256)) * 100,
        "cut_in_header.mp4": good[:32],
        "cut_before_index.mp4": good[: len(good) // 2],
    }[name]


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_holds_no_video_is_unusable_input(place, capfd, good, name):
    Path(name).write_bytes(body_of(name, good))
    assert_refused(run_told(capfd, name, *ROLE), 3, UNUSABLE[name], name)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nothere.mp4", "no such file"),
        ("nomatch*.mp4", "nothing matches"),
        ("", "empty name"),
        ("a\0b.mp4", "NUL"),
        ("a\nb.mp4", r"a\nb.mp4"),
        ("\x1b[31mred.mp4", r"\x1b[31mred.mp4"),
        ("x" * 5000, "no such file"),
        ("good.mp4/x", "no such file"),
        ("folder", "holds no video"),
        ("/dev/zero", "not a regular file"),
        ("http://user:secret@host/call.mp4", "'http' are not read"),
        ("webcam:99", "no camera"),
    ],
)
def test_a_name_of_nothing_is_unusable_input(place, capfd, good, given, words):
    Path("good.mp4").write_bytes(good)
    Path("folder").mkdir()
    said = run_told(capfd, given, *ROLE)
    assert_refused(said, 3, words)
    assert "secret" not in said.err


def test_good_inputs_are_analysed_beside_bad_ones_and_the_exit_code_tells(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    Path("text.mp4").write_text("this is no video")
    said = run_told(capfd, "good.mp4", "nothere.mp4", "text.mp4", "./good.mp4", *ROLE, "--json")
    assert said.code == 3
    assert [outcome["is_finished"] for outcome in json.loads(said.out)] == [True]
    assert [("nothere.mp4" in line, "text.mp4" in line) for line in said.lines] == [
        (True, False), (False, True)
    ]  # fmt: skip


def test_a_second_run_is_refused_and_says_how_to_overrule(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    assert run_told(capfd, "good.mp4", *ROLE).code == 0
    again = run_told(capfd, "good.mp4", *ROLE)
    assert (again.code, len(again.lines), again.out) == (4, 1, "")
    assert "--replace" in again.err
    assert run_told(capfd, "good.mp4", *ROLE, "--replace").code == 0


def lenient() -> dict[str, bytes]:
    """Return videos that are odd or damaged, and still hold pictures."""
    plain = video(20)
    front = video(50, muxer={"movflags": "faststart"}, options={"g": "10"})
    return {
        "odd.mp4": video(10, size_px=(333, 211), pix_fmt="yuv444p"),
        "turned.mp4": rotated_mp4(plain, 90),
        "ten_bit.mp4": video(10, codec="libx265", pix_fmt="yuv420p10le"),
        "grey.mp4": video(10, pix_fmt="gray"),
        "interlaced.mp4": video(10, options={"x264-params": "tff=1"}),
        "uneven.mp4": video(6, pts=[0, 1, 5, 30, 31, 60]),
        "alpha.webm": video(10, codec="libvpx-vp9", container="webm", pix_fmt="yuva420p"),
        "tiny.mp4": video(10, size_px=(16, 16)),
        "one_frame.gif": video(1, codec="gif", container="gif", pix_fmt="rgb8"),
        "still.png": video(1, codec="png", container="image2pipe", pix_fmt="rgb24"),
        "raw.264": video(10, container="h264"),
        "cut_off.mp4": front[: len(front) * 6 // 10],
        "spoilt.mp4": damaged(plain, 10),
        "line\nend\x1b[31m.mp4": plain,
        "x" * 240 + ".mp4": plain + bytes(8),
        os.fsdecode(b"no\xfftext\xfe.mp4"): plain + bytes(16),
    }


def test_whatever_holds_pictures_is_analysed_and_its_ledger_adds_up(place, capfd):
    Path("in").mkdir()
    for name, body in lenient().items():
        Path("in", name).write_bytes(body)
    said = run_told(capfd, "in", *ROLE, "--json")
    assert said.code == 0
    assert len(said.lines) == 2, "what is damaged is told, and nothing else"
    assert all("damaged segment" in line and "source=" in line for line in said.lines)
    outcomes = json.loads(said.out)
    assert len(outcomes) == len(lenient())
    lake = Lake("out")
    segments = lake.scan("segments").collect()
    names = {row["call_id"]: row["source_name"] for row in lake.scan("runs").collect().to_dicts()}
    for row in segments.to_dicts():
        name = names[row["call_id"]]
        parts = ("analysed", "not_sampled", "corrupt", "shed", "dead_lettered")
        assert sum(row[f"frames_{part}"] for part in parts) == row["frames"], name
    for outcome in outcomes:
        assert told(capfd, "ledger", outcome["call_id"], "--out", "out").code == 0


def test_of_a_truncated_video_what_decodes_is_used_and_the_rest_is_in_the_ledger(place, capfd):
    Path("cut.mp4").write_bytes(lenient()["cut_off.mp4"])
    assert run_told(capfd, "cut.mp4", *ROLE).code == 0
    rows = Lake("out").scan("segments").collect()
    assert rows["frames"].sum() == 50
    assert rows["frames_analysed"].sum() > 0
    assert rows["frames_corrupt"].sum() > 0
    assert "truncated" in rows["flags"].to_list()[-1]


def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    said = run_told(capfd, "good.mp4", *ROLE, "--dry-run", "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)[0]["codec"] == "h264"
    assert run_told(capfd, "good.mp4", "nothere.mp4", *ROLE, "--dry-run").code == 3
    assert not Path("out").exists()


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_goes_on(place, capfd, good):
    Path("in/closed").mkdir(parents=True)
    Path("in/good.mp4").write_bytes(good)
    Path("in/closed").chmod(0)
    try:
        if os.access("in/closed", os.R_OK):
            pytest.skip("this user may read every folder")
        said = run_told(capfd, "in", *ROLE, "--json")
    finally:
        Path("in/closed").chmod(0o700)
    assert (said.code, len(said.lines), len(json.loads(said.out))) == (3, 1, 1)
    assert "closed" in said.err


def test_a_file_that_may_not_be_read_is_unusable_input(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    Path("good.mp4").chmod(0)
    if os.access("good.mp4", os.R_OK):
        pytest.skip("this user may read every file")
    assert_refused(run_told(capfd, "good.mp4", *ROLE), 3, "Permission denied", "good.mp4")
