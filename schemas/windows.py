"""Table `windows`: mergeable summaries of 1, 10 and 60 s of event time."""

from schemas.columns import Column, row_model
from schemas.frames import IDENTITY_COLUMNS
from schemas.names import AU_MEANINGS, AU_NAMES, EMOTIONS

WINDOW_SIZES_S = (1, 10, 60)
HISTOGRAM_BINS = 10
SHARE_THRESHOLD = 0.5

NO_FACE = "no face of this subject was scored in the window, or the score is not observed"

# The scores that windows summarise, with the range their histograms divide into equal bins.
WINDOW_SCORES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(AU_NAMES, (0.0, 1.0)),
    **{f"emotion_{name}": (0.0, 1.0) for name in EMOTIONS},
    "valence": (-1.0, 1.0),
    "arousal": (-1.0, 1.0),
}

_WINDOW_KEYS = (
    Column("subject", "string", "track or participant: whom the row summarises", is_key=True),
    Column("participant_id", "string", "whose face it is", is_key=True),
    Column("track_id", "string", "the sighting", null="the row summarises a participant",
           is_key=True),
    Column("window_s", "int32", "length of the window", "s", low=1, is_key=True),
    Column("start_at", "timestamp", "start of the window in event time, inclusive", "UTC",
           is_key=True),
    Column("revision", "int32", "the highest revision of a window counts", low=0, is_key=True),
    Column("epoch", "int32", "epoch in which the window closed", low=0),
    Column("sequence", "int32", "segment whose commit carries this row", low=0),
    Column("closed_by", "string", "watermark, idle, end_of_stream or late"),
    Column("frame_count", "int32", "analysed frames on which the subject was seen", low=0),
    Column("scored_count", "int32", "of these, scored; the n of an aggregate is the sum of its "
           "histogram", low=0),
    Column("abstained_count", "int32", "of these, abstained from", low=0),
    Column("coverage", "float32", "scored frames over the frames that the window's whole length "
           "should have brought", low=0, high=1, step=0.005),
    Column("flagged_count", "int32", "scored frames whose speaking flag is known; the n of "
           "`speaking_share`", low=0),
    Column("speaking_share", "float32", "share of scored frames with the speaking flag", low=0,
           high=1, step=0.005, null="no scored frame has the flag"),
)  # fmt: skip


def _meaning(score: str) -> str:
    if score in AU_MEANINGS:
        return AU_MEANINGS[score]
    return score.replace("emotion_", "expression ")


def _aggregates(score: str, low: float, high: float) -> tuple[Column, ...]:
    meaning = _meaning(score)
    step = 0.01
    spread = ((high - low) / 2) ** 2
    return (
        Column(f"{score}_mean", "float32", f"{meaning}: mean", low=low, high=high, step=step,
               null=NO_FACE),
        Column(f"{score}_var", "float32", f"{meaning}: population variance", low=0, high=spread,
               step=0.001, null=NO_FACE),
        Column(f"{score}_max", "float32", f"{meaning}: highest value", low=low, high=high,
               step=step, null=NO_FACE),
        Column(f"{score}_max_ms", "int32", f"{meaning}: time of the (first) highest value after "
               "the window's start", "ms", low=0, null=NO_FACE),
        Column(f"{score}_share", "float32", f"{meaning}: share of scored frames at or above "
               f"{SHARE_THRESHOLD} (0 for valence and arousal)", low=0, high=1, step=step,
               null=NO_FACE),
        Column(f"{score}_hist", "counts", f"{meaning}: counts in {HISTOGRAM_BINS} equal bins from "
               f"{low:g} to {high:g}", null=NO_FACE),
    )  # fmt: skip


WINDOW_COLUMNS = (
    *IDENTITY_COLUMNS,
    *_WINDOW_KEYS,
    *(c for score, (low, high) in WINDOW_SCORES.items() for c in _aggregates(score, low, high)),
)

WindowSummary = row_model(
    "WindowSummary", "What one subject's face showed over one window.", WINDOW_COLUMNS
)
