"""The ledger's sums: every frame and face is accounted for once, or a sentence says it is not.

Method: Hypothesis draws the parts; the sums are right, then off by something.
"""

from hypothesis import given
from hypothesis import strategies as st

from schemas.ledger import (
    ABSTAINED_COUNTS,
    FRAME_COUNTS,
    SEGMENT_COLUMNS,
    SKIPPED_COUNTS,
    discrepancies,
)
from schemas.names import AbstainReason, SkipReason

FRAME_PARTS = tuple(f"frames_{name}" for name in FRAME_COUNTS)
FACE_PARTS = ("faces_scored", *(f"faces_{name}" for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)))

parts = st.fixed_dictionaries(
    {name: st.integers(0, 10_000) for name in (*FRAME_PARTS, *FACE_PARTS)}
)
off_by = st.integers(-50, 50).filter(bool)


def whole(row: dict[str, int]) -> dict[str, int]:
    frames = sum(row[name] for name in FRAME_PARTS)
    return row | {"frames": frames, "faces": sum(row[name] for name in FACE_PARTS)}


@given(parts)
def test_a_row_that_adds_up_has_no_discrepancy(row):
    assert discrepancies(whole(row)) == []


@given(parts, off_by, st.sampled_from(FRAME_PARTS))
def test_one_frame_too_many_or_too_few_is_told(row, off, part):
    found = discrepancies(whole(row) | {part: whole(row)[part] + off})
    assert len(found) == 1
    assert "frames" in found[0]


@given(parts, off_by, st.sampled_from(FACE_PARTS))
def test_one_face_too_many_or_too_few_is_told(row, off, part):
    found = discrepancies(whole(row) | {part: whole(row)[part] + off})
    assert len(found) == 1
    assert "faces" in found[0]


@given(parts, off_by, off_by)
def test_both_sums_are_told_with_both_numbers(row, off_frames, off_faces):
    good = whole(row)
    bad = good | {"frames": good["frames"] + off_frames, "faces": good["faces"] + off_faces}
    first, second = discrepancies(bad)
    assert str(bad["frames"]) in first
    assert str(good["frames"]) in first
    assert str(bad["faces"]) in second
    assert str(good["faces"]) in second


@given(st.lists(parts, min_size=1, max_size=5))
def test_a_total_of_rows_that_add_up_adds_up(rows):
    total = {name: sum(whole(row)[name] for row in rows) for name in whole(rows[0])}
    assert discrepancies(total) == []


def test_the_table_has_a_column_for_every_reason():
    names = {column.name for column in SEGMENT_COLUMNS}
    assert {f"faces_abstained_{reason}" for reason in AbstainReason} <= names
    assert {f"faces_skipped_{reason}" for reason in SkipReason} <= names
    assert {"frames", "faces", *FRAME_PARTS, *FACE_PARTS} <= names
