"""Coded packets of an open container, in decode order, with their times made good."""

from collections.abc import Iterator
from dataclasses import dataclass

import av

from operators.containers import Opened, VideoPacket
from operators.timing import TimingState, time_packet
from schemas.errors import SourceRejectedError
from schemas.segments import BODY_BYTES_MAX

# Read errors in a row after which a source counts as broken off.
READ_ERRORS_MAX = 16


@dataclass(slots=True, eq=False)
class CodedPacket:
    """One packet; `packet` is taken away once a decoder has it, so that its bytes are freed.

    A packet that the container declares but does not hold (a truncated MP4) has none from the
    start. `pts_ms` is media time, `gop` counts keyframes up to where the packet's picture refers.
    `arrived_ms` is the wall clock at which a live source gave it, Unix ms.
    """

    packet: VideoPacket | None
    link: int
    pts: int
    pts_ms: float
    size_bytes: int
    gop: int
    is_estimated: bool = False
    is_jump: bool = False
    is_shown: bool = True
    is_keyframe: bool = False
    is_damaged: bool = False
    is_missing: bool = False
    arrived_ms: int | None = None
    ordinal: int = -1
    group: int = -1


class PacketSource:
    """Reads the packets of one open container; `link` tells connections of a stream apart."""

    def __init__(self, opened: Opened, link: int = 0, file_size_bytes: int | None = None) -> None:
        """Take the container; `file_size_bytes` lets declared but missing packets be told."""
        self.is_broken = False
        self._opened = opened
        self._link = link
        self._file_size_bytes = file_size_bytes
        self._ms_per_tick = 1000.0 * opened.timebase
        self._state = TimingState()
        self._gop = 0
        self._key_pts = 0
        self._count = 0

    def packets(self) -> Iterator[CodedPacket]:
        """Yield packets in decode order, then those that are declared but not there.

        Read errors end the stream and set `is_broken`; what was read until then counts.
        """
        for packet in self._read():
            if packet.size > BODY_BYTES_MAX:
                raise SourceRejectedError(
                    "read video", "a coded picture beyond the bounds", f"{packet.size} bytes"
                )
            self._count += 1
            yield self._coded(packet)
        for pts in self._missing_pts():
            yield CodedPacket(
                None, self._link, pts, self._to_ms(pts), 0, self._gop, is_missing=True
            )

    def _read(self) -> Iterator[VideoPacket]:
        errors = 0
        while errors < READ_ERRORS_MAX:
            try:
                for packet in self._opened.container.demux(self._opened.stream):
                    if packet.size:
                        errors = 0
                        yield packet
            except IndexError:
                continue  # PyAV does not know streams that appear while a file is read
            except av.error.InvalidDataError:
                errors += 1
            except (av.error.FFmpegError, OSError):
                self.is_broken = True
                return
            else:
                return
        self.is_broken = True

    def _coded(self, packet: VideoPacket) -> CodedPacket:
        rules = self._opened.timing_rules
        self._state, time = time_packet(self._state, rules, packet.pts, packet.dts, packet.duration)
        if packet.is_keyframe:
            self._gop += 1
            self._key_pts = time.pts
        # Pictures displayed before their keyframe refer to the GOP before it as well.
        is_leading = time.pts < self._key_pts and not time.is_estimated
        return CodedPacket(
            packet,
            self._link,
            time.pts,
            self._to_ms(time.pts),
            packet.size,
            self._gop - 1 if is_leading else self._gop,
            is_estimated=time.is_estimated,
            is_jump=time.is_jump,
            is_shown=not packet.is_discard and not _is_hidden(packet, self._opened.codec),
            is_keyframe=packet.is_keyframe,
            is_damaged=packet.is_corrupt,
        )

    def _to_ms(self, pts: int) -> float:
        return float(pts * self._ms_per_tick)

    def _missing_pts(self) -> Iterator[int]:
        """Yield times of packets that an MP4's index places beyond the end of the file."""
        size = self._file_size_bytes
        if size is None or not self._opened.container.format.name.startswith("mov"):
            return
        entries = self._opened.stream.index_entries
        interval = self._opened.timing_rules.interval
        pts = self._state.pts_max if self._state.pts_max is not None else -interval
        for index in range(self._count, len(entries)):
            entry = entries[index]
            if entry is None or entry.pos + entry.size <= size:
                continue
            pts = max(pts + 1, entry.timestamp)
            yield pts


def _is_hidden(packet: VideoPacket, codec: str) -> bool:
    """Tell a VP8 packet that only updates a reference (RFC 6386, 9.1: show_frame)."""
    return codec == "vp8" and not (memoryview(packet)[0] >> 4) & 1
