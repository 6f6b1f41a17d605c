"""One list of columns makes the model: bounds, nulls and unknown fields follow from it.

Method: a small list of every type, then the five tables' own lists for what must hold of all.
"""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from schemas.columns import Column, NamedScore, row_model
from schemas.frames import FRAME_COLUMNS
from schemas.ledger import SEGMENT_COLUMNS
from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from schemas.runs import RUN_COLUMNS, TAG_COLUMNS
from schemas.windows import WINDOW_COLUMNS, WINDOW_SCORES

TABLES = {
    "frames": FRAME_COLUMNS, "windows": WINDOW_COLUMNS, "segments": SEGMENT_COLUMNS,
    "runs": RUN_COLUMNS, "tags": TAG_COLUMNS,
}  # fmt: skip
each_table = pytest.mark.parametrize("table", TABLES)

COLUMNS = (
    Column("name", "string", "a name", is_key=True),
    Column("score", "float32", "a score", "1", low=0, high=1, null="not observed", step=0.5),
    Column("seen_at", "timestamp", "a time", "UTC"),
    Column("day", "date", "a day"),
    Column("hist", "counts", "counts"),
    Column("extra", "scores", "scores", null="none"),
    Column("flags", "strings", "flags"),
    Column("is_on", "bool", "on"),
    Column("size_px", "int16", "a size", "px", low=1),
)
Row = row_model("Row", "A row.", COLUMNS)
ROW = {
    "name": "a", "score": 0.5, "seen_at": datetime(2024, 1, 1, tzinfo=UTC), "is_on": True,
    "day": date(2024, 1, 1), "hist": [1, 2], "extra": [{"name": "x", "score": 0.1}],
    "flags": ["gap"], "size_px": 1,
}  # fmt: skip


def test_a_row_is_read_and_written_as_json_without_loss():
    row = Row.model_validate(ROW)
    assert Row.model_validate_json(row.model_dump_json()) == row
    assert row.extra == [NamedScore(name="x", score=0.1)]


def test_a_column_that_may_be_null_may_be_left_out():
    row = Row.model_validate({k: v for k, v in ROW.items() if k not in ("score", "extra")})
    assert row.score is None
    assert row.extra is None


@pytest.mark.parametrize("name", sorted(set(ROW) - {"score", "extra"}))
def test_a_column_that_is_never_null_must_be_there(name):
    with pytest.raises(ValidationError, match=name):
        Row.model_validate({k: v for k, v in ROW.items() if k != name})
    with pytest.raises(ValidationError, match=name):
        Row.model_validate(ROW | {name: None})


@pytest.mark.parametrize("change", [{"score": -0.01}, {"score": 1.01}, {"size_px": 0}])
def test_a_value_out_of_its_range_is_refused(change):
    with pytest.raises(ValidationError):
        Row.model_validate(ROW | change)


def test_an_unknown_field_is_ignored_and_a_row_is_frozen():
    row = Row.model_validate(ROW | {"later": 1})
    assert not hasattr(row, "later")
    with pytest.raises(ValidationError):
        row.name = "b"


def test_units_are_part_of_a_fields_description():
    properties = Row.model_json_schema()["properties"]
    assert properties["size_px"]["description"] == "a size [px]"
    assert properties["name"]["description"] == "a name"


@each_table
def test_names_of_columns_are_unique_and_described(table):
    names = [column.name for column in TABLES[table]]
    assert len(names) == len(set(names))
    assert all(column.description for column in TABLES[table])


@each_table
def test_keys_may_be_null_only_where_their_meaning_is_told(table):
    keys = [column for column in TABLES[table] if column.is_key]
    assert keys
    nullable = {column.name for column in keys if column.is_nullable}
    assert nullable <= ({"track_id"} if table == "windows" else set())


@each_table
def test_steps_divide_their_range(table):
    for column in TABLES[table]:
        if column.step is not None and column.low is not None and column.high is not None:
            steps = (column.high - column.low) / column.step
            assert abs(steps - round(steps)) < 1e-6, column.name


@each_table
def test_the_unit_is_the_last_word_of_a_columns_name(table):
    for column in TABLES[table]:
        if column.unit in ("ms", "px", "s", "bytes"):
            assert column.name.endswith(f"_{column.unit}"), column.name


def test_every_action_unit_and_expression_has_all_its_columns():
    names = {column.name for column in FRAME_COLUMNS}
    for au in AU_NAMES:
        assert {f"{au}_raw", au, f"{au}_above_baseline", f"{au}_intensity"} <= names
    assert {f"{au}_side" for au in SIDED_AU_NAMES} <= names
    for name in (*(f"emotion_{e}" for e in EMOTIONS), "valence", "arousal"):
        assert {name, f"{name}_raw"} <= names


def test_scores_are_never_required_because_absent_is_not_zero():
    observed = set(WINDOW_SCORES)
    for column in FRAME_COLUMNS:
        if column.name.split("_")[0] in AU_NAMES or column.name.removesuffix("_raw") in observed:
            assert column.is_nullable, column.name
