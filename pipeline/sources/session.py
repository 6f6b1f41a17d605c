"""A pass over one stream: segments with complete headers, decoded by one decoder in order."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

from av.video.codeccontext import VideoCodecContext

from operators.cut import CutRules
from operators.gather import GroupReader, PacketGroup
from operators.packets import CodedPacket
from operators.walk import DecodeWalk
from pipeline.sources.epochs import Epoch
from pipeline.sources.identity import StreamIdentity
from schemas.media import DecodedFrame, Segment
from schemas.names import EpochReason, SegmentFlag
from schemas.segments import SegmentHeader

# A resumed pass decodes this many segments that begin with a keyframe before the first one it
# yields: an open GOP refers to the one before it.
PREROLL_SEGMENTS = 2
# Coded bytes held while the place to resume from is searched; beyond it they are decoded.
PREROLL_BYTES_MAX = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """What headers say about one connection of a stream."""

    codec: str
    width_px: int
    height_px: int
    timebase: Fraction
    interval_ms: float

    @property
    def format(self) -> tuple[str, int, int]:
        """Return codec, width and height, which a camera may change between connections."""
        return self.codec, self.width_px, self.height_px


class SegmentRun:
    """The packets of one segment; decodes them within the session, once."""

    def __init__(self, walk: DecodeWalk, group: PacketGroup, index_first: int) -> None:
        self._walk = walk
        self._group: PacketGroup | None = group
        self._index_first = index_first

    def frames(self, is_wanted: Callable[[float], bool]) -> Iterator[DecodedFrame]:
        """Yield the segment's frames, `header.frame_count` of them; only before the next segment.

        Raises RuntimeError on a second call or after the next segment was asked for.
        """
        group, self._group = self._group, None
        if group is None:
            raise RuntimeError("a segment's frames are read once, before the next segment")
        return self._walk.frames(group, self._index_first, is_wanted)

    def close(self) -> None:
        """Give the packets back; frames cannot be read any more."""
        self._group = None


class Session:
    """Turns packets into segments of one stream.

    `sequence` counts a stream's segments from 0 across its epochs, so that it alone tells how far
    a pass came. A segment's frames must be read before the next segment is asked for; frames left
    unread are decoded and dropped.
    """

    def __init__(
        self,
        packets: Iterator[CodedPacket | None],
        link_info: Callable[[int], LinkInfo],
        open_decoder: Callable[[int], VideoCodecContext],
        rules: CutRules,
        is_broken: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_broken` tells, once the packets ended, whether they ended before their time."""
        self._reader = GroupReader(packets, rules)
        self._walk = DecodeWalk(self._reader.next_packet, open_decoder)
        self._link_info = link_info
        self._is_broken = is_broken
        self._epoch: Epoch | None = None
        self._link: int | None = None
        self._format: tuple[str, int, int] | None = None
        self._is_link_start = False
        self._starts: deque[int] = deque(maxlen=PREROLL_SEGMENTS + 1)
        self._preroll: deque[tuple[PacketGroup, int]] = deque()
        self._is_feeding = False

    def segments(
        self, identity: StreamIdentity, resume_after: int | None = None
    ) -> Iterator[Segment]:
        """Yield segments with `sequence` above `resume_after`, the last one marked as the end.

        Headers and frames are the same as in a pass from the start.
        """
        sequence = 0
        header: SegmentHeader | None = None
        while (group := self._reader.next_group()) is not None:
            index_first = self._enter(group, identity)
            header = self._header(group, identity, sequence)
            if resume_after is not None and sequence <= resume_after:
                self._pass_over(group, index_first)
            else:
                yield from self._hand_out(header, group, index_first)
            sequence += 1
        if header is not None and not header.is_end_of_stream:
            yield from self._empty_end(header, sequence)

    def _hand_out(
        self, header: SegmentHeader, group: PacketGroup, index_first: int
    ) -> Iterator[Segment]:
        self._start_feeding()
        run = SegmentRun(self._walk, group, index_first)
        yield Segment(header, run)
        run.close()
        self._walk.finish(group, lambda: self._reader.unfed_group)

    def _empty_end(self, last: SegmentHeader, sequence: int) -> Iterator[Segment]:
        """Mark the end of a live stream that broke off after its last segment was handed out."""
        header = last.model_copy(
            update={
                "sequence": sequence,
                "first_pts": last.last_pts,
                "frame_count": 0,
                "body_bytes": 0,
                "sha256": sha256().hexdigest(),
                "is_end_of_stream": True,
                "flags": (),
            }
        )
        group = PacketGroup(-1, -1, is_epoch_start=False, is_keyframe_start=False)
        yield Segment(header, SegmentRun(self._walk, group, 0))

    def _pass_over(self, group: PacketGroup, index_first: int) -> None:
        """Keep only the packets that a later segment may need for decoding."""
        self._preroll.append((group, index_first))
        if self._is_feeding:
            self._decode_preroll()
            return
        if group.is_keyframe_start:
            self._starts.append(group.number)
        if len(self._starts) == self._starts.maxlen:
            self._forget_before(self._starts[1])
        if self._reader.unfed_bytes > PREROLL_BYTES_MAX:
            self._start_feeding()

    def _forget_before(self, number: int) -> None:
        self._reader.forget_before(number)
        while self._preroll and self._preroll[0][0].number < number:
            self._preroll.popleft()

    def _start_feeding(self) -> None:
        self._is_feeding = True
        self._decode_preroll()

    def _decode_preroll(self) -> None:
        """Walk the kept segments as if they were read, so that what follows comes out the same."""
        while self._preroll:
            group, index_first = self._preroll.popleft()
            for _ in self._walk.frames(group, index_first, lambda _pts_ms: False):
                pass
            self._walk.finish(group, lambda: self._reader.unfed_group)

    def _enter(self, group: PacketGroup, identity: StreamIdentity) -> int:
        """Bring the epoch up to this group and return its first frame's index in the epoch."""
        first = group.first
        info = self._link_info(group.link)
        if self._epoch is None:
            self._epoch = Epoch(
                0,
                EpochReason.START,
                identity.epoch_start_ms,
                identity.anchor_source,
                first.pts,
                first.pts_ms,
                first.pts_ms,
            )
        elif group.is_epoch_start:
            self._epoch = self._epoch.next(
                self._reason(group, info),
                first.pts,
                first.pts_ms,
                info.interval_ms,
                first.arrived_ms,
            )
        self._is_link_start = group.link != self._link
        self._link = group.link
        self._format = info.format
        index_first = self._epoch.frame_count
        self._epoch = self._epoch.with_segment(group.last.pts_ms, group.frame_count)
        return index_first

    def _reason(self, group: PacketGroup, info: LinkInfo) -> EpochReason:
        """Return why a later epoch begins with this group."""
        if group.link == self._link:
            return EpochReason.PTS_DISCONTINUITY
        return EpochReason.RECONNECT if info.format == self._format else EpochReason.FORMAT_CHANGED

    def _header(self, group: PacketGroup, identity: StreamIdentity, sequence: int) -> SegmentHeader:
        epoch = self._epoch
        assert epoch is not None, "_enter comes first"
        info = self._link_info(group.link)
        return SegmentHeader(
            tenant=identity.tenant,
            call_id=identity.call_id,
            stream_id=identity.stream_id,
            role=identity.role,
            epoch=epoch.number,
            epoch_reason=epoch.reason,
            epoch_start_ms=epoch.start_ms,
            epoch_first_pts=epoch.first_pts,
            anchor_source=epoch.anchor_source,
            sequence=sequence,
            codec=info.codec,
            width_px=info.width_px,
            height_px=info.height_px,
            timebase_num=info.timebase.numerator,
            timebase_den=info.timebase.denominator,
            first_pts=group.first.pts,
            last_pts=group.last.pts,
            first_frame_index=epoch.frame_count - group.frame_count,
            frame_count=group.frame_count,
            body_bytes=group.body_bytes,
            sha256=group.sha256,
            is_end_of_stream=group.is_last,
            flags=self._flags(group, epoch),
            published_at_ms=None,
            traceparent=None,
        )

    def _flags(self, group: PacketGroup, epoch: Epoch) -> tuple[SegmentFlag, ...]:
        is_cut_off = group.is_last and (self._is_broken() or group.is_last_damaged)
        is_later_epoch = group.is_epoch_start and epoch.number > 0
        is_jump = epoch.reason is EpochReason.PTS_DISCONTINUITY
        found = {
            SegmentFlag.TRUNCATED: group.is_truncated or is_cut_off,
            SegmentFlag.NO_KEYFRAME: self._is_link_start and not group.has_keyframe,
            SegmentFlag.EPOCH_CHANGED: is_later_epoch,
            SegmentFlag.PTS_SYNTHESISED: group.is_estimated,
            SegmentFlag.PTS_DISCONTINUITY: is_later_epoch and is_jump,
        }
        return tuple(flag for flag, is_set in found.items() if is_set)
