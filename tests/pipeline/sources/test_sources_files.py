"""A file's segments decode as a plain pass over the file does, and a pass resumes anywhere.

Method: the real clips against their manifest, and small coded videos of every awkward kind.
"""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from operators.decode import PyavDecoder
from operators.pictures import to_image
from pipeline.sources.identity import SourceInfo, SourceOptions, StreamIdentity
from pipeline.sources.media import open_source
from pipeline.sources.resolve import resolve_inputs
from pipeline.sources.session import PREROLL_BYTES_MAX
from schemas.media import DecodedFrame, Segment
from schemas.names import AnchorSource, EpochReason, PtsSource, Role, SegmentFlag
from schemas.segments import SegmentHeader
from tests.videos import damaged, number_of, reference, rotated_mp4, video

IDENTITY = StreamIdentity("t", "c", "s", Role.CUSTOMER, 1_700_000_000_000, AnchorSource.NONE)
DECODER = PyavDecoder()
Outcome = tuple[int, float, PtsSource, bool, int | None]


def digest(image: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(image[::4, ::4]))


def outcome(frame: DecodedFrame) -> Outcome:
    number = None if frame.image is None else digest(frame.image)
    return frame.frame_index, frame.pts_ms, frame.pts_source, frame.is_corrupt, number


def every(_pts_ms: float) -> bool:
    return True


def some(pts_ms: float) -> bool:
    return round(pts_ms) % 7 == 0


def one_pass(
    path: Path, resume_after: int | None = None, is_wanted: Callable[[float], bool] = every
) -> tuple[list[SegmentHeader], list[list[Outcome]]]:
    source = open_source(resolve_inputs([str(path)])[0])
    headers, frames = [], []
    for segment in source.segments(IDENTITY, resume_after):
        headers.append(segment.header)
        frames.append([outcome(f) for f in DECODER.frames(segment, is_wanted)])
    source.close()
    return headers, frames


def info_of(path: Path) -> SourceInfo:
    source = open_source(resolve_inputs([str(path)])[0])
    source.close()
    return source.info


def saved(folder: Path, body: bytes, name: str = "call.mp4") -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def assert_resumes_anywhere(path: Path) -> None:
    headers, frames = one_pass(path)
    for after in range(len(headers)):
        assert one_pass(path, after) == (headers[after + 1 :], frames[after + 1 :])


def manifest(clips: Path) -> list[dict[str, object]]:
    return json.loads((clips / "manifest.json").read_text())


def test_every_clip_gives_the_frames_of_its_manifest_as_plain_pyav_decodes_them(
    clips: Path,
) -> None:
    for clip in manifest(clips):
        path = clips / str(clip["name"])
        headers, frames = one_pass(path, is_wanted=some)
        got = [frame for segment in frames for frame in segment]
        with av.open(str(path)) as container:
            plain = [
                (f.time, digest(to_image(f)) if f.time is None or some(f.time * 1000) else None)
                for f in container.decode(video=0)
            ]
        assert len(got) == len(plain) == clip["frames"], path.name
        assert [frame[0] for frame in got] == list(range(len(got)))
        for (time_s, number), (_, pts_ms, _, is_corrupt, found) in zip(plain, got, strict=True):
            assert not is_corrupt
            assert time_s is None or pts_ms == pytest.approx(time_s * 1000, abs=1e-6)
            assert time_s is None or found == number
        assert [len(segment) for segment in frames] == [h.frame_count for h in headers]
        assert [h.sequence for h in headers] == list(range(len(headers)))
        assert [h.is_end_of_stream for h in headers] == [False] * (len(headers) - 1) + [True]
        assert (headers[0].width_px, headers[0].height_px) == (clip["width"], clip["height"])
        assert headers[0].codec == clip["codec"]


