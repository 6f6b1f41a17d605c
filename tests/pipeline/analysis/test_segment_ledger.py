"""Goal: the ledger of a segment adds up whatever happens to its frames and faces.

Method: unit tables, and a property over arbitrary sequences of events.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis.ledger import SegmentLedger
from pipeline.analysis.rows import identity
from pipeline.lake.layout import to_frame
from pipeline.lake.writer import StreamRun
from schemas.ledger import FRAME_COUNTS, LedgerRow, discrepancies
from schemas.names import AbstainReason, FaceStatus, SegmentFlag, SkipReason
from tests.fakes import MadeFrame, segment

RUN = StreamRun("default", "call", "stream", "run-1")
VERDICTS: list[tuple[FaceStatus, str | None]] = [
    (FaceStatus.SCORED, None),
    *((FaceStatus.ABSTAINED, str(reason)) for reason in AbstainReason),
    *((FaceStatus.SKIPPED, str(reason)) for reason in SkipReason),
]


def booked(ledger: SegmentLedger, gap_ms: int = 0, **header: Any) -> dict[str, Any]:
    values = {"frame_count": 0, "first_pts": 2000, "last_pts": 3960, **header}
    head = segment(3, [MadeFrame(2000.0)], **values).header
    return ledger.row(head, identity(RUN, head, "fake-1", "presets-1"), "fake", gap_ms)


@given(
    frames=st.lists(st.sampled_from(FRAME_COUNTS), max_size=60),
    faces=st.lists(st.sampled_from(VERDICTS), max_size=60),
)
def test_every_event_is_booked_exactly_once(
    frames: list[str], faces: list[tuple[FaceStatus, str | None]]
) -> None:
    ledger = SegmentLedger()
    for kind in frames:
        ledger.count_frame(kind)
    for status, reason in faces:
        ledger.count_face(status, reason)
    row = booked(ledger, frame_count=len(frames))
    assert discrepancies(row) == []
    assert (row["frames"], row["faces"]) == (len(frames), len(faces))
    for status, reason in VERDICTS:
        name = f"faces_{status}" if reason is None else f"faces_{status}_{reason}"
        assert row[name] == faces.count((status, reason)), name


def test_a_promised_frame_that_was_not_counted_shows() -> None:
    ledger = SegmentLedger()
    ledger.count_frame("analysed")
    assert discrepancies(booked(ledger, frame_count=2)) == ["2 frames, but 1 are accounted for"]


def test_an_unknown_kind_of_frame_is_the_programmers_error() -> None:
    with pytest.raises(AssertionError, match="lost"):
        SegmentLedger().count_frame("lost")


def test_a_row_holds_every_column_of_the_table() -> None:
    row = booked(SegmentLedger(), gap_ms=4000)
    LedgerRow.model_validate(to_frame("segments", [row]).row(0, named=True))
    assert (row["first_pts_ms"], row["last_pts_ms"], row["gap_ms"]) == (2000, 3960, 4000)
    assert row["event_date"].isoformat() == "2023-11-14"
    assert (row["decoder"], row["codec"], row["sequence"]) == ("fake", "made", 3)


def test_flags_of_source_and_worker_stand_once_each_in_order() -> None:
    ledger = SegmentLedger()
    for flag in (SegmentFlag.GAP, SegmentFlag.TRUNCATED, SegmentFlag.GAP):
        ledger.flag(flag)
    flags = (SegmentFlag.NO_KEYFRAME, SegmentFlag.TRUNCATED)
    assert booked(ledger, flags=flags)["flags"] == ["no_keyframe", "truncated", "gap"]


def test_the_size_of_decoded_pictures_counts_before_the_headers() -> None:
    ledger = SegmentLedger()
    assert (booked(ledger)["width_px"], booked(ledger)["height_px"]) == (320, 180)
    ledger.width_px, ledger.height_px = 180, 320
    assert (booked(ledger)["width_px"], booked(ledger)["height_px"]) == (180, 320)
