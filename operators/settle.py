"""Pictures of one segment held back until it is known whether what they refer to is lost."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

import av

from operators.damage import Damage
from operators.packets import CodedPacket

Picture = tuple[CodedPacket, av.VideoFrame]
# Deepest reordering of H.264 and HEVC, in pictures.
REORDER_MAX = 16


def ranked_times(shown: Iterable[CodedPacket]) -> deque[float] | None:
    """Return times to be handed out in order of display, None where each packet has its own.

    Raw streams have no times and AVI has decode times only. Where a decoder reorders such
    packets, the time that came with a packet is not that of its picture.
    """
    times = [coded.pts_ms for coded in shown]
    is_decode_order = bool(times) and all(a < b for a, b in pairwise(times))
    return deque(times) if is_decode_order else None


class Settling:
    """Lets a picture pass once all packets before it in decode order came or are lost.

    A B picture is displayed before the P picture it refers to; when that one is lost, the decoder
    takes another in its place and says nothing. `waiting` holds the segment's packets that have
    not been displayed, by ordinal, and belongs to the caller.
    """

    def __init__(self, waiting: dict[int, CodedPacket], damage: Damage, *, is_ranked: bool) -> None:
        self._waiting = waiting
        self._damage = damage
        self._is_ranked = is_ranked
        self._held: deque[Picture] = deque()
        self._came: set[int] = set()
        self._pts_newest: int | None = None

    def settled(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Yield the pictures in the order they come, each once its references are settled."""
        for coded, frame in pictures:
            if frame.is_corrupt or coded.is_damaged:
                self._damage.note(coded)
            self._held.append((coded, frame))
            self._came.add(coded.ordinal)
            newest = self._pts_newest
            self._pts_newest = coded.pts if newest is None else max(newest, coded.pts)
            while self._held and not self._is_pending():
                yield self._pass()
        while self._held:
            yield self._pass()

    def _is_pending(self) -> bool:
        if len(self._held) > REORDER_MAX:
            return False
        assert self._pts_newest is not None, "a picture is held"
        return any(self._is_ranked or coded.pts > self._pts_newest for coded in self._references())

    def _pass(self) -> Picture:
        for lost in self._references():
            self._damage.note(lost)
        coded, frame = self._held.popleft()
        self._came.discard(coded.ordinal)
        return coded, frame

    def _references(self) -> Iterator[CodedPacket]:
        """Yield packets before the held picture in decode order that came with no picture yet.

        Those displayed before it are none of them: they are lost already.
        """
        head = self._held[0][0]
        for ordinal, coded in self._waiting.items():
            if ordinal >= head.ordinal:
                return
            is_later = self._is_ranked or coded.pts > head.pts
            if is_later and ordinal not in self._came:
                yield coded
