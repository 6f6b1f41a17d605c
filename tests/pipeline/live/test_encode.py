"""A row in Redis says what its row in the tables says, in JSON that any reader takes.

Method: Hypothesis compares the grid with the tables' arithmetic; odd values are listed.
"""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.encode import row_json
from pipeline.live.keys import event_id, unix_ms, window_field
from schemas.columns import NamedScore
from schemas.frames import FRAME_COLUMNS, FrameEvent
from schemas.windows import WINDOW_COLUMNS, WindowSummary
from tests.pipeline.live.redis_tools import EPOCH_MS, event, window

STEPPED = [column for column in (*FRAME_COLUMNS, *WINDOW_COLUMNS) if column.step is not None]
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = sorted({column.step: column for column in STEPPED}.items())


@pytest.mark.parametrize(("step", "column"), STEPS)
@given(unit=st.floats(0, 1))
def test_a_value_is_the_one_that_the_tables_store(step, column, unit):
    value = (column.low or 0.0) + unit * ((column.high or 1.0) - (column.low or 0.0))
    written = json.loads(row_json({column.name: value}))[column.name]
    stored = np.round(np.float64(value) / step) * step
    assert np.float32(written) == np.float32(stored)
    assert len(str(abs(written))) <= 6


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.float32(0.5), 0.5), (np.int64(3), 3), (np.float32(1) > 0, True), (True, True),
        (date(2024, 2, 29), "2024-02-29"), ("naïve\n", "naïve\n"), ([1, 2], [1, 2]),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), "2024-01-01T12:00:00+00:00"),
        (np.array([1, 2], np.int16), [1, 2]), (-0.0, 0.0),
        ([NamedScore(name="doubt", score=0.5)], [{"name": "doubt", "score": 0.5}]),
    ],
)  # fmt: skip
def test_a_value_of_this_kind_is_written_as(value, written):
    assert json.loads(row_json({"AU01": value})) == {"AU01": written}
    assert b"\n" not in row_json({"AU01": value})


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), -float("inf"), np.float32("nan")]
)
def test_what_is_not_a_number_is_left_out(value):
    assert row_json({"AU01": value, "AU02": 0.5}) == b'{"AU02":0.5}'


def test_what_json_cannot_say_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="object"):
        row_json({"AU01": object()})


def test_the_revision_can_be_made_to_lead():
    assert row_json({"b": 1, "revision": 3, "c": None}, first="revision") == b'{"revision":3,"b":1}'


def test_whole_rows_read_back():
    assert FrameEvent.model_validate_json(row_json(event(3, 1))).sequence == 3
    assert WindowSummary.model_validate_json(row_json(window(3))).window_s == 1


@given(st.datetimes(FIRST.replace(tzinfo=None), timezones=st.just(UTC)))
def test_event_time_is_exact_to_the_millisecond(at):
    assert unix_ms(at) == (at - FIRST) // timedelta(milliseconds=1)
    assert unix_ms(at.replace(tzinfo=None)) == unix_ms(at)


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.integers(0, 10**6))
def test_ids_ascend_with_sequence_and_row_and_are_never_zero(epoch_ms, sequence, row):
    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split("-")]

    here = parts(event_id(epoch_ms, sequence, row))
    assert [0, 0] < here < parts(event_id(epoch_ms, sequence, row + 1))
    assert here < parts(event_id(epoch_ms, sequence + 1, 0))


def test_a_windows_field_names_size_subject_participant_track_and_start():
    assert window_field(window(2, size_s=60)) == f"60/track/anna/t1/{EPOCH_MS + 2000}"
