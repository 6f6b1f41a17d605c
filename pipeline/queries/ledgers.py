"""The account of a call: totals, segments, and a sentence for everything that does not add up."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.queries.runs import RunRef, Tables
from schemas.ledger import ABSTAINED_COUNTS, FRAME_COUNTS, SKIPPED_COUNTS, discrepancies
from schemas.names import FaceStatus, RunState, SegmentFlag

# A broken table repeats one fault in every segment; more sentences say nothing new.
SENTENCES_MAX = 20

KEY = ("stream_id", "epoch", "sequence")
SUMS = (
    "frames", *(f"frames_{name}" for name in FRAME_COUNTS),
    "faces", "faces_scored", *(f"faces_{name}" for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)),
)  # fmt: skip
_COLUMNS = (*KEY, "first_pts_ms", "last_pts_ms", "codec", "decoder", "is_end_of_stream", "flags",
            "gap_ms", *SUMS)  # fmt: skip
_STATUSES = tuple(status.value for status in FaceStatus)


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a call's ledger says.

    `totals` maps count columns, and `segments`, `duplicate`, `late` and `missing` segments, to
    sums. `segments` holds one row per segment. `sentences` say what does not add up; `notes` what
    is worth knowing all the same.
    """

    ref: RunRef
    totals: dict[str, int]
    segments: pl.DataFrame
    sentences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_balanced(self) -> bool:
        """Tell whether every frame and face is accounted for."""
        return not self.sentences


def ledger(lake: Tables, ref: RunRef) -> LedgerReport:
    """Return the ledger of a run, checked against itself and against table `frames`."""
    segments = ref.select(lake, "segments").select(_COLUMNS).collect().sort(KEY)
    rows = _frame_counts(lake, ref)
    missing, holes = _holes(segments)
    sentences = [
        *_emptiness(ref, segments),
        *_imbalances(segments),
        *_duplicates(segments),
        *holes,
        *_against_frames(segments, rows),
    ]
    if len(sentences) > SENTENCES_MAX:
        more = len(sentences) - SENTENCES_MAX
        sentences = [*sentences[:SENTENCES_MAX], f"… and {more} more of the kind"]
    totals = {name: int(segments[name].sum()) for name in SUMS}
    totals |= {"segments": segments.height, "missing_segments": missing}
    totals |= {f"{flag}_segments": _flagged(segments, flag).height
               for flag in (SegmentFlag.DUPLICATE, SegmentFlag.LATE)}  # fmt: skip
    return LedgerReport(ref, totals, segments, tuple(sentences), _notes(ref, segments))


def _flagged(segments: pl.DataFrame, flag: SegmentFlag) -> pl.DataFrame:
    return segments.filter(pl.col("flags").list.contains(flag.value).fill_null(value=False))


def _name(row: dict[str, Any]) -> str:
    return f"stream {row['stream_id']}, epoch {row['epoch']}, segment {row['sequence']}"


def _emptiness(ref: RunRef, segments: pl.DataFrame) -> list[str]:
    if segments.height:
        return []
    return [f"the ledger holds no segment of call {ref.call_id}, run {ref.run_id}"]


def _imbalances(segments: pl.DataFrame) -> list[str]:
    return [
        f"{_name(row)}: {sentence}"
        for row in segments.iter_rows(named=True)
        for sentence in discrepancies(row)
    ]


def _duplicates(segments: pl.DataFrame) -> list[str]:
    """Name segments that were booked twice; a duplicate that was dropped carries the flag."""
    dropped = pl.col("flags").list.contains(SegmentFlag.DUPLICATE.value).fill_null(value=False)
    counted = segments.filter(~dropped).group_by(KEY, maintain_order=True).len()
    return [f"{_name(row)}: booked {row['len']} times"
            for row in counted.filter(pl.col("len") > 1).iter_rows(named=True)]  # fmt: skip


def _holes(segments: pl.DataFrame) -> tuple[int, list[str]]:
    """Return how many segments are known to be missing, and sentences on unexplained holes.

    Segments are counted over the epochs of a stream; a publisher that begins anew may begin at 0.
    """
    missing, sentences = 0, []
    keys = segments.unique(KEY, keep="last", maintain_order=True)
    for stream in keys.partition_by("stream_id", maintain_order=True):
        expected = epoch = 0
        for row in stream.iter_rows(named=True):
            if row["epoch"] != epoch and row["sequence"] < expected:
                expected = 0
            epoch = row["epoch"]
            hole = row["sequence"] - expected
            if hole and SegmentFlag.GAP in (row["flags"] or ()):
                missing += hole
            elif hole:
                what = "segment is" if hole == 1 else f"{hole} segments are"
                sentences.append(f"{_name(row)}: the {what} missing before it")
            expected = row["sequence"] + 1
    return missing, sentences


def _frame_counts(lake: Tables, ref: RunRef) -> pl.DataFrame:
    """Count the rows of table `frames` per segment and status, and the keys that occur twice."""
    rows = ref.select(lake, "frames").select(*KEY, "row", "status")
    statuses = [(pl.col("status") == status).sum().alias(status) for status in _STATUSES]
    return (
        rows.group_by(KEY)
        .agg(pl.len().alias("rows"), pl.col("row").n_unique().alias("keys"), *statuses)
        .collect()
    )


def _against_frames(segments: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    """Compare the ledger's faces with the rows that table `frames` holds."""
    booked = segments.group_by(KEY, maintain_order=True).agg(
        pl.col("faces").sum(),
        pl.col("faces_scored").sum().alias("booked_scored"),
        *(pl.sum_horizontal(pl.col([f"faces_{n}" for n in names]).sum()).alias(f"booked_{kind}")
          for kind, names in (("abstained", ABSTAINED_COUNTS), ("skipped", SKIPPED_COUNTS))),
    )  # fmt: skip
    both = booked.join(rows, on=KEY, how="full", coalesce=True).sort(KEY)
    sentences = []
    for row in both.iter_rows(named=True):
        sentences += [f"{_name(row)}: {text}" for text in _row_faults(row)]
    return sentences


def _row_faults(row: dict[str, Any]) -> list[str]:
    found, booked = row["rows"] or 0, row["faces"]
    if booked is None:
        return [f"table frames holds {found} rows, but the ledger does not know the segment"]
    faults = []
    if found != booked:
        faults.append(f"{booked} faces, but table frames holds {found} rows")
    else:
        faults += [
            f"{row[f'booked_{status}']} faces {status}, but table frames holds {row[status] or 0}"
            for status in _STATUSES
            if row[f"booked_{status}"] != (row[status] or 0)
        ]
    if found != (row["keys"] or 0):
        faults.append(f"{found - row['keys']} rows of table frames are there twice")
    return faults


def _notes(ref: RunRef, segments: pl.DataFrame) -> tuple[str, ...]:
    notes = []
    if ref.state != RunState.FINISHED:
        notes.append("the run is not finished; this covers what is committed so far")
    flags = segments["flags"].explode(empty_as_null=False).drop_nulls()
    for flag, count in flags.value_counts(sort=True).iter_rows():
        what = "segment is" if count == 1 else "segments are"
        notes.append(f"{count} {what} flagged {flag}")
    gap_ms = int(segments["gap_ms"].sum())
    if gap_ms:
        notes.append(f"{gap_ms / 1000:.1f} s of media time are missing")
    return tuple(notes)
