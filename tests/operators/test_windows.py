"""Goal: windows say of every subject what a plain grouping of its observations says.

Method: a naive reference (group by, numpy) against the windows for random streams, arrival orders
within the lateness and batch sizes; replay from restored states; stories at the edges of time.
"""

import json
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.aggregates import SCORE_COUNT, UNITS_PER_ONE, Tally
from operators.windows import (
    ClosedWindow,
    Observation,
    WindowSettings,
    WindowsState,
    advance,
    close_all,
    observe,
)
from schemas.names import CloseReason, FaceStatus, Subject
from schemas.windows import WINDOW_COLUMNS, WINDOW_SIZES_S

BASE_MS = 1_700_000_000_000 // 60_000 * 60_000
SCORED, ABSTAINED, SKIPPED = FaceStatus.SCORED, FaceStatus.ABSTAINED, FaceStatus.SKIPPED
PLAIN = WindowSettings(fps=5)
CALLER_COLUMNS = {
    "tenant", "call_id", "stream_id", "run_id", "model_id", "adapter_id", "policy_id",
    "event_date", "epoch", "sequence", "start_at",
}  # fmt: skip


def seen(at_ms, value=0.5, track="t1", who="ann", status=SCORED, speaking=None) -> Observation:
    values = np.full(SCORE_COUNT, float(value))
    return Observation(who, track, BASE_MS + at_ms, status, values, speaking)


def brief(closed: list[ClosedWindow]) -> list[tuple]:
    """Return size, start after the base, subject, revision and reason of each window."""
    return [
        (w.key.window_s, w.start_ms - BASE_MS, w.key.track_id, w.revision, str(w.closed_by))
        for w in closed
    ]


def run(batches, settings=PLAIN):
    """Return the final rows (highest revision), everything given out, the late count."""
    state, given_out, late = WindowsState(), [], 0
    for batch in batches:
        state, closed, late_count = observe(state, batch, settings)
        given_out += closed
        late += late_count
    state, closed = close_all(state, settings)
    given_out += closed
    final = {}
    for window in given_out:
        expected_revision = final[window.key].revision + 1 if window.key in final else 0
        assert window.revision == expected_revision
        final[window.key] = window
    return {key: window.to_row() for key, window in final.items()}, given_out, late


def reference(observations, fps):
    """Group by subject, size and start; figures by numpy, values rounded to the unit."""
    groups = defaultdict(list)
    for o in observations:
        if o.status is SKIPPED:
            continue
        for size_s in WINDOW_SIZES_S:
            start_ms = o.event_ms - o.event_ms % (size_s * 1000)
            groups[size_s, start_ms, o.participant_id, o.track_id].append(o)
            groups[size_s, start_ms, o.participant_id, None].append(o)
    return {key: reference_row(key, group, fps) for key, group in groups.items()}


