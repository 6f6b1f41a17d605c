"""Segments that are containers in memory decode as plain PyAV decodes them, damage accounted for.

Method: small coded videos whose pictures show their number, in every container, whole and damaged.
"""

from io import BytesIO

import av
import numpy as np
import pytest

from operators.decode import PyavDecoder
from schemas.errors import SourceRejectedError, SourceUnreadableError
from schemas.media import DecodedFrame, Segment
from schemas.names import PtsSource
from schemas.segments import SegmentHeader
from tests.videos import damaged, number_of, packets, picture, reference, rotated_mp4, video

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof+delay_moov"}
CONTAINERS = {
    "mp4": {},
    "fragmented mp4": {"muxer": FRAGMENTED},
    "mpegts": {"container": "mpegts"},
    "matroska": {"container": "matroska"},
    "avi": {"codec": "mjpeg", "container": "avi", "pix_fmt": "yuvj420p"},
    "gif": {"codec": "gif", "container": "gif", "pix_fmt": "rgb8"},
    "vp8": {"codec": "libvpx", "container": "webm"},
    "hevc": {"codec": "libx265"},
    "raw h264": {"container": "h264"},
    "raw hevc": {"codec": "libx265", "container": "hevc"},
}
RAW = {"raw h264", "raw hevc"}


def segment(body: bytes, frame_count: int = 0) -> Segment:
    header = SegmentHeader(
        tenant="t", call_id="c", stream_id="s", epoch_start_ms=0, sequence=0, codec="h264",
        width_px=160, height_px=96, timebase_num=1, timebase_den=1000, first_pts=0, last_pts=0,
        frame_count=frame_count, body_bytes=len(body), sha256="0" * 64, published_at_ms=None,
        traceparent=None,
    )  # fmt: skip
    return Segment(header, body)


def decode(body: bytes, frame_count: int = 0) -> list[DecodedFrame]:
    return list(PyavDecoder().frames(segment(body, frame_count), lambda _pts_ms: True))


def corrupt(frames: list[DecodedFrame]) -> list[int]:
    return [frame.frame_index for frame in frames if frame.is_corrupt]


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_gives_the_pictures_and_times_of_a_plain_decode(kind: str) -> None:
    body = video(30, **CONTAINERS[kind])
    frames, expected = decode(body, 30), reference(body)
    assert len(frames) == len(expected) == 30
    for frame, (time_s, image) in zip(frames, expected, strict=True):
        assert frame.image is not None
        assert np.array_equal(frame.image, image)
        assert time_s is None or frame.pts_ms == pytest.approx(time_s * 1000, abs=1e-6)
    is_raw = kind in RAW
    source = PtsSource.SYNTHESISED if is_raw else PtsSource.CONTAINER
    assert {frame.pts_source for frame in frames} == {source}


@pytest.mark.parametrize("kind", RAW)
def test_missing_times_follow_the_frame_rate_in_order_of_display(kind: str) -> None:
    frames = decode(video(30, **CONTAINERS[kind]))
    assert [round(frame.pts_ms) for frame in frames] == [n * 40 for n in range(30)]
    assert [number_of(frame.image) for frame in frames] == list(range(30))


def test_decode_times_of_avi_are_handed_out_in_order_of_display() -> None:
    frames = decode(video(30, container="avi", options={"bf": "2"}))
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    steps = np.diff([frame.pts_ms for frame in frames])
    assert steps == pytest.approx(40.0)
    assert corrupt(frames) == []


def test_variable_frame_rate_keeps_its_times() -> None:
    pts = [0, 1, 2, 10, 11, 40, 41]
    frames = decode(video(7, container="matroska", pts=pts))
    assert [frame.pts_ms for frame in frames] == [n * 40.0 for n in pts]


def test_only_wanted_pictures_are_converted_and_each_time_is_asked_once() -> None:
    asked: list[float] = []

    def is_wanted(pts_ms: float) -> bool:
        asked.append(pts_ms)
        return len(asked) % 5 == 1

    frames = list(PyavDecoder().frames(segment(video(20)), is_wanted))
    assert asked == [frame.pts_ms for frame in frames] == [n * 40.0 for n in range(20)]
    assert [frame.image is not None for frame in frames] == [n % 5 == 0 for n in range(20)]


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (180, 2), (270, 1)])
def test_a_rotated_video_comes_upright(degrees: int, turns: int) -> None:
    body = video(5)
    upright, turned = decode(body), decode(rotated_mp4(body, degrees))
    for before, after in zip(upright, turned, strict=True):
        assert np.array_equal(np.rot90(before.image, turns), after.image)
        assert after.image.flags.c_contiguous


