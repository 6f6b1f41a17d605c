"""One stateful decoder that walks the segments of a stream in order."""

from collections import deque
from collections.abc import Callable, Iterator

import av
from av.video.codeccontext import VideoCodecContext

from operators.containers import VideoPacket
from operators.damage import Damage
from operators.gather import PacketGroup
from operators.packets import CodedPacket
from operators.pictures import is_size_allowed, to_image
from operators.settle import REORDER_MAX, Picture, Settling, ranked_times
from schemas.media import DecodedFrame
from schemas.names import PtsSource

# A picture whose time does not follow the one before it is moved just past that one, so that the
# pictures after it keep their own times.
NUDGE_MS = 1.0

IsWanted = Callable[[float], bool]


class DecodeWalk:
    """Decodes packets that `feed` gives and hands out pictures segment by segment.

    Every shown packet of a segment makes exactly one frame: its picture, or a corrupt one where
    the decoder gave none. Pictures find their packet through the packet's opaque reference. Not
    thread-safe.
    """

    def __init__(
        self,
        feed: Callable[[], CodedPacket | None],
        open_decoder: Callable[[int], VideoCodecContext],
    ) -> None:
        """`feed` returns None at the end; `open_decoder` gets a link (see PacketSource)."""
        self._feed = feed
        self._open_decoder = open_decoder
        self._decoder: VideoCodecContext | None = None
        self._link: int | None = None
        self._sent: dict[int, CodedPacket] = {}
        self._ready: deque[Picture] = deque()
        self._is_drained = False
        self._ms_last: float | None = None
        self._picture_pts_last: int | None = None
        self._is_order_trusted = True
        self._damage = Damage()
        self._is_reordering: dict[int, bool] = {}

    def frames(
        self, group: PacketGroup, index_first: int, is_wanted: IsWanted
    ) -> Iterator[DecodedFrame]:
        """Yield the group's frames in display order, `group.frame_count` of them.

        Pictures of earlier groups that nobody asked for are decoded and dropped. `is_wanted` is
        asked for every frame that is not corrupt.
        """
        if group.is_epoch_start:
            self._ms_last = self._picture_pts_last = None
        if not group.shown:
            return
        waiting = dict(group.shown)
        ranked = self._ranked(group)
        index = index_first
        settling = Settling(waiting, self._damage, is_ranked=ranked is not None)
        for coded, frame in settling.settled(self._pictures(group)):
            for lost in self._passed_by(coded, waiting, ranked):
                yield self._lost(lost, index, ranked)
                index += 1
            if waiting.pop(coded.ordinal, None) is None:
                continue  # it was taken for lost: its time was wrong
            yield self._frame(coded, frame, index, ranked, is_wanted)
            index += 1
        for lost in sorted(waiting.values(), key=lambda c: c.pts):
            yield self._lost(lost, index, ranked)
            index += 1

    def finish(self, group: PacketGroup, unfed_group: Callable[[], int | None]) -> None:
        """Decode what is left of a group's packets, so that they are not held any longer."""
        while (number := unfed_group()) is not None and number <= group.number:
            self.advance()
            self._drop_through(group.number)
        for ordinal in range(group.ordinal_first, group.ordinal_end):
            self._sent.pop(ordinal, None)

    def advance(self) -> None:
        """Feed the decoder one more packet, or drain it at the end."""
        coded = self._feed()
        if coded is None:
            self._decode(None)
            self._is_drained = True
        else:
            self._send(coded)

    def _send(self, coded: CodedPacket) -> None:
        if coded.link != self._link:
            self._decode(None)
            self._decoder, self._link = self._open_decoder(coded.link), coded.link
        packet, coded.packet = coded.packet, None
        if packet is not None:
            packet.opaque = coded.ordinal
            self._sent[coded.ordinal] = coded
            self._decode(packet)

    def _drop_through(self, group: int) -> None:
        while self._ready and self._ready[0][0].group <= group:
            self._ready.popleft()

    def _pictures(self, group: PacketGroup) -> Iterator[Picture]:
        """Yield the group's pictures until all came or one of a later group shows up."""
        expected = set(group.shown)
        while expected:
            while not self._ready and not self._is_drained:
                self.advance()
            if not self._ready or self._ready[0][0].group > group.number:
                return
            coded, frame = self._ready.popleft()
            if coded.ordinal in expected:
                expected.discard(coded.ordinal)
                yield coded, frame

    def _decode(self, packet: VideoPacket | None) -> None:
        if self._decoder is None:
            return
        try:
            frames = self._decoder.decode(packet)
        except (av.error.FFmpegError, ValueError):
            return  # its packet stays without a picture, which makes a corrupt frame
        for frame in frames:
            coded = self._packet_of(frame)
            if coded is not None:
                self._ready.append((coded, frame))

    def _packet_of(self, frame: av.VideoFrame) -> CodedPacket | None:
        ordinal = frame.opaque
        if not isinstance(ordinal, int):  # the decoder passes no references on: first in, first out
            ordinal = next(iter(self._sent), -1)
        return self._sent.pop(ordinal, None)

    def _passed_by(
        self, coded: CodedPacket, waiting: dict[int, CodedPacket], ranked: deque[float] | None
    ) -> list[CodedPacket]:
        """Take out packets that should have been displayed before `coded`, in pts order."""
        pts_last, self._picture_pts_last = self._picture_pts_last, coded.pts
        if pts_last is not None and coded.pts < pts_last:
            self._is_order_trusted = False
        if ranked is not None or not self._is_order_trusted:
            return []
        lost = []
        for ordinal, other in waiting.items():
            if ordinal > coded.ordinal + REORDER_MAX:
                break
            if other.pts < coded.pts:
                lost.append(other)
        for one in lost:
            del waiting[one.ordinal]
        return sorted(lost, key=lambda c: c.pts)

    def _ranked(self, group: PacketGroup) -> deque[float] | None:
        if group.link not in self._is_reordering:
            # As the container says: what a decoder learns depends on where it was started.
            self._is_reordering[group.link] = self._open_decoder(group.link).has_b_frames
        return ranked_times(group.shown.values()) if self._is_reordering[group.link] else None

    def _frame(
        self,
        coded: CodedPacket,
        frame: av.VideoFrame,
        index: int,
        ranked: deque[float] | None,
        is_wanted: IsWanted,
    ) -> DecodedFrame:
        is_bad = frame.is_corrupt or coded.is_damaged
        is_bad = is_bad or not is_size_allowed(frame.width, frame.height)
        if is_bad:
            self._damage.note(coded)
        is_bad = is_bad or self._damage.reaches(coded)
        pts_ms, source = self._time(coded, ranked)
        image = to_image(frame) if not is_bad and is_wanted(pts_ms) else None
        return DecodedFrame(index, pts_ms, source, is_bad, image)

    def _lost(self, coded: CodedPacket, index: int, ranked: deque[float] | None) -> DecodedFrame:
        self._damage.note(coded)
        pts_ms, source = self._time(coded, ranked)
        return DecodedFrame(index, pts_ms, source, is_corrupt=True, image=None)

    def _time(self, coded: CodedPacket, ranked: deque[float] | None) -> tuple[float, PtsSource]:
        pts_ms = ranked.popleft() if ranked is not None else coded.pts_ms
        is_synthesised = coded.is_estimated or coded.is_missing
        if self._ms_last is not None and pts_ms <= self._ms_last:
            pts_ms, is_synthesised = self._ms_last + NUDGE_MS, True
        self._ms_last = pts_ms
        return pts_ms, PtsSource.SYNTHESISED if is_synthesised else PtsSource.CONTAINER
