"""Table `frames`: one row per tracked face and analysed frame; also the live event in Redis."""

from typing import Any

from schemas.columns import Column, row_model
from schemas.names import AU_MEANINGS, AU_NAMES, EMOTIONS, SIDED_AU_NAMES

# Stored values lie on these grids; half a step is the loss of storing.
PROBABILITY_STEP = 0.01
INTENSITY_STEP = 0.05
SIGNED_STEP = 0.01
ANGLE_STEP = 1.0

NOT_SCORED = "the face was not scored (see `status`), or this model does not observe it"
NOT_ALLOWED = "the face was not scored, or its policy is not `full`"

IDENTITY_COLUMNS = (
    Column("tenant", "string", "customer of the installation", is_key=True),
    Column("call_id", "string", "the conversation", is_key=True),
    Column("stream_id", "string", "one camera or tile of the call", is_key=True),
    Column("run_id", "string", "the pass that produced this row", is_key=True),
    Column("model_id", "string", "the model that scored"),
    Column("adapter_id", "string", "the adapter on the model", null="no adapter"),
    Column("policy_id", "string", "the policy table that decided"),
    Column("event_date", "date", "UTC date of the epoch's start; partition of the table"),
)

_FRAME_KEYS = (
    Column("epoch", "int32", "counts the stream's epochs from 0", low=0, is_key=True),
    Column("sequence", "int32", "segment within the epoch", low=0, is_key=True),
    Column("row", "int32", "row within the segment", low=0, is_key=True),
    Column("frame_index", "int32", "frame within the epoch, display order", low=0),
    Column("pts_ms", "int64", "media time", "ms"),
    Column("event_at", "timestamp", "event time: anchor of the epoch plus media time", "UTC"),
    Column("anchor_source", "string", "where event time comes from: start_option, container, "
           "publisher or none (then event time counts from 1970-01-01)"),
    Column("pts_source", "string", "container or synthesised"),
    Column("participant_id", "string", "whose face it is, from the registration",
           null="the face lies in no region"),
    Column("track_id", "string", "one unbroken sighting of a face"),
)  # fmt: skip

_FACE = (
    Column("policy", "string", "full, facial_actions_only or skip"),
    Column("status", "string", "scored, abstained or skipped"),
    Column("reason", "string", "why the face was abstained from or skipped", null="scored"),
    Column("box_x1_px", "int16", "left edge of the face box", "px"),
    Column("box_y1_px", "int16", "upper edge of the face box", "px"),
    Column("box_x2_px", "int16", "right edge of the face box", "px"),
    Column("box_y2_px", "int16", "lower edge of the face box", "px"),
    Column("face_score", "float32", "the detector's score", low=0, high=1, step=PROBABILITY_STEP),
    Column("face_size_px", "int16", "shorter side of the face box", "px", low=0),
    Column("blur", "float32", "sharpness deficit of the aligned face: 0 sharp, 1 no detail",
           low=0, high=1, step=SIGNED_STEP, null="policy skipped the face"),
    Column("brightness", "float32", "mean luma of the aligned face", low=0, high=1,
           step=SIGNED_STEP, null="policy skipped the face"),
    Column("yaw_deg", "float32", "head turn, positive to the person's own left", "degrees",
           low=-90, high=90, step=ANGLE_STEP, null="policy skipped the face"),
    Column("pitch_deg", "float32", "head nod, positive upwards", "degrees", low=-90, high=90,
           step=ANGLE_STEP, null="policy skipped the face"),
    Column("roll_deg", "float32", "head tilt, positive towards the person's own left shoulder",
           "degrees", low=-180, high=180, step=ANGLE_STEP, null="policy skipped the face"),
    Column("confidence", "float32", "the model's own word on whether the crop shows a face",
           low=0, high=1, step=PROBABILITY_STEP, null="the face did not reach the model"),
    Column("is_speaking", "bool", "the mouth moves as in speech (seen, not heard)",
           null="not scored, or not yet observed long enough"),
)  # fmt: skip


def _au_columns(name: str) -> tuple[Column, ...]:
    meaning = AU_MEANINGS[name]
    unit: dict[str, Any] = {"low": 0.0, "high": 1.0, "step": PROBABILITY_STEP, "null": NOT_SCORED}
    return (
        Column(f"{name}_raw", "float32", f"{meaning}: probability as the model gave it", **unit),
        Column(name, "float32", f"{meaning}: probability, smoothed; calibrated as "
               "far as the model card says", **unit),
        Column(f"{name}_above_baseline", "float32",
               f"{meaning}: {name} minus the track's own resting value", low=-1, high=1,
               step=SIGNED_STEP, null=NOT_SCORED + ", or the resting value is not known yet"),
        Column(f"{name}_intensity", "float32",
               f"{meaning}: strength on the model's own scale, not certified FACS intensity",
               low=0, high=5, step=INTENSITY_STEP, null=NOT_SCORED),
    )  # fmt: skip


def _side_column(name: str) -> Column:
    text = f"{AU_MEANINGS[name]}: +1 only on the person's left, -1 only on the right"
    return Column(f"{name}_side", "float32", text, low=-1, high=1, step=SIGNED_STEP * 2,
                  null=NOT_SCORED)  # fmt: skip


def _affect_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for name in EMOTIONS:
        text = f"share of the expression prototype {name}: what the face shows"
        limits: dict[str, Any] = {
            "low": 0.0,
            "high": 1.0,
            "step": PROBABILITY_STEP,
            "null": NOT_ALLOWED,
        }
        columns += [
            Column(f"emotion_{name}_raw", "float32", f"{text}, as the model gave it", **limits),
            Column(f"emotion_{name}", "float32", f"{text}, smoothed", **limits),
        ]
    for name in ("valence", "arousal"):
        limits = {"low": -1.0, "high": 1.0, "step": SIGNED_STEP, "null": NOT_ALLOWED}
        columns += [
            Column(f"{name}_raw", "float32", f"{name} shown, experimental", **limits),
            Column(name, "float32", f"{name} shown, smoothed, experimental", **limits),
        ]
    return tuple(columns)


FRAME_COLUMNS = (
    *IDENTITY_COLUMNS,
    *_FRAME_KEYS,
    *_FACE,
    *(column for name in AU_NAMES for column in _au_columns(name)),
    *(_side_column(name) for name in SIDED_AU_NAMES),
    *_affect_columns(),
    Column("extra_scores", "scores", "scores of an adapter's own label set",
           null="the adapter adds none"),
)  # fmt: skip

FrameEvent = row_model("FrameEvent", "One tracked face on one analysed frame.", FRAME_COLUMNS)
