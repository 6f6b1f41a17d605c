"""Rows of the tables, built from what operators and models found."""

from datetime import UTC, datetime
from typing import Any

from operators.windows import ClosedWindow
from pipeline.analysis.observe import SeenFace
from pipeline.analysis.track_scores import TrackScores, columns
from pipeline.lake.writer import StreamRun
from schemas.names import FaceStatus
from schemas.segments import SegmentHeader

INT16_MAX = 32767


def identity(
    run: StreamRun, header: SegmentHeader, model_id: str, policy_id: str
) -> dict[str, Any]:
    """Return the columns that every row of a run carries."""
    return {
        "tenant": run.tenant,
        "call_id": run.call_id,
        "stream_id": run.stream_id,
        "run_id": run.run_id,
        "model_id": model_id,
        "adapter_id": None,
        "policy_id": policy_id,
        "event_date": header.event_date,
    }


def utc(unix_ms: int) -> datetime:
    """Return Unix milliseconds as an aware datetime."""
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC)


def frame_row(
    base: dict[str, Any],
    header: SegmentHeader,
    row_index: int,
    seen: SeenFace,
    status: FaceStatus,
    reason: str | None,
    scores: TrackScores | None,
) -> dict[str, Any]:
    """Return one row of table `frames`."""
    return {
        **base,
        "epoch": header.epoch,
        "sequence": header.sequence,
        "row": row_index,
        "frame_index": seen.frame.frame_index,
        "pts_ms": round(seen.frame.pts_ms),
        "event_at": utc(seen.time_ms),
        "anchor_source": str(header.anchor_source),
        "pts_source": str(seen.frame.pts_source),
        "participant_id": seen.decision.participant_id,
        "track_id": seen.tracked.track_id,
        "policy": str(seen.decision.policy),
        "status": str(status),
        "reason": reason,
        **_face_columns(seen),
        **columns(scores),
    }


def _face_columns(seen: SeenFace) -> dict[str, Any]:
    detection = seen.tracked.detection
    x1, y1, x2, y2 = (max(-INT16_MAX, min(INT16_MAX, round(v))) for v in detection.box_xyxy_px)
    judged = seen.judged
    return {
        "box_x1_px": x1,
        "box_y1_px": y1,
        "box_x2_px": x2,
        "box_y2_px": y2,
        "face_score": detection.score,
        "face_size_px": max(0, min(x2 - x1, y2 - y1)),
        "blur": None if judged is None else judged.blur,
        "brightness": None if judged is None else judged.brightness,
        "yaw_deg": None if judged is None else judged.yaw_deg,
        "pitch_deg": None if judged is None else judged.pitch_deg,
        "roll_deg": None if judged is None else judged.roll_deg,
    }


def window_row(base: dict[str, Any], header: SegmentHeader, window: ClosedWindow) -> dict[str, Any]:
    """Return one row of table `windows`."""
    row = window.to_row()
    start_at = utc(row.pop("start_ms"))
    return {
        **base,
        **row,
        "start_at": start_at,
        "epoch": header.epoch,
        "sequence": header.sequence,
    }
