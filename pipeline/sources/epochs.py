"""The epochs of a stream: how event time goes on across jumps and reconnects."""

from dataclasses import dataclass, replace

from schemas.names import AnchorSource, EpochReason

# Media time that jumps further ahead is believed to be damage rather than a pause.
PAUSE_MS_MAX = 3_600_000


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch: event time is `start_ms` plus media time since `first_pts_ms`."""

    number: int
    reason: EpochReason
    start_ms: int
    anchor_source: AnchorSource
    first_pts: int
    first_pts_ms: float
    last_pts_ms: float
    frame_count: int = 0

    def with_segment(self, last_pts_ms: float, frame_count: int) -> "Epoch":
        """Return the epoch grown by one segment."""
        last_pts_ms = max(self.last_pts_ms, last_pts_ms)
        return replace(self, last_pts_ms=last_pts_ms, frame_count=self.frame_count + frame_count)

    def end_ms(self, interval_ms: float) -> int:
        """Return event time one frame after the epoch's last, Unix ms."""
        return self.start_ms + round(self.last_pts_ms - self.first_pts_ms + interval_ms)

    def next(
        self,
        reason: EpochReason,
        first_pts: int,
        first_pts_ms: float,
        interval_ms: float,
        now_ms: int | None = None,
    ) -> "Epoch":
        """Return the epoch that follows, beginning at `now_ms` where a clock is to be trusted.

        Without a clock, a recording that paused for up to `PAUSE_MS_MAX` goes on after the pause;
        else it begins one frame after this one ended, so that event time neither stops nor goes
        back. With a clock it never begins before that.
        """
        start_ms = self.end_ms(interval_ms)
        pause_ms = first_pts_ms - self.last_pts_ms
        if now_ms is None and interval_ms < pause_ms <= PAUSE_MS_MAX:
            start_ms = self.start_ms + round(first_pts_ms - self.first_pts_ms)
        anchor = self.anchor_source
        if now_ms is not None:
            start_ms, anchor = max(start_ms, now_ms), AnchorSource.PUBLISHER
        return Epoch(
            self.number + 1, reason, start_ms, anchor, first_pts, first_pts_ms, first_pts_ms
        )
