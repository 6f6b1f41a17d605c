"""Every input that cannot be used gives one clear line of the right kind, and nothing on stderr.

Method: broken files of every kind, opened as the run does.
"""

import resource
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.sources.media import open_source
from pipeline.sources.resolve import SourceKind, SourceSpec, resolve_inputs
from schemas.errors import (
    InputError,
    SourceMissingError,
    SourceRejectedError,
    SourceUnreadableError,
)
from tests.videos import damaged, packets, video


def audio_only() -> bytes:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


def zero_frames() -> bytes:
    buffer = BytesIO()
    muxer = {"movflags": "empty_moov+frag_keyframe"}
    with av.open(buffer, "w", format="mp4", options=muxer) as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.start_encoding()
    return buffer.getvalue()


def all_damaged() -> bytes:
    body = video(5)
    for index in range(len(packets(body))):
        body = damaged(body, index, skip_bytes=4)
    return body


def without_moov() -> bytes:
    body = video(30)
    return body[: body.index(b"moov") - 4]


UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "the file is empty"),
    "text": (lambda: b"dear sir or madam\n" * 500, "it is not a video"),
    "playlist": (lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "it is not a video"),
    "noise": (lambda: np.random.default_rng(1).bytes(100_000), "cannot be opened|there is no"),
    "moov missing": (without_moov, r"the moov box\) is missing"),
    "audio only": (audio_only, r"there is no video in it \(streams: audio\)"),
    "zero frames": (zero_frames, "there is no picture in it"),
    "every picture damaged": (all_damaged, "no picture of it can be decoded"),
}


def opening(path: Path) -> None:
    open_source(resolve_inputs([str(path)])[0]).close()


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_without_usable_video_is_unreadable_in_one_line(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, message = UNREADABLE[kind]
    path = tmp_path / "call.mp4"
    path.write_bytes(make())
    with pytest.raises(SourceUnreadableError, match=message) as caught:
        opening(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    assert capfd.readouterr() == ("", "")


def test_damage_is_not_reported_by_the_library_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "call.mp4"
    path.write_bytes(damaged(video(30), 10))
    opening(path)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_vanished_is_missing() -> None:
    spec = SourceSpec(SourceKind.FILE, "gone.mp4", "/nowhere/gone.mp4")
    with pytest.raises(SourceMissingError, match="no such file"):
        open_source(spec)


def test_a_folder_or_device_is_no_video(tmp_path: Path) -> None:
    for place in (str(tmp_path), "/dev/null"):
        with pytest.raises(SourceUnreadableError, match="it is"):
            open_source(SourceSpec(SourceKind.FILE, place, place))


def png_header(width_px: int, height_px: int) -> bytes:
    size = width_px.to_bytes(4) + height_px.to_bytes(4)
    return (
        b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + b"IHDR" + size + b"\x08\x02\0\0\0" + bytes(9999)
    )


@pytest.mark.parametrize("size_px", [(30_000, 30_000), (8193, 16), (8192, 8192)])
def test_a_picture_beyond_the_bounds_is_rejected(tmp_path: Path, size_px: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size_px))
    with pytest.raises(SourceRejectedError, match=f"{size_px[0]}x{size_px[1]} px are beyond"):
        opening(path)


def test_a_video_beyond_the_bounds_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    path.write_bytes(video(2, size_px=(8448, 64)))
    with pytest.raises(SourceRejectedError, match="8448x64"):
        opening(path)


def test_absurd_sizes_cost_no_memory(tmp_path: Path) -> None:
    gif = video(5, codec="gif", container="gif", pix_fmt="rgb8")
    path = tmp_path / "bomb.gif"
    path.write_bytes(gif[:6] + (30_000).to_bytes(2, "little") * 2 + gif[10:])
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        opening(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_one_bad_file_in_a_folder_leaves_the_others_usable(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "b.mp4").write_bytes(video(5))
    bad, good = resolve_inputs([str(tmp_path)])
    with pytest.raises(SourceUnreadableError):
        open_source(bad)
    source = open_source(good)
    assert source.info.frame_count == 5
    source.close()
