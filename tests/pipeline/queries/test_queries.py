"""Goal: a call is found by what a person would type, and its windows merge without loss.

Method: tables in memory from generated frames; windows of any length are compared with a naive
reference that aggregates the frames themselves.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.lake.tables import Lake
from pipeline.queries import face_frames, resolve_call, timeline, timelines
from schemas.errors import NotFoundError, UsageError
from schemas.names import Subject
from tests.rows import (
    AGENT,
    CALL,
    CUSTOMER,
    START_AT,
    Face,
    TableLake,
    frame_rows,
    run_row,
    table,
    two_party_lake,
    window_rows,
    write_lake,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake() -> TableLake:
    """Return the call of two people."""
    return two_party_lake()


def runs_lake(*rows: dict) -> TableLake:
    return TableLake(runs=table("runs", rows))


def aggregate_columns(score: str) -> list[str]:
    return [f"{score}_{name}" for name in timelines.AGGREGATES]


class TestResolvingACall:
    def test_a_call_is_found_by_id_by_unique_prefix_and_by_its_files_name(
        self, lake: TableLake
    ) -> None:
        for said in (CALL, CALL[:4], "two_party_call.mp4"):
            assert resolve_call(lake, "default", said).call_id == CALL

    def test_the_reference_tells_model_streams_roles_and_length(self, lake: TableLake) -> None:
        ref = resolve_call(lake, "default", CALL)
        assert (ref.model_id, ref.stream_ids, ref.duration_ms) == (
            "blendshapes-1",
            ("main",),
            30_000,
        )
        assert ref.role_of("agent") == "performer"
        assert ref.role_of("agent.main-0-3") == "performer"
        assert ref.role_of("stranger") == ref.role_of(None) == "unknown"

    def test_a_prefix_of_several_calls_is_refused_and_they_are_listed(self) -> None:
        lake = runs_lake(*(run_row(call_id=name) for name in ("aa2", "aa1", "aa3")))
        with pytest.raises(UsageError, match=r"several calls.*aa1, aa2, aa3"):
            resolve_call(lake, "default", "aa")

    def test_an_unknown_call_gets_the_near_word_and_the_known_calls(self) -> None:
        lake = runs_lake(run_row(call_id="monday-call"))
        with pytest.raises(NotFoundError, match=r"did you mean 'monday-call'\?.*known calls"):
            resolve_call(lake, "default", "monday-cal1")

    def test_at_most_eight_calls_are_listed(self) -> None:
        lake = runs_lake(*(run_row(call_id=f"c{i:02d}") for i in range(20)))
        with pytest.raises(NotFoundError, match="and 12 more"):
            resolve_call(lake, "default", "zzz")

    def test_an_empty_text_is_no_prefix_of_everything(self, lake: TableLake) -> None:
        with pytest.raises(NotFoundError):
            resolve_call(lake, "default", "")

    def test_another_tenants_call_does_not_exist(self, lake: TableLake) -> None:
        with pytest.raises(NotFoundError, match="has no calls yet"):
            resolve_call(lake, "other", CALL)

    def test_the_newest_run_that_was_not_replaced_counts(self) -> None:
        def run(run_id: str, state: str, hour: int) -> dict:
            at = NOON + timedelta(hours=hour)
            return run_row(run_id=run_id, state=state, recorded_at=at)

        lake = runs_lake(run("a", "finished", 0), run("b", "started", 1), run("c", "started", 2),
                         run("c", "replaced", 3))  # fmt: skip
        assert resolve_call(lake, "default", CALL).run_id == "b"
        assert resolve_call(lake, "default", CALL, "a").run_id == "a"

    def test_the_highest_revision_of_a_run_counts_even_where_the_clock_went_back(self) -> None:
        before = NOON - timedelta(hours=1)
        lake = runs_lake(
            run_row(state="started", duration_ms=None, revision=1, recorded_at=NOON),
            run_row(state="finished", revision=2, recorded_at=before),
        )
        assert resolve_call(lake, "default", CALL).state == "finished"

    def test_the_jurisdiction_is_the_registrations(self) -> None:
        said = '{"jurisdiction": "EU", "regions": []}'
        for text, jurisdiction in ((said, "EU"), ("{not json", "")):
            lake = runs_lake(run_row(registration=text))
            assert resolve_call(lake, "default", CALL).jurisdiction == jurisdiction

    def test_an_unknown_run_gets_the_near_word_and_the_runs(self, lake: TableLake) -> None:
        with pytest.raises(NotFoundError, match=r"did you mean 'run-1'\?.*its runs: run-1"):
            resolve_call(lake, "default", CALL, "run-2")

    def test_a_call_whose_runs_were_all_replaced_is_not_found(self) -> None:
        lake = runs_lake(run_row(state="replaced"))
        with pytest.raises(NotFoundError, match="replaced"):
            resolve_call(lake, "default", CALL)

    def test_a_run_is_finished_when_all_its_streams_are(self) -> None:
        one = run_row(stream_id="one")
        lake = runs_lake(one, run_row(stream_id="two", state="started", duration_ms=None))
        ref = resolve_call(lake, "default", CALL)
        assert (ref.state, ref.duration_ms, ref.stream_ids) == ("started", None, ("one", "two"))
        done = runs_lake(one, run_row(stream_id="two", duration_ms=90_000))
        assert resolve_call(done, "default", CALL).duration_ms == 90_000

    def test_a_registration_that_cannot_be_read_names_nobody(self) -> None:
        lake = runs_lake(run_row(registration="{not json"))
        assert resolve_call(lake, "default", CALL).roles == {}

    def test_dates_are_bounded_for_recordings_and_open_for_live_streams(self) -> None:
        start = datetime(2025, 3, 1, 23, 50, tzinfo=UTC)
        made = run_row(start_at=start, duration_ms=20 * 60_000, anchor_source="container")
        ref = resolve_call(runs_lake(made), "default", CALL)
        assert (ref.date_first, ref.date_last) == (date(2025, 2, 28), date(2025, 3, 3))
        assert ref.anchor_text == "2025-03-01 23:50:00 UTC (from container)"
        live = resolve_call(runs_lake({**made, "content_sha256": None}), "default", CALL)
        assert live.date_last is None


class TestTimeline:
    def test_stored_windows_are_read_as_they_are(self, lake: TableLake) -> None:
        ref = resolve_call(lake, "default", CALL)
        rows = timeline(lake, ref, 10)
        assert rows["participant_id"].to_list() == ["agent", "customer"] * 3
        assert rows["time_s"].to_list() == [0, 0, 10, 10, 20, 20]
        assert rows["coverage"].to_list() == pytest.approx([1, 1, 1, 1, 0.9, 0.6])

    @pytest.mark.parametrize("window_s", [2, 7, 15, 30, 45])
    def test_merged_windows_equal_the_naive_reference(self, lake: TableLake, window_s: int) -> None:
        check_merging(lake.tables["frames"], window_s)

    def test_merging_seconds_gives_what_the_stored_ten_seconds_say(
        self, lake: TableLake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ref = resolve_call(lake, "default", CALL)
        stored = timeline(lake, ref, 10, scores=["AU12", "valence"])
        monkeypatch.setattr(timelines, "WINDOW_SIZES_S", (1,))
        merged = timeline(lake, ref, 10, scores=["AU12", "valence"])
        assert_close(merged, stored, ["AU12", "valence"])
        assert merged.schema == stored.schema

    def test_a_score_weighs_as_much_as_the_frames_on_which_it_was_observed(self) -> None:
        rows = partly_observed_seconds()
        lake = TableLake(windows=rows, runs=table("runs", [run_row()]))
        found = timeline(lake, resolve_call(lake, "default", CALL), 2, scores=["AU12", "AU25"])
        assert found["AU12_mean"].to_list() == pytest.approx([(0.9 + 5 * 0.1) / 6])
        assert found["AU12_share"].to_list() == pytest.approx([1 / 6])
        assert found["AU25_mean"].to_list() == pytest.approx([0.5])
        assert (found["flagged_count"][0], found["speaking_share"][0]) == (6, pytest.approx(1 / 6))

    def test_rows_from_before_the_count_of_flags_weigh_by_scored_frames(self) -> None:
        rows = partly_observed_seconds().with_columns(flagged_count=pl.lit(None, pl.Int32))
        lake = TableLake(windows=rows, runs=table("runs", [run_row()]))
        ref = resolve_call(lake, "default", CALL)
        assert timeline(lake, ref, 2, scores=["AU12"])["speaking_share"].to_list() == [0.5]
        assert timeline(lake, ref, 1, scores=["AU12"])["flagged_count"].to_list() == [5, 5]

    def test_gaps_stay_gaps(self) -> None:
        face = Face(present=(0, 4), track_id="a")
        back = Face(present=(21, 30), track_id="b")
        lake = lake_of(frame_rows((face, back)))
        ref = resolve_call(lake, "default", CALL)
        assert timeline(lake, ref, 5)["time_s"].to_list() == [0, 20, 25]
        assert timeline(lake, ref, 10)["time_s"].to_list() == [0, 20]

    def test_the_highest_revision_counts(self, lake: TableLake) -> None:
        frames = lake.tables["frames"]
        late = window_rows(frames.head(4), sizes_s=(10,), revision=1)
        revised = TableLake(**{**lake.tables, "windows": pl.concat([late, lake.tables["windows"]])})
        ref = resolve_call(revised, "default", CALL)
        rows = timeline(revised, ref, 10, scores=["AU12"])
        assert rows.height == 6
        assert rows["scored_count"].to_list()[:2] == [2, 2]

    def test_rows_are_per_track_where_that_is_asked_for(self) -> None:
        early = Face(present=(0, 4), track_id="a")
        late = Face(present=(6, 10), track_id="b")
        lake = lake_of(frame_rows((early, late), duration_s=10))
        ref = resolve_call(lake, "default", CALL)
        assert timeline(lake, ref, 10, Subject.TRACK)["track_id"].to_list() == ["a", "b"]
        both = timeline(lake, ref, 10)
        assert both["frame_count"].to_list() == [40]
        assert both["track_id"].to_list() == [None]

    def test_what_policy_forbids_stays_null_when_merged(self) -> None:
        lake = lake_of(frame_rows((Face(policy="facial_actions_only"),), duration_s=6))
        rows = timeline(lake, resolve_call(lake, "default", CALL), 3)
        assert rows["emotion_happiness_mean"].null_count() == 2
        assert rows["emotion_happiness_hist"].null_count() == 2
        assert rows["AU12_mean"].null_count() == 0

    def test_a_window_without_scored_frames_has_no_scores_but_is_a_row(self) -> None:
        lake = lake_of(frame_rows((Face(abstained=((0, 3),)),), duration_s=6))
        rows = timeline(lake, resolve_call(lake, "default", CALL), 3, scores=["AU12"])
        assert rows["AU12_mean"].is_null().to_list() == [True, False]
        assert rows["abstained_count"].to_list() == [15, 0]
        assert rows["coverage"].to_list() == [0.0, 1.0]

    def test_only_the_chosen_scores_come_back(self, lake: TableLake) -> None:
        ref = resolve_call(lake, "default", CALL)
        rows = timeline(lake, ref, 10, scores=["AU12"])
        assert [c for c in rows.columns if c.startswith(("AU", "emo"))] == aggregate_columns("AU12")

    def test_windows_of_a_call_with_a_clock_start_on_whole_multiples(self) -> None:
        start = datetime(2025, 3, 1, 10, 0, 7, tzinfo=UTC)
        frames = frame_rows((Face(),), duration_s=10, start_at=start)
        lake = lake_of(frames, start_at=start, anchor_source="container")
        rows = timeline(lake, resolve_call(lake, "default", CALL), 10)
        assert rows["time_s"].to_list() == [-7.0, 3.0]

    @pytest.mark.parametrize("window_s", [0, -1, 86_401])
    def test_an_impossible_window_is_refused(self, lake: TableLake, window_s: int) -> None:
        with pytest.raises(UsageError, match="1 s to 24 h"):
            timeline(lake, resolve_call(lake, "default", CALL), window_s)

    def test_an_unknown_score_gets_the_near_word(self, lake: TableLake) -> None:
        with pytest.raises(UsageError, match="did you mean 'emotion_happiness'"):
            timeline(lake, resolve_call(lake, "default", CALL), 10, scores=["emotion_hapiness"])

    def test_a_call_without_faces_has_an_empty_timeline(self) -> None:
        lake = runs_lake(run_row())
        rows = timeline(lake, resolve_call(lake, "default", CALL), 7)
        assert rows.is_empty()
        assert "AU12_mean" in rows.columns


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    window_s=st.sampled_from([2, 3, 7]),
    present=st.tuples(st.integers(0, 5), st.integers(6, 14)),
    bump=st.tuples(st.floats(0, 6), st.floats(7, 13), st.floats(0.1, 1.0)),
    offset_s=st.integers(0, 9),
)
def test_merging_is_lossless_for_every_course_of_a_face(
    window_s: int, present: tuple, bump: tuple, offset_s: int
) -> None:
    face = Face(present=present, aus={"AU12": (bump,)}, abstained=((8.0, 9.0),))
    start = START_AT + timedelta(seconds=offset_s)
    check_merging(frame_rows((face,), duration_s=14, start_at=start), window_s)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    window_s=st.sampled_from([2, 5]),
    seed=st.integers(0, 2**16),
    share=st.floats(0.0, 1.0),
)
def test_merging_is_lossless_where_scores_are_missing_on_some_scored_frames(
    window_s: int, seed: int, share: float
) -> None:
    face = Face(aus={"AU12": ((0.0, 6.0, 0.9),)}, speaking=((1.0, 4.0),), abstained=((2.0, 2.6),))
    frames = frame_rows((face,), duration_s=8)
    chance = np.random.default_rng(seed)
    for name in ("AU12", "AU25", "emotion_happiness", "is_speaking"):
        is_missing = pl.Series(chance.uniform(size=frames.height) < share)
        hidden = pl.when(is_missing).then(None).otherwise(pl.col(name)).alias(name)
        frames = frames.with_columns(hidden)
    check_merging(frames, window_s)


def partly_observed_seconds() -> pl.DataFrame:
    """Return two seconds of 5 scored frames: in the first, AU12 and the flag are known on one."""
    frames = frame_rows((Face(),), duration_s=2)
    is_known = (pl.col("time") == 0) | (pl.col("time") >= 5)
    is_first = pl.col("time") == 0
    known = frames.with_row_index("time").with_columns(
        AU12=pl.when(is_known).then(pl.when(is_first).then(0.9).otherwise(0.1)).cast(pl.Float32),
        AU25=pl.lit(0.5, pl.Float32),
        is_speaking=pl.when(is_known).then(is_first),
    )
    return window_rows(known.drop("time"), sizes_s=(1,))


def lake_of(frames: pl.DataFrame, **run: object) -> TableLake:
    rows = table("runs", [run_row(**run)])
    return TableLake(frames=frames, windows=window_rows(frames), runs=rows)


def check_merging(frames: pl.DataFrame, window_s: int) -> None:
    scores = ["AU12", "AU25", "emotion_happiness", "valence"]
    lake = TableLake(windows=window_rows(frames, sizes_s=(1,)), runs=table("runs", [run_row()]))
    ref = resolve_call(lake, "default", CALL)
    naive = TableLake(windows=window_rows(frames, sizes_s=(window_s,)))
    expected = naive.tables["windows"].filter(pl.col("subject") == "participant")
    assert_close(timeline(lake, ref, window_s, scores=scores), expected, scores)


def assert_close(found: pl.DataFrame, expected: pl.DataFrame, scores: list[str]) -> None:
    keys = ["start_at", "participant_id"]
    found, expected = found.sort(keys), expected.sort(keys)
    assert found.select(keys).equals(expected.select(keys))
    exact = ["frame_count", "scored_count", "abstained_count", "flagged_count"]
    exact += [f"{score}_{name}" for score in scores for name in ("max_ms", "hist")]
    close = ["coverage", "speaking_share"]
    close += [f"{score}_{name}" for score in scores for name in ("mean", "var", "max", "share")]
    for name in exact:
        assert found[name].to_list() == expected[name].to_list(), name
    for name in close:
        pairs = zip(found[name], expected[name], strict=True)
        assert all(a == pytest.approx(b, abs=2e-6) for a, b in pairs), name


def test_frames_come_in_order_with_their_time_in_the_call() -> None:
    start = datetime(2025, 3, 1, 10, tzinfo=UTC)
    frames = frame_rows((AGENT, CUSTOMER), duration_s=3, start_at=start)
    lake = TableLake(frames=frames.sample(fraction=1, shuffle=True, seed=1),
                     runs=table("runs", [run_row(start_at=start)]))  # fmt: skip
    rows = face_frames(lake, resolve_call(lake, "default", CALL), ["event_at", "track_id"])
    assert rows.columns == ["event_at", "track_id", "time_s"]
    assert rows["time_s"].to_list()[:4] == pytest.approx([0, 0, 0.2, 0.2])
    assert rows["track_id"].to_list()[:2] == ["main-0-1", "main-0-2"]


def test_a_query_opens_the_files_of_its_own_call_only_and_the_columns_it_needs(
    tmp_path: Path,
) -> None:
    frames = frame_rows((Face(),), duration_s=2)
    for call_id in ("call-1", "call-2", "call-3"):
        rows = frames.with_columns(call_id=pl.lit(call_id))
        write_lake(tmp_path, frames=rows, runs=table("runs", [run_row(call_id=call_id)]))
    lake = Lake(tmp_path)
    ref = resolve_call(lake, "default", "call-2")
    plan = ref.select(lake, "frames").select("AU12").explain()
    assert plan.count(".parquet") == 1
    assert "PROJECT 5/" in plan
    assert face_frames(lake, ref)["AU12"].len() == 10
