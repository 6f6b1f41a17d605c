"""How far damage in one picture reaches into those predicted from it."""

from operators.packets import CodedPacket

# Damage spreads until the next keyframe; where none comes (intra refresh), it is taken to be
# repaired after this span.
DAMAGE_MS_MAX = 10_000.0


class Damage:
    """Remembers the first damaged packet of the GOP in progress.

    A decoder marks the picture whose data is damaged, not those that copy from it.
    """

    def __init__(self) -> None:
        self._bad: CodedPacket | None = None

    def note(self, coded: CodedPacket) -> None:
        """Take a packet that gave no picture or a damaged one."""
        if not self.reaches(coded):
            self._bad = coded

    def reaches(self, coded: CodedPacket) -> bool:
        """Tell whether the packet's picture may be predicted from a damaged one."""
        bad = self._bad
        if bad is None or (bad.link, bad.gop) != (coded.link, coded.gop):
            return False
        return bad.ordinal < coded.ordinal and coded.pts_ms - bad.pts_ms <= DAMAGE_MS_MAX
