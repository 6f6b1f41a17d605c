"""Small coded videos for tests, whose pictures tell their number, and ways to damage them."""

import shutil
import struct
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

import av
import numpy as np

SIZE_PX = (160, 96)
QUIET = {
    "libx264": {"preset": "ultrafast", "x264-params": "log-level=none"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


def picture(number: int, size_px: tuple[int, int] = SIZE_PX) -> np.ndarray:
    """Return an RGB picture that shows `number` in binary as eight bars over a drifting ramp."""
    width, height = size_px
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    ramp = np.stack([(x + 3 * number) % 200, (y + 2 * number) % 200, (x + y) % 200], -1)
    image = ramp.astype(np.uint8)
    for bit in range(8):
        bar = slice(bit * width // 8, (bit + 1) * width // 8)
        image[: height // 2, bar] = 235 if number >> bit & 1 else 20
    return image


def number_of(image: np.ndarray) -> int:
    """Return the number that `picture` drew."""
    height, width, _ = image.shape
    centres = [(2 * bit + 1) * width // 16 for bit in range(8)]
    return sum(1 << bit for bit, x in enumerate(centres) if image[height // 4, x].mean() > 127)


def video(
    count: int = 50,
    *,
    codec: str = "libx264",
    container: str = "mp4",
    size_px: tuple[int, int] = SIZE_PX,
    rate: int = 25,
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
) -> bytes:
    """Return a coded video of `count` pictures; `pts` in units of 1 / rate seconds."""
    path = Path(mkdtemp()) / "video"  # a muxer that moves its index to the front reads it again
    with av.open(str(path), "w", format=container, options=muxer or {}) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height = size_px
        stream.pix_fmt = pix_fmt
        stream.options = _merged(QUIET.get(codec, {}), options or {})
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number % 256, size_px), format="rgb24")
            frame.pts = pts[number] if pts is not None else number
            frame.time_base = Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    body = path.read_bytes()
    shutil.rmtree(path.parent)
    return body


def _merged(base: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    joined = {
        key: f"{base[key]}:{extra[key]}"
        for key in base.keys() & extra.keys()
        if key.endswith("-params")
    }
    return base | extra | joined


def packets(body: bytes) -> list[tuple[int, int, bool]]:
    """Return position, size and keyframe flag of each video packet, in decode order."""
    with av.open(BytesIO(body)) as container:
        found = container.demux(container.streams.video[0])
        return [(p.pos, p.size, p.is_keyframe) for p in found if p.size]


def reference(body: bytes) -> list[tuple[float | None, np.ndarray]]:
    """Return time in seconds and RGB picture of each frame, as plain PyAV decodes them."""
    with av.open(BytesIO(body)) as container:
        return [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def damaged(body: bytes, index: int, skip_bytes: int = 6) -> bytes:
    """Return the video with packet `index` overwritten from `skip_bytes` on."""
    position, size, _ = packets(body)[index]
    start, end = position + min(skip_bytes, size - 1), position + size
    return body[:start] + b"\xff" * (end - start) + body[end:]


def rotated_mp4(body: bytes, degrees_clockwise: int) -> bytes:
    """Return an MP4 whose track header asks for a turn of 90, 180 or 270 degrees."""
    matrix = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees_clockwise]
    a, b, c, d = (value << 16 for value in matrix)
    place = body.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of fields
    return body[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + body[place + 36 :]