def test_every_clip_resumes_with_the_same_headers_and_frames(
    clips: Path,
) -> None:
    for clip in manifest(clips):
        path = clips / str(clip["name"])
        headers, frames = one_pass(path, is_wanted=some)
        count = len(headers)
        for after in {0, count // 2, count - 2} & set(range(count)):
            assert one_pass(path, after, some) == (headers[after + 1 :], frames[after + 1 :])


def x264(params: str) -> dict[str, str]:
    return {"options": {"preset": "veryfast", "x264-params": params}}


OPEN_GOP = x264("keyint=25:min-keyint=25:open-gop=1:bframes=3:scenecut=0")
INTRA_REFRESH = x264("keyint=25:intra-refresh=1:bframes=0")
LONG_GOP = x264("keyint=1000:bframes=2")
AWKWARD = {
    "open-gop.mp4": OPEN_GOP,
    "open-gop.ts": OPEN_GOP | {"container": "mpegts"},
    "open-gop.264": OPEN_GOP | {"container": "h264"},
    "intra-refresh.mp4": INTRA_REFRESH,
    "intra-refresh.ts": INTRA_REFRESH | {"container": "mpegts"},
    "long-gop.mkv": LONG_GOP | {"container": "matroska"},
    "long-gop.mp4": LONG_GOP,
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=30:bframes=3"}},
    "vp8.webm": {
        "codec": "libvpx",
        "container": "webm",
        "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_streams_decode_as_a_player_would_and_resume_anywhere(
    name: str, tmp_path: Path
) -> None:
    body = video(270, size_px=(96, 64), **AWKWARD[name])
    path = saved(tmp_path, body, name)
    headers, frames = one_pass(path)
    digests = [frame[4] for segment in frames for frame in segment]
    assert digests == [digest(image) for _, image in reference(body)]
    assert len(headers) > 1
    assert_resumes_anywhere(path)


def test_resuming_a_damaged_stream_marks_the_same_frames(tmp_path: Path) -> None:
    body = video(300, **x264("keyint=120:min-keyint=120:scenecut=0:bframes=2"))
    for index in (100, 130, 250):
        body = damaged(body, index)
    path = saved(tmp_path, body)
    headers, frames = one_pass(path)
    assert sum(h.frame_count for h in headers) == 300
    assert any(frame[3] for segment in frames for frame in segment)
    assert_resumes_anywhere(path)


def test_a_stream_without_keyframes_resumes_although_not_all_of_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PREROLL_BYTES_MAX < 100 * 1024 * 1024
    path = saved(tmp_path, video(1100, size_px=(96, 64), **LONG_GOP))
    headers, frames = one_pass(path)
    assert len(headers) == 5
    monkeypatch.setattr("pipeline.sources.session.PREROLL_BYTES_MAX", 1000)
    assert one_pass(path, 2) == (headers[3:], frames[3:])


def test_a_header_is_complete_before_anything_is_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path, video(125, **x264("keyint=25:bframes=0")))
    source = open_source(resolve_inputs([str(path)])[0])
    first = next(source.segments(IDENTITY)).header
    source.close()
    assert (first.first_pts, first.last_pts, first.frame_count) == (0, 49 * 512, 50)
    assert (first.timebase_num, first.timebase_den) == (1, 12800)
    assert first.event_ms(first.pts_ms(first.last_pts)) == IDENTITY.epoch_start_ms + 1960
    payload = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet, _ in zip(container.demux(video=0), range(50), strict=False):
            payload.update(bytes(packet))
    assert first.sha256 == payload.hexdigest()


@pytest.mark.parametrize("read_count", [0, 1, 30, 50])
def test_a_segment_left_unread_does_not_disturb_the_next(tmp_path: Path, read_count: int) -> None:
    path = saved(tmp_path, video(150, **OPEN_GOP))
    headers, frames = one_pass(path)
    assert len(headers) == 3
    source = open_source(resolve_inputs([str(path)])[0])
    segments = source.segments(IDENTITY)
    reading = DECODER.frames(next(segments), every)
    for _ in range(read_count):
        next(reading)
    rest = [[outcome(f) for f in DECODER.frames(s, every)] for s in segments]
    assert rest == frames[1:]
    source.close()


def test_a_segment_cannot_be_read_twice_nor_late(tmp_path: Path) -> None:
    source = open_source(resolve_inputs([str(saved(tmp_path, video(150, **OPEN_GOP)))])[0])
    segments: list[Segment] = list(source.segments(IDENTITY))
    for segment in segments:
        with pytest.raises(RuntimeError, match="read once"):
            DECODER.frames(segment, every)
    source.close()


def test_packets_are_not_held_once_their_segment_is_past(tmp_path: Path) -> None:
    path = saved(tmp_path, video(1500, size_px=(96, 64), **x264("keyint=25")))
    source = open_source(resolve_inputs([str(path)])[0])
    segments = source.segments(IDENTITY)
    session = segments.gi_frame.f_locals["self"]
    held = [session._reader.unfed_bytes for _ in segments]
    assert len(held) == 30
    assert max(held) < 3 * path.stat().st_size / 30
    source.close()


def test_a_cut_off_mp4_yields_what_decodes_and_counts_the_rest(tmp_path: Path) -> None:
    body = video(400, muxer={"movflags": "faststart"}, **x264("keyint=25:bframes=2"))
    path = saved(tmp_path, body[: len(body) // 3])
    headers, frames = one_pass(path)
    flat = [frame for segment in frames for frame in segment]
    assert len(flat) == sum(h.frame_count for h in headers) == 400
    good = [frame[0] for frame in flat if not frame[3]]
    assert 80 < len(good) < 200
    assert [frame[3] for frame in flat[-200:]] == [True] * 200
    truncated = [SegmentFlag.TRUNCATED in h.flags for h in headers]
    assert truncated[-1]
    assert not truncated[0]
    assert headers[-1].is_end_of_stream
    assert_resumes_anywhere(path)


def test_a_pause_begins_an_epoch_after_the_pause(tmp_path: Path) -> None:
    pts = [*range(60), *range(1000, 1060)]
    path = saved(tmp_path, video(120, container="matroska", pts=pts), "jump.mkv")
    headers, frames = one_pass(path)
    assert [(h.sequence, h.epoch, h.frame_count) for h in headers] == [(0, 0, 60), (1, 1, 60)]
    second = headers[1]
    assert second.epoch_reason is EpochReason.PTS_DISCONTINUITY
    assert second.epoch_start_ms == IDENTITY.epoch_start_ms + 1000 * 40
    assert second.pts_ms(second.epoch_first_pts) == 40_000.0
    assert SegmentFlag.PTS_DISCONTINUITY in second.flags
    assert [frame[0] for frame in frames[1]] == list(range(60))
    events = [
        h.event_ms(frame[1])
        for h, segment in zip(headers, frames, strict=True)
        for frame in segment
    ]
    assert events == [IDENTITY.epoch_start_ms + n * 40 for n in pts]
    assert_resumes_anywhere(path)


def test_a_jump_of_hours_is_damage_and_event_time_goes_on_without_it(tmp_path: Path) -> None:
    pts = [*range(60), *range(200_000, 200_060)]
    headers, _ = one_pass(saved(tmp_path, video(120, container="matroska", pts=pts), "far.mkv"))
    assert [h.epoch for h in headers] == [0, 1]
    assert headers[1].epoch_start_ms == IDENTITY.epoch_start_ms + 60 * 40


def test_recordings_joined_end_to_end_make_an_epoch_each(tmp_path: Path) -> None:
    part = video(75, container="mpegts")
    path = saved(tmp_path, part * 3, "joined.ts")
    headers, frames = one_pass(path)
    assert [h.epoch for h in headers] == [0, 1, 2]
    assert [len(segment) for segment in frames] == [75, 75, 75]
    starts = [h.epoch_start_ms - IDENTITY.epoch_start_ms for h in headers]
    assert starts == [0, 3000, 6000]


def test_a_change_of_size_in_the_middle_is_no_fault(tmp_path: Path) -> None:
    body = video(60, container="h264") + video(60, container="h264", size_px=(320, 192))
    path = saved(tmp_path, body, "grows.264")
    source = open_source(resolve_inputs([str(path)])[0])
    shapes = [
        frame.image.shape
        for segment in source.segments(IDENTITY)
        for frame in DECODER.frames(segment, every)
    ]
    source.close()
    assert shapes == [(96, 160, 3)] * 60 + [(192, 320, 3)] * 60


def test_what_a_file_says_about_itself(tmp_path: Path) -> None:
    body = video(50)
    info = info_of(saved(tmp_path, body))
    assert info == SourceInfo(
        name=str(tmp_path / "call.mp4"),
        codec="h264",
        width_px=160,
        height_px=96,
        fps_nominal=25.0,
        duration_ms=2000.0,
        frame_count=50,
        is_live=False,
        content_sha256=hashlib.sha256(body).hexdigest(),
        created_at_ms=None,
    )


def test_a_rotated_file_gives_its_displayed_size(tmp_path: Path) -> None:
    path = saved(tmp_path, rotated_mp4(video(10), 90))
    headers, _ = one_pass(path)
    info = info_of(path)
    assert (info.width_px, info.height_px) == (96, 160)
    assert (headers[0].width_px, headers[0].height_px) == (96, 160)


def test_the_creation_time_of_a_container_is_read_where_it_is_sane(clips: Path) -> None:
    assert info_of(clips / "negative_dog.mp4").created_at_ms == 1_576_872_514_000
    assert info_of(clips / "webcam_talk_cap12.mp4").created_at_ms is None


def test_a_file_name_is_never_taken_for_a_pattern_or_an_address(tmp_path: Path) -> None:
    for name in ("call%03d.mp4", "concat:a.mp4", "a,b;c.mp4", "new\nline.mp4", "list*.gif"):
        path = saved(tmp_path, video(5), name)
        assert info_of(path).frame_count == 5


def test_stills_are_streams_of_one_frame(tmp_path: Path, clips: Path) -> None:
    headers, frames = one_pass(clips / "multi_face_5.jpg")
    assert [h.frame_count for h in headers] == [1]
    assert headers[0].is_end_of_stream
    assert frames[0][0][1] == 0.0
    image = np.zeros((40, 60, 3), np.uint8)
    cv2 = pytest.importorskip("cv2")
    for suffix in (".png", ".bmp", ".webp", ".jpg"):
        path = tmp_path / f"still-001{suffix}"
        cv2.imwrite(str(path), image)
        assert [len(segment) for segment in one_pass(path)[1]] == [1]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, threads: int) -> None:
    path = saved(tmp_path, video(120, **OPEN_GOP))
    source = open_source(resolve_inputs([str(path)])[0], SourceOptions(decoder_threads=threads))
    frames = [
        number_of(frame.image)
        for segment in source.segments(IDENTITY)
        for frame in DECODER.frames(segment, every)
    ]
    source.close()
    assert frames == list(range(120))


def test_a_stopped_file_ends_with_a_segment_marked_as_the_end(tmp_path: Path) -> None:
    path = saved(tmp_path, video(300, **x264("keyint=25")))
    source = open_source(resolve_inputs([str(path)])[0])
    headers = []
    for segment in source.segments(IDENTITY):
        headers.append(segment.header)
        source.stop()
    source.close()
    assert len(headers) == 2
    assert headers[-1].is_end_of_stream
