"""Segments and frames inside a process, and the decoder seam between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.names import PtsSource
from schemas.segments import SegmentHeader

Image = NDArray[np.uint8]  # H x W x 3, RGB, display orientation


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One picture of a stream in display order.

    `pts_ms` is media time. `image` is None where the caller did not want the picture or where it
    is corrupt. `frame_index` counts frames of the epoch from 0, corrupt ones included.
    """

    frame_index: int
    pts_ms: float
    pts_source: PtsSource
    is_corrupt: bool
    image: Image | None

    def __post_init__(self) -> None:
        if self.image is not None and (self.image.ndim != 3 or self.image.shape[2] != 3):
            raise ValueError(f"an image is H x W x 3, not {self.image.shape}")

    def __repr__(self) -> str:
        shape = None if self.image is None else self.image.shape
        return f"DecodedFrame({self.frame_index}, {self.pts_ms:.1f} ms, image {shape})"


class PacketRun(Protocol):
    """The coded packets of one segment of a file or live source, decoded within its session."""

    def frames(self, is_wanted: Callable[[float], bool]) -> Iterator[DecodedFrame]:
        """Yield the segment's frames in display order; may be iterated once."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A header and what it speaks of: container bytes (Kafka) or packets of an open source."""

    header: SegmentHeader
    body: bytes | PacketRun

    def __repr__(self) -> str:
        return f"Segment({self.header.key} #{self.header.sequence})"


class Decoder(Protocol):
    """Turns a segment into frames; implementations exist for the CPU and for NVDEC."""

    name: str

    def frames(
        self, segment: Segment, is_wanted: Callable[[float], bool]
    ) -> Iterator[DecodedFrame]:
        """Yield frames in display order; `is_wanted` gets each whole frame's `pts_ms`, in order.

        It is not asked for corrupt frames: the next whole one takes their place.
        """
