"""Whatever is wrong with a file, its segments keep their promises.

Method: seeded random damage to small videos of several containers.
"""

import random
from pathlib import Path

import pytest

from operators.decode import PyavDecoder
from pipeline.sources.identity import StreamIdentity
from pipeline.sources.media import open_source
from pipeline.sources.resolve import resolve_inputs
from schemas.errors import InputError
from schemas.media import DecodedFrame
from schemas.names import AnchorSource, Role
from schemas.segments import SegmentHeader
from tests.videos import video

IDENTITY = StreamIdentity("t", "c", "s", Role.CUSTOMER, 0, AnchorSource.NONE)
OPTIONS = {"preset": "veryfast", "x264-params": "keyint=50:bframes=2"}
KINDS = {
    "mp4": {"muxer": {"movflags": "faststart"}},
    "fragmented.mp4": {"muxer": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "ts": {"container": "mpegts"},
    "mkv": {"container": "matroska"},
    "264": {"container": "h264"},
}
SEEDS_PER_KIND = 6


def noisy(body: bytes, seed: int) -> bytes:
    """Return the body with bytes changed, cut out, put in and, at times, its end missing."""
    draw = random.Random(seed)
    noisy_body = bytearray(body)
    for _ in range(draw.choice([1, 3, 10, 40])):
        place = draw.randrange(len(noisy_body))
        removed, added = draw.choice([(1, 1), (1, 1), (200, 0), (100, 100), (0, 150)])
        noisy_body[place : place + removed] = draw.randbytes(added)
    if draw.random() < 0.3:
        del noisy_body[draw.randrange(len(noisy_body)) :]
    return bytes(noisy_body)


def read(path: Path) -> list[tuple[SegmentHeader, list[DecodedFrame]]]:
    try:
        source = open_source(resolve_inputs([str(path)])[0])
    except InputError:
        return []
    found = [(s.header, list(PyavDecoder().frames(s, bool))) for s in source.segments(IDENTITY)]
    source.close()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_noise_neither_crashes_nor_loses_frames_nor_turns_time_back(
    kind: str, tmp_path: Path
) -> None:
    body = video(110, size_px=(96, 64), options=OPTIONS, **KINDS[kind])
    path = tmp_path / f"noisy.{kind}"
    readable = 0
    for seed in range(SEEDS_PER_KIND):
        path.write_bytes(noisy(body, seed))
        found = read(path)
        readable += bool(found)
        assert [len(frames) for _, frames in found] == [h.frame_count for h, _ in found]
        assert [h.is_end_of_stream for h, _ in found][:-1] == [False] * (len(found) - 1)
        assert all(found[-1][0].is_end_of_stream for _ in found)
        times = [(h.epoch, frame.pts_ms) for h, frames in found for frame in frames]
        assert times == sorted(set(times))
    assert readable > 0
