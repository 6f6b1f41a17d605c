"""How far damage in one picture reaches into those predicted from it."""

from operators.packets import CodedPacket

# Damage spreads until the next keyframe; where none comes (intra refresh), it is taken to be
# repaired after this span.
DAMAGE_MS_MAX = 10_000.0
_GOPS_MAX = 4


class Damage:
    """Remembers the damaged packets of the GOPs in progress.

    A decoder marks the picture whose data is damaged, not those that copy from it.
    """

    def __init__(self) -> None:
        self._bad: dict[tuple[int, int], CodedPacket] = {}

    def note(self, coded: CodedPacket) -> None:
        """Take a packet that gave no picture or a damaged one."""
        if self.reaches(coded):
            return
        gop = (coded.link, coded.gop)
        self._bad.pop(gop, None)
        self._bad[gop] = coded
        if len(self._bad) > _GOPS_MAX:
            del self._bad[next(iter(self._bad))]

    def reaches(self, coded: CodedPacket) -> bool:
        """Tell whether the packet's picture may be predicted from a damaged one."""
        bad = self._bad.get((coded.link, coded.gop))
        if bad is None or bad.ordinal >= coded.ordinal:
            return False
        return coded.pts_ms - bad.pts_ms <= DAMAGE_MS_MAX