def flat_colour(size_px: tuple[int, int], matrix: str, code: int | None, full: bool) -> np.ndarray:
    """Return the mean colour of (200, 60, 40) after one way of coding it."""
    width, height = size_px
    rgb = np.full((height, width, 3), (200, 60, 40), np.uint8)
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25, options={"x264-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.color_range = 2 if full else 1
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace=matrix, dst_color_range=2 if full else 1
        )
        frame.colorspace = 2 if code is None else code
        stream.codec_context.colorspace = frame.colorspace
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    (decoded,) = decode(buffer.getvalue())
    return decoded.image.mean(axis=(0, 1))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("size_px", "matrix", "code"),
    [
        ((640, 360), "ITU601", 6),
        ((640, 360), "ITU709", 1),
        ((1280, 720), "ITU709", 1),
        ((1280, 720), "ITU601", 6),
        ((640, 360), "ITU601", None),
        ((1280, 720), "ITU709", None),
    ],
)
def test_colours_survive_matrix_and_range(
    size_px: tuple[int, int], matrix: str, code: int | None, full: bool
) -> None:
    colour = flat_colour(size_px, matrix, code, full)
    assert np.abs(colour - (200, 60, 40)).max() <= 4


GOPS = {"x264-params": "keyint=25:min-keyint=25:scenecut=0:bframes=2", "preset": "veryfast"}


@pytest.mark.parametrize("index", [3, 30, 60, 73])
def test_damage_reaches_to_the_next_keyframe_and_no_further(index: int) -> None:
    body = video(75, options=GOPS)
    gop = index // 25
    frames = decode(damaged(body, index), 75)
    found = corrupt(frames)
    assert len(frames) == 75
    assert found
    assert gop * 25 <= min(found)
    assert max(found) <= gop * 25 + 24
    assert all(frame.image is None for frame in frames if frame.is_corrupt)
    good = [frame for frame in frames if not frame.is_corrupt]
    assert [number_of(frame.image) for frame in good] == [frame.frame_index for frame in good]


def test_is_wanted_is_not_asked_for_corrupt_frames() -> None:
    asked: list[float] = []
    body = damaged(video(50, options=GOPS), 30)
    frames = list(PyavDecoder().frames(segment(body), lambda pts: asked.append(pts) is None))
    assert asked == [frame.pts_ms for frame in frames if not frame.is_corrupt]


def test_a_destroyed_keyframe_costs_its_gop() -> None:
    frames = decode(damaged(video(50, options=GOPS), 0))
    assert corrupt(frames) == list(range(25))


@pytest.mark.parametrize("container", ["mpegts", "matroska", "h264"])
def test_of_a_cut_off_stream_what_decodes_is_used(container: str) -> None:
    body = video(75, container=container, options=GOPS)
    frames = decode(body[: len(body) // 2], 75)
    good = [frame for frame in frames if not frame.is_corrupt]
    assert len(frames) == 75
    assert 20 <= len(good) < 60
    times_ms = [frame.pts_ms - frames[0].pts_ms for frame in good]
    assert [number_of(frame.image) * 40.0 for frame in good] == pytest.approx(times_ms)


def test_of_a_cut_off_mp4_every_whole_picture_is_used_and_the_rest_declared_corrupt() -> None:
    body = video(75, options=GOPS, muxer={"movflags": "faststart"})
    size = len(body) // 2
    whole = sum(position + length <= size for position, length, _ in packets(body))
    frames = decode(body[:size])
    assert len(frames) == 75
    assert len(frames) - len(corrupt(frames)) >= whole - 2  # their references may be cut off
    times = [frame.pts_ms for frame in frames]
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(74 * 40, abs=120)


def test_a_change_of_size_gives_pictures_of_both_sizes() -> None:
    body = video(20, container="h264") + video(20, container="h264", size_px=(320, 192))
    shapes = [frame.image.shape for frame in decode(body)]
    assert shapes == [(96, 160, 3)] * 20 + [(192, 320, 3)] * 20


def test_a_time_that_does_not_follow_is_nudged_and_flagged() -> None:
    body = video(6, codec="mpeg4", container="matroska")
    block = b"\x81" + (120).to_bytes(2)  # a block's track and its time, Matroska 10.2
    assert body.count(block) == 1
    frames = decode(body.replace(block, b"\x81" + (80).to_bytes(2)))
    assert [frame.pts_ms for frame in frames] == [0.0, 40.0, 80.0, 81.0, 160.0, 200.0]
    nudged = [frame.pts_source is PtsSource.SYNTHESISED for frame in frames]
    assert nudged == [False, False, False, True, False, False]
    assert [number_of(frame.image) for frame in frames] == list(range(6))


def test_frames_that_the_header_promises_and_the_body_lacks_are_corrupt() -> None:
    frames = decode(video(20), frame_count=25)
    assert corrupt(frames) == [20, 21, 22, 23, 24]
    assert [frame.pts_ms for frame in frames[19:22]] == [760.0, 800.0, 840.0]


def test_a_body_that_is_no_video_is_unreadable() -> None:
    with pytest.raises(SourceUnreadableError, match="cannot be opened"):
        decode(b"\0\1\2 not a video" * 100)


def test_a_playlist_is_not_followed() -> None:
    for text in (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"ffconcat version 1.0\nfile /etc/x\n"):
        with pytest.raises(SourceUnreadableError):
            decode(text * 20)


def test_pictures_beyond_the_bounds_are_rejected_before_anything_is_converted() -> None:
    with pytest.raises(SourceRejectedError, match="8448x64 px are beyond the bounds"):
        decode(video(2, size_px=(8448, 64)))


def test_the_numbers_in_the_test_pictures_can_be_read() -> None:
    assert [number_of(picture(n)) for n in range(256)] == list(range(256))
