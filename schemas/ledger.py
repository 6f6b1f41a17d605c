"""Table `segments`: the ledger, which accounts for every frame and every face seen."""

from collections.abc import Mapping
from typing import Any

from schemas.columns import Column, row_model
from schemas.frames import IDENTITY_COLUMNS
from schemas.names import AbstainReason, SkipReason

FRAME_COUNTS = ("analysed", "not_sampled", "corrupt", "shed", "dead_lettered")
ABSTAINED_COUNTS = tuple(f"abstained_{reason}" for reason in AbstainReason)
SKIPPED_COUNTS = tuple(f"skipped_{reason}" for reason in SkipReason)

_FRAME_MEANINGS = {
    "analysed": "frames searched for faces",
    "not_sampled": "frames between the analysed ones",
    "corrupt": "frames that could not be decoded or are damaged",
    "shed": "frames dropped under overload",
    "dead_lettered": "frames of segments that became dead letters",
}

SEGMENT_COLUMNS = (
    *IDENTITY_COLUMNS,
    Column("epoch", "int32", "counts the stream's epochs from 0", low=0, is_key=True),
    Column("sequence", "int32", "segment within the epoch", low=0, is_key=True),
    Column("epoch_reason", "string", "why the epoch began"),
    Column("epoch_start_at", "timestamp", "wall clock of the epoch's first frame", "UTC"),
    Column("anchor_source", "string", "where that wall clock comes from"),
    Column("first_pts_ms", "int64", "media time of the first frame", "ms"),
    Column("last_pts_ms", "int64", "media time of the last frame", "ms"),
    Column("codec", "string", "codec of the video"),
    Column("width_px", "int32", "displayed width", "px", low=1),
    Column("height_px", "int32", "displayed height", "px", low=1),
    Column("body_bytes", "int64", "size of the coded video", "bytes", low=0),
    Column("sha256", "string", "hash of the coded video"),
    Column("is_transcoded", "bool", "the publisher coded the video anew"),
    Column("published_at", "timestamp", "when the publisher sent the segment", "UTC",
           null="the source has no publisher"),
    Column("clock_skew_ms", "int64", "publisher's clock minus the broker's", "ms",
           null="not estimated"),
    Column("decoder", "string", "the decoder that was used"),
    Column("is_end_of_stream", "bool", "nothing follows in this run"),
    Column("flags", "strings", "what was noticed, such as truncated or gap"),
    Column("gap_ms", "int64", "media time missing before this segment", "ms", low=0),
    Column("late_faces", "int32", "scored or abstained faces that came too late for their windows",
           low=0),
    Column("frames", "int32", "frames of the segment, the sum of the next five", low=0),
    *(Column(f"frames_{name}", "int32", _FRAME_MEANINGS[name], low=0) for name in FRAME_COUNTS),
    Column("faces", "int32", "tracked faces on analysed frames, the sum of what follows", low=0),
    Column("faces_scored", "int32", "faces that the model scored", low=0),
    *(Column(f"faces_{name}", "int32", f"faces {name.replace('_', ': ', 1)}", low=0)
      for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)),
)  # fmt: skip

LedgerRow = row_model("LedgerRow", "The account of one segment.", SEGMENT_COLUMNS)


def discrepancies(row: Mapping[str, Any]) -> list[str]:
    """Return a sentence per sum that does not add up in one row of the ledger (or a total)."""
    found = []
    parts = sum(row[f"frames_{name}"] for name in FRAME_COUNTS)
    if row["frames"] != parts:
        found.append(f"{row['frames']} frames, but {parts} are accounted for")
    faces = row["faces_scored"] + sum(
        row[f"faces_{name}"] for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)
    )
    if row["faces"] != faces:
        found.append(f"{row['faces']} faces, but {faces} are accounted for")
    return found
