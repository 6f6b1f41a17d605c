"""The rows of one run in table `frames`, in order, with the time in the call beside them."""

from collections.abc import Iterable

import polars as pl

from pipeline.queries.runs import RunRef, Tables
from schemas.names import AU_NAMES, EMOTIONS

ORDER = ("stream_id", "epoch", "sequence", "row")
EMOTION_COLUMNS = tuple(f"emotion_{name}" for name in EMOTIONS)
STATE_COLUMNS = ("stream_id", "epoch", "pts_ms", "event_at", "participant_id", "track_id",
                 "policy", "status", "reason", "is_speaking")  # fmt: skip
SCORE_COLUMNS = (*AU_NAMES, *EMOTION_COLUMNS, "valence", "arousal")
BOX_COLUMNS = ("box_x1_px", "box_y1_px", "box_x2_px", "box_y2_px")
POSE_COLUMNS = ("yaw_deg", "pitch_deg", "roll_deg")
FACE_COLUMNS = (*STATE_COLUMNS, *BOX_COLUMNS, *POSE_COLUMNS, *SCORE_COLUMNS)


def face_frames(lake: Tables, ref: RunRef, columns: Iterable[str] = FACE_COLUMNS) -> pl.DataFrame:
    """Return the wanted columns of a run's frames in order of stream, segment and row.

    Column `time_s` (Float64) is added where `event_at` is wanted: seconds since the call's start.
    """
    wanted = list(dict.fromkeys(columns))
    rows = ref.select(lake, "frames").select([*wanted, *(c for c in ORDER if c not in wanted)])
    frame = rows.collect().sort(ORDER).select(wanted)
    if "event_at" not in wanted:
        return frame
    since = pl.col("event_at") - pl.lit(ref.start_at)
    return frame.with_columns(time_s=since.dt.total_microseconds() / 1e6)
