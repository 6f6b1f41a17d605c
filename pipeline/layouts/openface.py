"""The CSV layout of OpenFace 2.x FeatureExtraction: 714 columns, of which we observe some.

The order is that of OpenFace's own writer (RecorderCSV). py-feat's reader wants 431 of these
columns, all of which are here. What is not observed is empty, never 0: gaze, eye and face
landmarks, head position, shape parameters, and AU23, which facestate does not score.
"""

import math

import polars as pl

from schemas.names import AU_NAMES, FaceStatus
from schemas.windows import SHARE_THRESHOLD

EYE_LANDMARKS = 56
FACE_LANDMARKS = 68
SHAPE_MODES = 34
INTENSITY_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENCE_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)

HEADER = (
    "frame", "face_id", "timestamp", "confidence", "success",
    *(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"), "gaze_angle_x", "gaze_angle_y",
    *(f"eye_lmk_{axis}_{i}" for axis in "xyXYZ" for i in range(EYE_LANDMARKS)),
    "pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz",
    *(f"{axis}_{i}" for axis in "xyXYZ" for i in range(FACE_LANDMARKS)),
    "p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty",
    *(f"p_{i}" for i in range(SHAPE_MODES)),
    *(f"AU{number:02d}_r" for number in INTENSITY_AUS),
    *(f"AU{number:02d}_c" for number in PRESENCE_AUS),
)  # fmt: skip

_OBSERVED = tuple(f"AU{n:02d}" for n in PRESENCE_AUS if f"AU{n:02d}" in AU_NAMES)
NEEDED = ("stream_id", "track_id", "frame_index", "pts_ms", "status", "confidence",
          "yaw_deg", "pitch_deg", "roll_deg",
          *_OBSERVED, *(f"{name}_intensity" for name in _OBSERVED))  # fmt: skip


def to_openface(frames: pl.DataFrame, source_name: str = "") -> pl.DataFrame:
    """Return one row per face and frame with exactly the columns of `HEADER`.

    `frame` counts from 1 and `timestamp` is media time in seconds; `face_id` counts tracks from 0
    in order of appearance; `success` is 1 where the face was scored; `_r` is facestate's own
    intensity scale from 0 to 5, `_c` is 1 from a probability of 0.5 on. Angles are radians in
    OpenFace's sense (a camera's: x to the right, y down, z away), where a nod downwards, a turn
    to the person's right and a tilt to the person's left are positive.
    """
    made = {
        "frame": pl.col("frame_index") + 1,
        "face_id": pl.col("face_id"),
        "timestamp": (pl.col("pts_ms") / 1000.0).round(3),
        "confidence": pl.col("confidence").round(2),
        "success": (pl.col("status") == FaceStatus.SCORED).cast(pl.Int64),
        "pose_Rx": _radians(-pl.col("pitch_deg")),
        "pose_Ry": _radians(-pl.col("yaw_deg")),
        "pose_Rz": _radians(pl.col("roll_deg")),
    }
    for name in _OBSERVED:
        if f"{name}_r" in HEADER:
            made[f"{name}_r"] = pl.col(f"{name}_intensity").round(2)
        made[f"{name}_c"] = (pl.col(name) >= SHARE_THRESHOLD).cast(pl.Float64)
    empty = pl.lit(None, pl.Float64)
    columns = frames.with_columns(_face_numbers(frames).alias("face_id"))
    return columns.select(made.get(name, empty).alias(name) for name in HEADER)


def _radians(angle_deg: pl.Expr) -> pl.Expr:
    # + 0.0 turns -0.0 into 0.0.
    return (angle_deg.cast(pl.Float64) * (math.pi / 180.0)).round(3) + 0.0


def _face_numbers(frames: pl.DataFrame) -> pl.Series:
    """Return the number of each row's track: tracks are counted by stream, then by first row."""
    tracks = list(frames.select("stream_id", "track_id").unique(maintain_order=True).iter_rows())
    number = {track: index for index, track in enumerate(tracks)}
    rows = frames.select("stream_id", "track_id").iter_rows()
    return pl.Series([number[row] for row in rows], dtype=pl.Int64)
