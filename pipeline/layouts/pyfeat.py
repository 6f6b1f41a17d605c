"""The CSV layout of py-feat's detector output (Fex), as its `read_feat` takes it.

Order after py-feat's own sample: frame, box, landmarks, AUs, pose, emotions, input; then
`approx_time` and `Identity`, which its video detector adds. Empty: the landmarks, and AU23, which
facestate does not score.
"""

import math

import polars as pl

from pipeline.layouts.openface import FACE_LANDMARKS
from schemas.names import AU_NAMES

FEAT_AUS = tuple(f"AU{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24,
                                        25, 26, 28, 43))  # fmt: skip
FEAT_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

HEADER = (
    "frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore",
    *(f"{axis}_{i}" for axis in "xy" for i in range(FACE_LANDMARKS)),
    *FEAT_AUS, "Pitch", "Roll", "Yaw", *FEAT_EMOTIONS, "input", "approx_time", "Identity",
)  # fmt: skip

_OBSERVED = tuple(name for name in FEAT_AUS if name in AU_NAMES)
NEEDED = ("frame_index", "pts_ms", "participant_id", "track_id", "box_x1_px", "box_y1_px",
          "box_x2_px", "box_y2_px", "face_score", "yaw_deg", "pitch_deg", "roll_deg", *_OBSERVED,
          *(f"emotion_{name}" for name in FEAT_EMOTIONS))  # fmt: skip


def to_pyfeat(frames: pl.DataFrame, source_name: str = "") -> pl.DataFrame:
    """Return one row per face and frame with exactly the columns of `HEADER`.

    `frame` counts from 0, boxes are pixels, AUs probabilities. The seven expressions are
    facestate's shares as they are, so that they sum to 1 less the share of contempt. Angles are
    radians with the signs of img2pose: a nod downwards, a turn to the person's right and a tilt
    to the person's left are positive. `Identity` is the registered participant (never a
    recognised one), or the track where there is none.
    """
    pixels = {c: pl.col(c).cast(pl.Float64) for c in NEEDED if c.startswith("box_")}
    made = {
        "frame": pl.col("frame_index"),
        "FaceRectX": pixels["box_x1_px"],
        "FaceRectY": pixels["box_y1_px"],
        "FaceRectWidth": pixels["box_x2_px"] - pixels["box_x1_px"],
        "FaceRectHeight": pixels["box_y2_px"] - pixels["box_y1_px"],
        "FaceScore": pl.col("face_score"),
        **{name: pl.col(name) for name in _OBSERVED},
        "Pitch": _radians(-pl.col("pitch_deg")),
        "Roll": _radians(pl.col("roll_deg")),
        "Yaw": _radians(-pl.col("yaw_deg")),
        **{name: pl.col(f"emotion_{name}") for name in FEAT_EMOTIONS},
        "input": pl.lit(source_name),
        "approx_time": _clock(pl.col("pts_ms")),
        "Identity": pl.coalesce("participant_id", "track_id"),
    }
    empty = pl.lit(None, pl.Float64)
    return frames.select(made.get(name, empty).alias(name) for name in HEADER)


def _radians(angle_deg: pl.Expr) -> pl.Expr:
    # + 0.0 turns -0.0 into 0.0.
    return (angle_deg.cast(pl.Float64) * (math.pi / 180.0)).round(4) + 0.0


def _clock(pts_ms: pl.Expr) -> pl.Expr:
    """Return mm:ss, as py-feat writes it; minutes go on past 60."""
    seconds = (pts_ms // 1000).cast(pl.Int64)
    minutes = (seconds // 60).cast(pl.String).str.zfill(2)
    return pl.concat_str(minutes, pl.lit(":"), (seconds % 60).cast(pl.String).str.zfill(2))
