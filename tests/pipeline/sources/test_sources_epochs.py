"""Event time goes on across epochs, whatever the clock does.

Method: epochs chained by hand.
"""

from pipeline.sources.epochs import Epoch
from schemas.names import AnchorSource, EpochReason

FIRST = Epoch(0, EpochReason.START, 1_000_000, AnchorSource.CONTAINER, 90, 1.0, 1.0)


def test_an_epoch_ends_one_frame_after_its_last() -> None:
    assert FIRST.with_segment(2001.0, 50).end_ms(40.0) == 1_002_040


def test_segments_that_end_earlier_do_not_shorten_it() -> None:
    epoch = FIRST.with_segment(2001.0, 50).with_segment(1500.0, 10)
    assert (epoch.last_pts_ms, epoch.frame_count) == (2001.0, 60)


def test_without_a_clock_the_next_epoch_follows_on_with_the_same_anchor() -> None:
    epoch = FIRST.with_segment(2001.0, 50)
    after = epoch.next(EpochReason.PTS_DISCONTINUITY, 7, 70.0, 40.0)
    assert (after.number, after.start_ms, after.frame_count) == (1, 1_002_040, 0)
    assert (after.anchor_source, after.first_pts) == (AnchorSource.CONTAINER, 7)


def test_with_a_clock_it_begins_then_but_never_before_the_end() -> None:
    epoch = FIRST.with_segment(2001.0, 50)
    later = epoch.next(EpochReason.RECONNECT, 0, 0.0, 40.0, now_ms=1_060_000)
    assert (later.start_ms, later.anchor_source) == (1_060_000, AnchorSource.PUBLISHER)
    assert epoch.next(EpochReason.RECONNECT, 0, 0.0, 40.0, now_ms=5).start_ms == 1_002_040
