"""Runs of coded packets that make segments, gathered while a decoder reads ahead of them."""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from operators.cut import FILE_RULES, CutRules, CutState, cut
from operators.packets import CodedPacket


@dataclass(slots=True, eq=False)
class PacketGroup:
    """The packets of one segment: `shown` maps their ordinals to them, in decode order."""

    number: int
    link: int
    is_epoch_start: bool
    is_keyframe_start: bool
    is_last: bool = False
    is_truncated: bool = False
    is_last_damaged: bool = False
    has_keyframe: bool = False
    body_bytes: int = 0
    ordinal_first: int = 0
    ordinal_end: int = 0
    shown: dict[int, CodedPacket] = field(default_factory=dict)
    _sha: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, coded: CodedPacket) -> None:
        """Take one more packet into the group."""
        if not self.ordinal_end:
            self.ordinal_first = coded.ordinal
        self.ordinal_end = coded.ordinal + 1
        coded.group = self.number
        if coded.packet is not None:
            self._sha.update(coded.packet)
        self.body_bytes += coded.size_bytes
        self.is_truncated |= coded.is_missing
        self.is_last_damaged = coded.is_damaged
        self.has_keyframe |= coded.is_keyframe
        if coded.is_shown:
            self.shown[coded.ordinal] = coded

    @property
    def frame_count(self) -> int:
        """Return the number of pictures that the group displays."""
        return len(self.shown)

    @property
    def sha256(self) -> str:
        """Return the hash of the coded bytes in decode order, hexadecimal."""
        return self._sha.hexdigest()

    @property
    def first(self) -> CodedPacket:
        """Return the shown packet with the lowest pts."""
        return min(self.shown.values(), key=_pts)

    @property
    def last(self) -> CodedPacket:
        """Return the shown packet with the highest pts."""
        return max(self.shown.values(), key=_pts)

    @property
    def is_estimated(self) -> bool:
        """Tell whether any shown packet came without a pts."""
        return any(coded.is_estimated for coded in self.shown.values())


def _pts(coded: CodedPacket) -> int:
    return coded.pts


class GroupReader:
    """Cuts packets into groups for one caller and hands the same packets to a decoder.

    The packets given to it may hold None, which ends the group in progress (a live source lost
    its connection). A group never spans two links or a jump in time.
    """

    def __init__(self, packets: Iterator[CodedPacket | None], rules: CutRules = FILE_RULES) -> None:
        self._packets = packets
        self._rules = rules
        self._cut = CutState()
        self._growing: PacketGroup | None = None
        self._finished: deque[PacketGroup] = deque()
        self._unfed: deque[CodedPacket] = deque()
        self._unfed_bytes = 0
        self._ordinal = 0
        self._number = 0
        self._link: int | None = None
        self._is_exhausted = False

    @property
    def unfed_bytes(self) -> int:
        """Return the coded bytes held for the decoder."""
        return self._unfed_bytes

    @property
    def unfed_group(self) -> int | None:
        """Return the group of the next packet for the decoder, None where none is held."""
        return self._unfed[0].group if self._unfed else None

    def next_group(self) -> PacketGroup | None:
        """Return the next complete group, reading as far as needed; None at the end."""
        while not self._finished and not self._is_exhausted:
            self._pull()
        return self._finished.popleft() if self._finished else None

    def next_packet(self) -> CodedPacket | None:
        """Return the next packet for the decoder, reading one where none is held."""
        while not self._unfed and not self._is_exhausted:
            self._pull()
        if not self._unfed:
            return None
        coded = self._unfed.popleft()
        self._unfed_bytes -= coded.size_bytes
        return coded

    def forget_before(self, group: int) -> None:
        """Drop packets of groups below `group` that no decoder has taken."""
        while self._unfed and self._unfed[0].group < group:
            coded = self._unfed.popleft()
            self._unfed_bytes -= coded.size_bytes
            coded.packet = None

    def _pull(self) -> None:
        try:
            coded = next(self._packets)
        except StopIteration:
            self._is_exhausted = True
            self._finish(is_last=True)
            return
        if coded is None:
            self._finish(is_last=False)
            return
        coded.ordinal = self._ordinal
        self._ordinal += 1
        self._place(coded).add(coded)
        self._unfed.append(coded)
        self._unfed_bytes += coded.size_bytes

    def _place(self, coded: CodedPacket) -> PacketGroup:
        """Return the group that `coded` belongs to, begun with it where the rule says so."""
        group = self._growing
        is_epoch_start = coded.is_jump or coded.link != self._link
        self._link = coded.link
        if not coded.is_shown and group is not None and not is_epoch_start:
            return group
        is_cut = False
        if coded.is_shown:
            self._cut, is_cut = cut(
                self._cut,
                coded.pts_ms,
                coded.size_bytes,
                is_keyframe=coded.is_keyframe,
                rules=self._rules,
            )
        if group is not None and not is_cut and not is_epoch_start:
            return group
        self._finish(is_last=False)
        if coded.is_shown:
            self._cut = CutState().with_packet(coded.pts_ms, coded.size_bytes)
        return self._begin(coded, is_epoch_start)

    def _begin(self, coded: CodedPacket, is_epoch_start: bool) -> PacketGroup:
        self._growing = PacketGroup(self._number, coded.link, is_epoch_start, coded.is_keyframe)
        self._number += 1
        return self._growing

    def _finish(self, *, is_last: bool) -> None:
        group, self._growing = self._growing, None
        self._cut = CutState()
        if group is not None and group.shown:
            group.is_last = is_last
            self._finished.append(group)
