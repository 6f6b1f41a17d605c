"""Goal: the ledger adds up on a sound call, and each kind of fault gives its own sentence.

Method: a sound call's tables with one thing broken at a time.
"""

import polars as pl
import pytest

from pipeline.queries import LedgerReport, ledger, resolve_call
from pipeline.queries.ledgers import SENTENCES_MAX
from tests.rows import CALL, TableLake, run_row, table, two_party_lake


@pytest.fixture(scope="module")
def sound() -> dict[str, pl.DataFrame]:
    """Return the tables of a call that adds up."""
    return two_party_lake().tables


def report(tables: dict[str, pl.DataFrame], **changed: pl.DataFrame) -> LedgerReport:
    lake = TableLake(**{**tables, **changed})
    return ledger(lake, resolve_call(lake, "default", CALL))


def flag(segments: pl.DataFrame, sequence: int, name: str) -> pl.DataFrame:
    flags = pl.when(pl.col("sequence") == sequence).then([name]).otherwise(pl.col("flags"))
    return segments.with_columns(flags=flags.cast(pl.List(pl.String)))


def test_a_sound_call_adds_up(sound: dict) -> None:
    found = report(sound)
    assert found.is_balanced
    assert found.sentences == found.notes == ()
    assert found.totals["frames"] == 750
    assert found.totals["frames_analysed"] + found.totals["frames_not_sampled"] == 750
    assert found.totals["faces"] == found.totals["faces_scored"] + 5
    assert found.totals["faces_abstained_extreme_pose"] == 5
    assert (found.totals["segments"], found.segments.height) == (15, 15)


def test_frames_that_are_not_accounted_for_are_named_with_their_segment(sound: dict) -> None:
    broken = sound["segments"].with_columns(frames=pl.col("frames") + (pl.col("sequence") == 3))
    (sentence,) = report(sound, segments=broken).sentences
    assert sentence == "stream main, epoch 0, segment 3: 51 frames, but 50 are accounted for"


def test_a_lost_row_of_table_frames_is_noticed(sound: dict) -> None:
    lost = sound["frames"].filter(~((pl.col("sequence") == 2) & (pl.col("row") == 7)))
    (sentence,) = report(sound, frames=lost).sentences
    assert sentence == ("stream main, epoch 0, segment 2: 20 faces, but table frames holds 19 rows")


def test_a_row_that_is_there_twice_is_noticed(sound: dict) -> None:
    twice = pl.concat([sound["frames"], sound["frames"].head(1)])
    sentences = report(sound, frames=twice).sentences
    assert any("1 rows of table frames are there twice" in sentence for sentence in sentences)


def test_a_duplicate_that_hides_a_lost_row_is_noticed(sound: dict) -> None:
    frames = sound["frames"]
    hidden = pl.concat([frames.slice(1), frames.slice(1, 1)])
    sentences = report(sound, frames=hidden).sentences
    assert any("there twice" in sentence for sentence in sentences)


def test_a_status_that_differs_between_the_tables_is_noticed(sound: dict) -> None:
    first = pl.col("sequence").eq(0) & pl.col("row").eq(0)
    status = pl.when(first).then(pl.lit("abstained")).otherwise(pl.col("status"))
    sentences = report(sound, frames=sound["frames"].with_columns(status=status)).sentences
    assert sentences == (
        "stream main, epoch 0, segment 0: 20 faces scored, but table frames holds 19",
        "stream main, epoch 0, segment 0: 0 faces abstained, but table frames holds 1",
    )


def test_rows_of_a_segment_that_the_ledger_does_not_know_are_noticed(sound: dict) -> None:
    short = sound["segments"].filter(pl.col("sequence") < 14)
    (sentence,) = report(sound, segments=short).sentences
    assert "the ledger does not know the segment" in sentence


def test_a_hole_in_the_sequence_is_a_fault(sound: dict) -> None:
    parts = {name: sound[name].filter(~pl.col("sequence").is_in([4, 5]))
             for name in ("frames", "segments")}  # fmt: skip
    (sentence,) = report(sound, **parts).sentences
    assert sentence == "stream main, epoch 0, segment 6: the 2 segments are missing before it"


def test_a_hole_that_is_flagged_as_a_gap_is_a_missing_segment_and_no_fault(sound: dict) -> None:
    frames = sound["frames"].filter(pl.col("sequence") != 4)
    segments = flag(sound["segments"].filter(pl.col("sequence") != 4), 5, "gap")
    segments = segments.with_columns(gap_ms=2000 * (pl.col("sequence") == 5).cast(pl.Int64))
    found = report(sound, frames=frames, segments=segments)
    assert found.is_balanced
    assert found.totals["missing_segments"] == 1
    assert found.notes == ("1 segment is flagged gap", "2.0 s of media time are missing")


def test_a_segment_booked_twice_is_a_fault_unless_it_was_dropped_as_duplicate(sound: dict) -> None:
    one = sound["segments"].filter(pl.col("sequence") == 1)
    booked = report(sound, segments=pl.concat([sound["segments"], one]))
    assert any("booked 2 times" in sentence for sentence in booked.sentences)
    counts = [name for name in one.columns if name.startswith(("frames", "faces"))]
    dropped = flag(one.with_columns(pl.lit(0, pl.Int32).alias(name) for name in counts), 1,
                   "duplicate")  # fmt: skip
    found = report(sound, segments=pl.concat([sound["segments"], dropped]))
    assert found.is_balanced
    assert found.totals["duplicate_segments"] == 1


def test_an_empty_ledger_does_not_add_up(sound: dict) -> None:
    empty = {name: sound[name].clear() for name in ("frames", "segments")}
    (sentence,) = report(sound, **empty).sentences
    assert "holds no segment" in sentence


def test_an_unfinished_run_is_said_to_be_one(sound: dict) -> None:
    started = table("runs", [run_row(state="started", duration_ms=None)])
    found = report(sound, runs=started)
    assert found.is_balanced
    assert "not finished" in found.notes[0]


def test_many_faults_of_a_kind_are_cut_short(sound: dict) -> None:
    many = pl.concat([
        sound["segments"].with_columns(epoch=pl.lit(epoch, pl.Int32)) for epoch in range(1, 4)
    ])  # fmt: skip
    sentences = report(sound, segments=many).sentences
    assert len(sentences) == SENTENCES_MAX + 1
    assert sentences[-1].startswith("… and ")