def reference_row(key, group, fps):
    scored = [o for o in group if o.status is SCORED]
    flags = [o.is_speaking for o in scored if o.is_speaking is not None]
    row = {
        "frame_count": len(group),
        "scored_count": len(scored),
        "abstained_count": len(group) - len(scored),
        "coverage": min(len(scored) / (fps * key[0]), 1.0),
        "speaking_share": float(np.mean(flags)) if flags else None,
    }
    au12 = [(o.values[9], o.event_ms) for o in scored if np.isfinite(o.values[9])]
    if not au12:
        return row | dict.fromkeys(f"AU12_{part}" for part in ("mean", "max", "hist"))
    values = np.rint(np.array([value for value, _ in au12]) * UNITS_PER_ONE)
    highest_ms = min(ms for unit, (_, ms) in zip(values, au12, strict=True) if unit == values.max())
    return row | {
        "AU12_mean": values.mean() / UNITS_PER_ONE,
        "AU12_var": values.var() / UNITS_PER_ONE**2,
        "AU12_max": values.max() / UNITS_PER_ONE,
        "AU12_max_ms": highest_ms - key[1],
        "AU12_share": (values >= UNITS_PER_ONE / 2).mean(),
        "AU12_hist": np.histogram(values, np.arange(11) * UNITS_PER_ONE // 10)[0].tolist(),
    }


def assert_equal_to_reference(rows, observations, fps):
    expected = reference(observations, fps)
    found = {
        (row["window_s"], row["start_ms"], row["participant_id"], row["track_id"]): row
        for row in rows.values()
    }
    assert found.keys() == expected.keys()
    for key, wanted in expected.items():
        assert {name: found[key][name] for name in wanted} == {
            name: pytest.approx(value, abs=1e-9) if isinstance(value, float) else value
            for name, value in wanted.items()
        }


single = st.builds(
    seen,
    st.integers(0, 25_000),
    st.floats(0, 1) | st.just(np.nan) | st.sampled_from([0.1, 0.5]),
    st.sampled_from(["t1", "t2"]),
    st.sampled_from(["ann", "bob"]),
    st.sampled_from([SCORED, SCORED, ABSTAINED, SKIPPED]),
    st.sampled_from([None, True, False]),
)


@st.composite
def arrivals(draw):
    """Draw observations in an order in which none arrives more than a wait behind the latest."""
    observations = draw(st.lists(single, max_size=25))
    out_of_order_ms, lateness_ms = draw(st.tuples(st.integers(0, 4000), st.integers(0, 8000)))
    wait_ms = out_of_order_ms + lateness_ms
    delays = draw(
        st.lists(st.integers(0, wait_ms), min_size=len(observations), max_size=len(observations))
    )
    order = sorted(zip(observations, delays, strict=True), key=lambda p: p[0].event_ms + p[1])
    arrived = [observation for observation, _ in order]
    cuts = sorted(draw(st.sets(st.integers(1, max(len(arrived) - 1, 1)), max_size=6)))
    edges = [0, *[cut for cut in cuts if cut < len(arrived)], len(arrived)]
    batches = [arrived[a:b] for a, b in pairwise(edges)]
    settings = WindowSettings(fps=5, out_of_order_ms=out_of_order_ms, lateness_ms=lateness_ms)
    return batches, settings


@given(arrivals())
def test_windows_equal_a_plain_grouping_for_every_order_within_the_lateness(drawn):
    batches, settings = drawn
    rows, _, late = run(batches, settings)
    assert late == 0
    assert_equal_to_reference(rows, [o for batch in batches for o in batch], settings.fps)


@given(arrivals())
def test_what_the_state_held_before_is_untouched_and_a_restored_state_goes_on_exactly(drawn):
    batches, settings = drawn
    state, outputs, texts = WindowsState(), [], []
    for batch in batches:
        texts.append(json.dumps(state.to_json(), allow_nan=False))
        state, closed, late = observe(state, batch, settings)
        outputs.append(([w.to_row() for w in closed], late))
    last = json.dumps(state.to_json())
    for start, text in enumerate(texts):
        state = WindowsState.from_json(json.loads(text))
        assert json.dumps(state.to_json()) == text
        for batch, output in zip(batches[start:], outputs[start:], strict=True):
            before = json.dumps(state.to_json())
            following, closed, late = observe(state, batch, settings)
            assert ([w.to_row() for w in closed], late) == output
            assert json.dumps(state.to_json()) == before
            state = following
        assert json.dumps(state.to_json()) == last


@given(st.lists(st.lists(single, max_size=6), max_size=6), st.integers(0, 3000))
def test_time_never_goes_back_and_nothing_is_lost_uncounted(batches, lateness_ms):
    settings = WindowSettings(lateness_ms=lateness_ms)
    state, marks = WindowsState(), []
    for batch in batches:
        state, _, _ = observe(state, batch, settings)
        marks += [state.watermark_ms] if state.watermark_ms is not None else []
    assert marks == sorted(marks)
    rows, _, late = run(batches, settings)
    entered = sum(o.status is not SKIPPED for batch in batches for o in batch)
    counts = {
        size_s: sum(
            row["frame_count"]
            for row in rows.values()
            if row["window_s"] == size_s and row["subject"] == "track"
        )
        for size_s in WINDOW_SIZES_S
    }
    assert counts == dict.fromkeys(WINDOW_SIZES_S, entered - late)


def test_merged_seconds_are_the_ten_seconds_and_the_minute():
    rng = np.random.default_rng(5)
    _, given_out, _ = run([[seen(k * 170, rng.random(), speaking=k % 3 > 0)] for k in range(700)])
    for size_s in (10, 60):
        merged = defaultdict(Tally)
        for window in given_out:
            if window.key.window_s == 1:
                start_ms = window.start_ms // (size_s * 1000) * size_s * 1000
                merged[start_ms, window.key.track_id] = merged[start_ms, window.key.track_id].plus(
                    window.tally
                )
        large = {
            (w.start_ms, w.key.track_id): w.tally for w in given_out if w.key.window_s == size_s
        }
        assert merged.keys() == large.keys()
        assert all(merged[key].to_json() == large[key].to_json() for key in large)


def test_a_window_closes_when_the_watermark_reaches_its_end():
    state, closed, _ = observe(WindowsState(), [seen(0), seen(999)], PLAIN)
    assert closed == []
    state, closed, _ = observe(state, [seen(1000)], PLAIN)
    assert brief(closed) == [(1, 0, "t1", 0, "watermark"), (1, 0, None, 0, "watermark")]
    assert closed[0].to_row()["frame_count"] == 2
    assert state.watermark_ms == BASE_MS + 1000


def test_the_watermark_waits_for_what_may_be_out_of_order():
    settings = WindowSettings(out_of_order_ms=500)
    state, closed, _ = observe(WindowsState(), [seen(0), seen(1499)], settings)
    assert closed == []
    _, closed, late = observe(state, [seen(400), seen(1500)], settings)
    assert late == 0
    assert closed[0].to_row()["frame_count"] == 2


def test_frames_without_a_face_and_skipped_faces_move_time_but_enter_nothing():
    state, _, _ = observe(WindowsState(), [seen(0)], PLAIN)
    _, closed = advance(state, BASE_MS + 10_000, PLAIN, CloseReason.WATERMARK)
    assert [w.key.window_s for w in closed] == [1, 1, 10, 10]
    _, closed, late = observe(state, [seen(10_000, status=SKIPPED)], PLAIN)
    assert [w.key.window_s for w in closed] == [1, 1, 10, 10]
    assert late == 0
    rows, _, _ = run([[seen(0, status=SKIPPED)]])
    assert rows == {}


def test_an_idle_stream_is_closed_by_the_clock_it_is_given():
    state, _, _ = observe(WindowsState(), [seen(0)], PLAIN)
    state, closed = advance(state, BASE_MS + 60_000, PLAIN, CloseReason.IDLE)
    assert {w.closed_by for w in closed} == {CloseReason.IDLE}
    assert len(closed) == 6
    assert state.held == {}
    assert advance(state, BASE_MS, PLAIN, CloseReason.IDLE) == (state, [])


def test_late_observations_give_the_window_again_with_the_next_revision():
    settings = WindowSettings(lateness_ms=2000)
    state, _, _ = observe(WindowsState(), [seen(0, 0.2)], settings)
    state, _, _ = observe(state, [seen(1500, 0.2)], settings)
    state, closed, late = observe(state, [seen(100, 0.8), seen(200, 0.8)], settings)
    assert late == 0
    assert brief(closed) == [(1, 0, "t1", 1, "late"), (1, 0, None, 1, "late")]
    assert closed[0].to_row()["frame_count"] == 3
    assert closed[0].to_row()["AU12_max"] == 0.8
    _, closed, _ = observe(state, [seen(300)], settings)
    assert [w.revision for w in closed] == [2, 2]


def test_a_late_track_is_new_itself_and_revises_its_participant_only():
    settings = WindowSettings(lateness_ms=2000)
    state, _, _ = observe(WindowsState(), [seen(0), seen(1500)], settings)
    _, closed, _ = observe(state, [seen(100, track="t0")], settings)
    revisions = {w.key.track_id: w.revision for w in closed}
    assert revisions == {"t0": 0, None: 1}
    participant = closed[-1].to_row()
    assert (participant["frame_count"], participant["subject"]) == (2, "participant")


def test_beyond_the_lateness_an_observation_is_counted_and_dropped_from_all_sizes():
    settings = WindowSettings(lateness_ms=2000)
    state, _, _ = observe(WindowsState(), [seen(0), seen(3000)], settings)
    state, closed, late = observe(state, [seen(999)], settings)
    assert (closed, late, state.late_count) == ([], 1, 1)
    _, closed = close_all(state, settings)
    assert {w.to_row()["frame_count"] for w in closed if w.key.window_s == 60} == {2}


def test_a_far_future_event_closes_everything_and_what_follows_is_counted():
    state, _, _ = observe(WindowsState(), [seen(0), seen(0, track="t2", who="bob")], PLAIN)
    state, closed, _ = observe(state, [seen(10**12)], PLAIN)
    assert len(closed) == 12
    assert len(state.held) == 3
    state, closed, late = observe(state, [seen(k * 200) for k in range(50)], PLAIN)
    assert (closed, late, state.late_count) == ([], 50, 50)


def test_at_the_end_everything_closes_once_and_what_follows_is_late():
    settings = WindowSettings(lateness_ms=5000)
    state, first, _ = observe(WindowsState(), [seen(0), seen(1200)], settings)
    state, last = close_all(state, settings)
    assert len(first) == 2
    assert {w.closed_by for w in last} == {CloseReason.END_OF_STREAM}
    assert sorted(w.key.window_s for w in last) == [1, 1, 10, 10, 60, 60]
    assert {w.revision for w in [*first, *last]} == {0}
    assert len({w.key for w in [*first, *last]}) == 8
    assert observe(state, [seen(1300)], settings)[1:] == ([], 1)
    assert close_all(state, settings) == (state, [])
    assert close_all(WindowsState(), settings) == (WindowsState(), [])


def test_a_participant_is_summarised_over_its_tracks():
    batch = [seen(0, 0.2), seen(200, 0.2), seen(600, 0.8, track="t2"), seen(0, 0.5, "t9", "bob")]
    rows, _, _ = run([batch])
    mean = {
        (row["participant_id"], row["track_id"]): row["AU12_mean"]
        for row in rows.values()
        if row["window_s"] == 1
    }
    assert mean == {
        ("ann", "t1"): 0.2, ("ann", "t2"): 0.8, ("ann", None): pytest.approx(0.4),
        ("bob", "t9"): 0.5, ("bob", None): 0.5,
    }  # fmt: skip


def test_an_abstained_face_counts_as_seen_and_its_values_do_not():
    rows, _, _ = run([[seen(0, 0.9, status=ABSTAINED, speaking=True)]])
    for row in rows.values():
        assert (row["frame_count"], row["scored_count"], row["abstained_count"]) == (1, 0, 1)
        assert row["AU12_mean"] is row["AU12_hist"] is row["speaking_share"] is None
        assert row["coverage"] == 0


def test_coverage_and_speaking_are_shares_of_scored_frames():
    batch = [seen(k * 100, speaking=[True, False, None][k % 3]) for k in range(9)]
    rows, _, _ = run([batch])
    second, ten = (next(r for r in rows.values() if r["window_s"] == s) for s in (1, 10))
    assert (second["coverage"], ten["coverage"]) == (1.0, pytest.approx(0.18))
    assert second["speaking_share"] == 0.5


def test_rows_have_the_columns_of_the_table_that_a_window_knows():
    rows, _, _ = run([[seen(0)]])
    wanted = {column.name for column in WINDOW_COLUMNS} - CALLER_COLUMNS | {"start_ms"}
    assert all(set(row) == wanted for row in rows.values())
    lists = {c.name for c in WINDOW_COLUMNS if c.type == "counts"}
    row = next(iter(rows.values()))
    assert all(isinstance(row[name], list) and sum(row[name]) == 1 for name in lists)
    assert row["subject"] is Subject.TRACK
    json.dumps(row)


def test_events_before_1970_fall_into_windows_too():
    early = Observation("ann", "t1", -1, SCORED, np.full(SCORE_COUNT, 0.5))
    rows, _, _ = run([[early]])
    assert {row["start_ms"] for row in rows.values()} == {-1000, -10_000, -60_000}
    assert {row["AU12_max_ms"] for row in rows.values()} == {999, 9_999, 59_999}


def test_an_empty_batch_changes_nothing():
    state, _, _ = observe(WindowsState(), [seen(0)], PLAIN)
    assert observe(state, [], PLAIN) == (state, [], 0)
