"""The CPU decoder: PyAV, for segments that are containers in memory and for packets of a source."""

from collections.abc import Callable, Iterator
from io import BytesIO

from operators.containers import open_video
from operators.cut import CutRules
from operators.gather import GroupReader
from operators.packets import PacketSource
from operators.walk import DecodeWalk
from schemas.errors import SourceRejectedError
from schemas.media import DecodedFrame, Segment
from schemas.names import PtsSource
from schemas.segments import BODY_BYTES_MAX, FRAME_COUNT_MAX

# A body is one segment already; only its own bounds hold.
_WHOLE = CutRules(
    span_ms_min=float("inf"),
    span_ms_max=float("inf"),
    size_bytes_max=BODY_BYTES_MAX,
    size_bytes_limit=BODY_BYTES_MAX,
    packet_count_max=FRAME_COUNT_MAX,
)


class PyavDecoder:
    """Decodes MP4, fragmented MP4, MPEG-TS, Matroska, GIF, raw H.264 or HEVC on the CPU."""

    name = "pyav"

    def frames(
        self, segment: Segment, is_wanted: Callable[[float], bool]
    ) -> Iterator[DecodedFrame]:
        """Yield the segment's frames in display order; only wanted ones get their picture.

        At least `header.frame_count` frames come; those that cannot be decoded are corrupt and
        without picture, and `is_wanted` is not asked for them. Raises SourceUnreadableError where
        a body is no video, SourceRejectedError where it is beyond the bounds.
        """
        if isinstance(segment.body, bytes):
            return _frames_of_body(segment, segment.body, is_wanted)
        return segment.body.frames(is_wanted)


def _frames_of_body(
    segment: Segment, body: bytes, is_wanted: Callable[[float], bool]
) -> Iterator[DecodedFrame]:
    if len(body) > BODY_BYTES_MAX:
        raise SourceRejectedError("decode", f"a body of {len(body)} bytes", repr(segment))
    opened = open_video(BytesIO(body), repr(segment))
    interval_ms = 1000.0 / float(opened.fps)
    try:
        reader = GroupReader(PacketSource(opened, file_size_bytes=len(body)).packets(), _WHOLE)
        walk = DecodeWalk(reader.next_packet, lambda _link: opened.decoder())
        first = segment.header.first_frame_index
        count = 0
        last = None
        while (group := reader.next_group()) is not None:
            group.is_epoch_start = count == 0  # within a body time only goes forward
            for last in walk.frames(group, first + count, is_wanted):
                yield last
                count += 1
    finally:
        opened.container.close()
    pts_ms = segment.header.pts_ms(segment.header.first_pts) if last is None else last.pts_ms
    for index in range(count, segment.header.frame_count):
        pts_ms += interval_ms if index else 0.0
        yield DecodedFrame(
            first + index, pts_ms, PtsSource.SYNTHESISED, is_corrupt=True, image=None
        )
