"""Goal: metrics say what the ledger says. Method: results made by hand, read back as a snapshot."""

from datetime import UTC, date, datetime
from typing import Any

from pipeline.analysis.batch import SegmentResult
from pipeline.analysis.counting import count_commit, count_segment, gauge_live
from pipeline.analysis.ledger import SegmentLedger
from pipeline.live_view import NoLiveView
from pipeline.metrics import Metrics
from schemas.names import FaceStatus
from schemas.segments import SegmentHeader

HEADER = SegmentHeader(
    tenant="t", call_id="c", stream_id="s", epoch_start_ms=0, sequence=0, codec="h264",
    width_px=64, height_px=48, timebase_num=1, timebase_den=1000, first_pts=0, last_pts=1500,
    frame_count=4, body_bytes=9, sha256="0" * 64,
)  # fmt: skip


def result(**changes: Any) -> SegmentResult:
    ledger = SegmentLedger()
    for kind in ("analysed", "analysed", "not_sampled", "corrupt"):
        ledger.count_frame(kind)
    ledger.count_face(FaceStatus.SCORED, None)
    ledger.count_face(FaceStatus.ABSTAINED, "blurred")
    row = ledger.row(HEADER, {"event_date": date(1970, 1, 1)}, "pyav", gap_ms=2500)
    window = {"closed_by": "watermark", "start_at": datetime(1970, 1, 1, tzinfo=UTC)}
    return SegmentResult(HEADER, frames=[], windows=[window], ledger=row)


def test_a_segment_is_counted_as_its_ledger_says() -> None:
    metrics = Metrics()
    count_segment(metrics, result())
    count_segment(metrics, result())
    found = metrics.snapshot()
    assert found["facestate_segments_total"] == 2
    assert found['facestate_frames_total{kind="analysed"}'] == 4
    assert found['facestate_frames_total{kind="corrupt"}'] == 2
    assert found['facestate_faces_total{reason="",status="scored"}'] == 2
    assert found['facestate_faces_total{reason="blurred",status="abstained"}'] == 2
    assert found["facestate_media_seconds_total"] == 3
    assert found["facestate_gap_seconds_total"] == 5
    assert found['facestate_windows_total{closed_by="watermark"}'] == 2


def test_a_commit_is_counted_by_table() -> None:
    metrics = Metrics()
    count_commit(metrics, {"frames": 7, "windows": 2}, elapsed_s=0.1, checkpoint_bytes=99)
    found = metrics.snapshot()
    assert found['facestate_rows_total{table="frames"}'] == 7
    assert found["facestate_checkpoint_bytes"] == 99


def test_without_a_live_view_nothing_is_claimed_of_redis() -> None:
    metrics = Metrics()
    before = metrics.snapshot()
    gauge_live(metrics, NoLiveView())
    assert metrics.snapshot() == before
