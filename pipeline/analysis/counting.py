"""Counting what a run does into its metrics."""

from pipeline.analysis.batch import SegmentResult
from pipeline.live_view import LiveView, RedisLiveView
from pipeline.metrics import Metrics
from schemas.ledger import ABSTAINED_COUNTS, FRAME_COUNTS, SKIPPED_COUNTS


def count_segment(metrics: Metrics, result: SegmentResult) -> None:
    """Add one segment's ledger and windows."""
    ledger = result.ledger
    metrics.count("facestate_segments_total")
    for kind in FRAME_COUNTS:
        metrics.count("facestate_frames_total", ledger[f"frames_{kind}"], kind=kind)
    faces = {("scored", ""): ledger["faces_scored"]}
    for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS):
        status, _, reason = name.partition("_")
        faces[status, reason] = ledger[f"faces_{name}"]
    for (status, reason), count in faces.items():
        if count:
            metrics.count("facestate_faces_total", count, status=status, reason=reason)
    media_s = max(0, ledger["last_pts_ms"] - ledger["first_pts_ms"]) / 1000
    metrics.count("facestate_media_seconds_total", media_s)
    metrics.count("facestate_gap_seconds_total", ledger["gap_ms"] / 1000)
    if result.header.sequence == 0 or "epoch_changed" in ledger["flags"]:
        metrics.count("facestate_epochs_total", reason=str(result.header.epoch_reason))
    for row in result.windows:
        metrics.count("facestate_windows_total", closed_by=str(row["closed_by"]))


def count_commit(
    metrics: Metrics, row_counts: dict[str, int], elapsed_s: float, checkpoint_bytes: int
) -> None:
    """Add one commit: rows per table, its duration and the size of its checkpoint."""
    for table, count in row_counts.items():
        metrics.count("facestate_rows_total", count, table=table)
    metrics.observe("facestate_commit_seconds", elapsed_s)
    metrics.set("facestate_checkpoint_bytes", checkpoint_bytes)


def gauge_live(metrics: Metrics, live: LiveView) -> None:
    """Set what the live view stands at; nothing where there is none."""
    if not isinstance(live, RedisLiveView):
        return
    sink = live.sink
    metrics.set("facestate_redis_up", float(sink.is_up))
    metrics.set("facestate_spool_rows", sink.spool.rows)
    for result in ("added", "already_there", "failed", "dropped"):
        metrics.set("facestate_redis_rows", getattr(sink.counts, result), result=result)
