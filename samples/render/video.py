"""Encode the tiles as a small H.264 file with closed two-second groups of pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from .choreography import FPS

GOP_FRAMES_COUNT = 2 * FPS


class VideoWriter:
    """Write RGB frames at 25 fps; an IDR picture opens each group of 50."""

    def __init__(self, path: Path, width_px: int, height_px: int, rate_kbps: int) -> None:
        self.container = av.open(str(path), "w", options={"movflags": "+faststart"})
        self.stream = self.container.add_stream(
            "libx264",
            rate=FPS,
            options={
                "preset": "medium",
                "profile": "high",
                "flags": "+cgop",
                "x264-params": f"keyint={GOP_FRAMES_COUNT}:min-keyint={GOP_FRAMES_COUNT}:scenecut=0"
                ":open-gop=0:colorprim=bt709:transfer=bt709:colormatrix=bt709",
            },
        )
        self.stream.width, self.stream.height = width_px, height_px
        self.stream.pix_fmt = "yuv420p"
        self.stream.bit_rate = 1000 * rate_kbps
        self.stream.time_base = Fraction(1, FPS)
        self.index = 0

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, image: np.ndarray) -> None:
        """Append one RGB uint8 frame."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts = self.index
        self.index += 1
        self.container.mux(self.stream.encode(frame))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.container.mux(self.stream.encode())
        self.container.close()
