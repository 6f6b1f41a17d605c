"""A live source is cut as it comes, survives a lost connection, and ends when it is told to.

Method: a real RTSP client against a small server in the test, which hangs up or falls silent.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from operators.decode import PyavDecoder
from pipeline.sources.identity import SourceOptions, StreamIdentity
from pipeline.sources.live import WEBCAM_REMEDY, rtsp_options, webcam_options
from pipeline.sources.media import Source, open_source
from pipeline.sources.resolve import SourceKind, SourceSpec, resolve_inputs
from schemas.errors import SourceMissingError, SourceUnreadableError
from schemas.names import AnchorSource, EpochReason, Role, SegmentFlag
from schemas.segments import SegmentHeader
from tests.rtsp import RtspServer
from tests.videos import number_of, video

IDENTITY = StreamIdentity("t", "c", "s", Role.CUSTOMER, 1_700_000_000_000, AnchorSource.PUBLISHER)
QUICK = {"timeout_s": 0.5, "backoff_s": 0.02, "reconnect_attempts_max": 2}


@pytest.fixture(scope="module")
def raw_h264() -> bytes:
    params = "keyint=50:repeat-headers=1:bframes=0"
    return video(110, container="h264", options={"x264-params": params})


def opened(server: RtspServer, **changes: object) -> Source:
    return open_source(resolve_inputs([server.url])[0], SourceOptions(**(QUICK | changes)))


def watched(source: Source) -> Iterator[tuple[SegmentHeader, list[int]]]:
    for segment in source.segments(IDENTITY):
        frames = PyavDecoder().frames(segment, lambda _pts_ms: True)
        yield segment.header, [number_of(f.image) for f in frames if f.image is not None]
    source.close()


def test_rtsp_over_tcp_gives_every_picture_in_segments_of_two_seconds(raw_h264: bytes) -> None:
    with RtspServer(raw_h264, connection_max=1) as server:
        source = opened(server)
        assert source.info.is_live
        assert (source.info.width_px, source.info.height_px) == (160, 96)
        seen = list(watched(source))
    assert [number for _, numbers in seen for number in numbers] == list(range(110))
    assert [header.frame_count for header, _ in seen] == [50, 50, 10, 0]
    assert [header.sequence for header, _ in seen] == [0, 1, 2, 3]
    assert [header.is_end_of_stream for header, _ in seen] == [False, False, False, True]


def test_large_pictures_arrive_whole(raw_h264: bytes) -> None:
    options = {"preset": "ultrafast", "x264-params": "keyint=10:repeat-headers=1:qp=5"}
    raw = video(20, container="h264", size_px=(640, 384), options=options)
    with RtspServer(raw, connection_max=1) as server:
        seen = list(watched(opened(server)))
    assert [number for _, numbers in seen for number in numbers] == list(range(20))


def test_segments_come_while_the_stream_goes_on(raw_h264: bytes) -> None:
    with RtspServer(raw_h264, is_silent=True, connection_max=1) as server:
        source = opened(server, timeout_s=5.0)
        began_s = time.monotonic()
        header, numbers = next(watched(source))
        source.close()
    assert (header.sequence, numbers) == (0, list(range(50)))
    assert time.monotonic() - began_s < 4.0


def test_a_lost_connection_begins_an_epoch_at_the_clock(raw_h264: bytes) -> None:
    now_ms = IDENTITY.epoch_start_ms + 60_000
    with RtspServer(raw_h264, drop_after=(75, 60), connection_max=2) as server:
        seen = list(watched(opened(server, clock_ms=lambda: now_ms)))
    assert [numbers for _, numbers in seen] == [
        list(range(50)), list(range(50, 75)), list(range(50)), list(range(50, 60)), [],
    ]  # fmt: skip
    assert [header.sequence for header, _ in seen] == [0, 1, 2, 3, 4]
    assert [header.epoch for header, _ in seen] == [0, 0, 1, 1, 1]
    after = seen[2][0]
    assert after.epoch_reason is EpochReason.RECONNECT
    assert (after.epoch_start_ms, after.anchor_source) == (now_ms, AnchorSource.PUBLISHER)
    assert SegmentFlag.EPOCH_CHANGED in after.flags


def test_event_time_never_goes_back_although_the_clock_does(raw_h264: bytes) -> None:
    with RtspServer(raw_h264, drop_after=(75, 60), connection_max=2) as server:
        headers = [header for header, _ in watched(opened(server, clock_ms=lambda: 0))]
    assert headers[2].epoch_start_ms == IDENTITY.epoch_start_ms + 75 * 40


def test_a_silent_source_is_given_up_in_bounded_time(raw_h264: bytes) -> None:
    with RtspServer(raw_h264, drop_after=(60,), is_silent=True, connection_max=1) as server:
        source = opened(server, reconnect_attempts_max=1)
        began_s = time.monotonic()
        seen = list(watched(source))
    assert time.monotonic() - began_s < 8.0
    assert [number for _, numbers in seen for number in numbers] == list(range(60))
    assert seen[-1][0].is_end_of_stream


def test_stop_ends_the_stream_with_a_segment_marked_as_the_end(raw_h264: bytes) -> None:
    with RtspServer(raw_h264, pace=0.3) as server:
        source = opened(server, timeout_s=5.0)
        seen = []
        for header, numbers in watched(source):
            seen.append((header, numbers))
            source.stop()
    assert len(seen) == 2
    assert seen[-1][0].is_end_of_stream
    assert not seen[0][0].is_end_of_stream


def test_a_server_that_is_not_there_is_unreadable_and_its_password_stays_hidden() -> None:
    with RtspServer(video(2, container="h264"), connection_max=0) as server:
        url = server.url
    with pytest.raises(SourceUnreadableError, match="cannot be opened") as caught:
        open_source(resolve_inputs([url])[0], SourceOptions(**QUICK))
    assert "hush" not in str(caught.value)
    assert "check host, port" in str(caught.value)
    assert caught.value.__cause__ is None


def test_rtsp_is_read_over_tcp_with_a_timeout() -> None:
    options = rtsp_options(SourceOptions(timeout_s=5.0))
    assert options["rtsp_transport"] == "tcp"
    assert options["timeout"] == "5000000"


def test_a_webcam_is_asked_for_compressed_pictures_of_the_size_set() -> None:
    assert webcam_options(SourceOptions()) == {"input_format": "mjpeg"}
    assert webcam_options(SourceOptions(webcam_size="1280x720", webcam_fps=25.0)) == {
        "input_format": "mjpeg",
        "video_size": "1280x720",
        "framerate": "25",
    }


def test_a_webcam_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceMissingError, match="no camera /dev/video9999"):
        open_source(resolve_inputs(["webcam:9999"])[0])


def test_a_device_that_is_no_camera_is_unreadable_and_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    spec = SourceSpec(SourceKind.WEBCAM, "webcam:0", str(tmp_path / "video0"))
    with pytest.raises(SourceUnreadableError, match="cannot be opened") as caught:
        open_source(spec)
    assert caught.value.remedy == WEBCAM_REMEDY


def test_a_camera_that_comes_back_with_another_size_says_so_in_its_epoch(raw_h264: bytes) -> None:
    params = "keyint=50:repeat-headers=1:bframes=0"
    larger = video(
        20, container="h264", size_px=(320, 192), options={"x264-params": params}
    )  # fmt: skip
    with RtspServer(raw_h264, raw_after=larger, drop_after=(60, 20), connection_max=2) as server:
        headers = [header for header, _ in watched(opened(server))]
    before, after = headers[1], headers[2]
    assert (before.width_px, after.width_px) == (160, 320)
    assert (before.epoch, after.epoch) == (0, 1)
    assert after.epoch_reason is EpochReason.FORMAT_CHANGED
