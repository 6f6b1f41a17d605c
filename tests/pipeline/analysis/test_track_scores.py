"""Goal: raw scores become columns by calibration and smoothing, within policy, and survive JSON.

Method: unit tables over made scores; a checkpointed memory is compared with one that went on.
"""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.calibrate import Calibration, calibration_from
from operators.smooth import SmoothSettings
from pipeline.analysis.track_scores import (
    AU_COUNT,
    SCORE_NAMES,
    TrackMemory,
    TrackScores,
    columns,
    raw_vector,
    step,
)
from pipeline.lake.layout import to_frame
from schemas.frames import FRAME_COLUMNS
from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES, Policy
from schemas.scores import FaceScores
from schemas.windows import WINDOW_SCORES

PLAIN = calibration_from({})
AU12, AU43, AU45 = (AU_NAMES.index(name) for name in ("AU12", "AU43", "AU45"))


def scores(
    au: float | dict[str, float] = 0.5, count: int = 1, extra: dict[str, Any] | None = None
) -> FaceScores:
    """Return scores of `count` alike faces; AUs that are not named are 0.1."""
    given = au if isinstance(au, dict) else dict.fromkeys(AU_NAMES, au)
    row = np.array([given.get(name, 0.1) for name in AU_NAMES], np.float32)
    emotion = np.array([0.65, *[0.05] * 7], np.float32)
    return FaceScores(
        au=np.tile(row, (count, 1)),
        au_intensity=np.tile(5 * row, (count, 1)),
        au_side=np.full((count, len(SIDED_AU_NAMES)), 0.5, np.float32),
        emotion=np.tile(emotion, (count, 1)),
        valence=np.full(count, -0.25, np.float32),
        arousal=np.full(count, 0.75, np.float32),
        confidence=np.full(count, 0.875, np.float32),
        extra={name: np.full(count, v, np.float32) for name, v in (extra or {}).items()},
    )


def walked(
    given: list[FaceScores],
    memory: TrackMemory | None = None,
    first_ms: float = 0.0,
    policy: Policy = Policy.FULL,
    calibration: Calibration = PLAIN,
) -> tuple[TrackMemory, list[TrackScores]]:
    """Let a track take a step per score, five a second."""
    memory = memory or TrackMemory()
    found = []
    for index, one in enumerate(given):
        memory, result = step(
            memory, first_ms + 200.0 * index, one, 0, policy, calibration, SmoothSettings()
        )
        found.append(result)
    return memory, found


def rebuilt(memory: TrackMemory) -> TrackMemory:
    return TrackMemory.from_json(json.loads(json.dumps(memory.to_json())))


def test_the_order_of_a_vector_is_that_of_the_windows() -> None:
    assert tuple(WINDOW_SCORES) == SCORE_NAMES
    assert SCORE_NAMES[:AU_COUNT] == AU_NAMES
    raw = raw_vector(scores({"AU12": 0.9}), 0, Policy.FULL)
    named = dict(zip(SCORE_NAMES, raw, strict=True))
    assert named["AU12"] == pytest.approx(0.9)
    assert named["emotion_neutral"] == pytest.approx(0.65)
    assert (named["valence"], named["arousal"]) == (-0.25, 0.75)


def test_a_vector_is_that_of_the_face_asked_for() -> None:
    both = scores(count=2)
    both.au[1, AU12] = 0.75
    assert raw_vector(both, 0, Policy.FULL)[AU12] == 0.5
    assert raw_vector(both, 1, Policy.FULL)[AU12] == 0.75


def test_without_the_full_policy_only_facial_actions_are_left() -> None:
    raw = raw_vector(scores(), 0, Policy.FACIAL_ACTIONS_ONLY)
    assert not np.isnan(raw[:AU_COUNT]).any()
    assert np.isnan(raw[AU_COUNT:]).all()


def test_what_is_forbidden_never_enters_the_memory() -> None:
    memory, found = walked([scores()] * 12, policy=Policy.FACIAL_ACTIONS_ONLY)
    text = json.dumps(memory.to_json()["smoothing"]["values"][AU_COUNT:])
    assert set(json.loads(text)) == {None}
    for result in found:
        for vector in (result.raw, result.final, result.above_baseline):
            assert np.isnan(vector[AU_COUNT:]).all()


def test_the_first_frame_is_final_as_it_is() -> None:
    _, (first,) = walked([scores({"AU12": 0.9})])
    assert first.final[AU12] == first.raw[AU12] == pytest.approx(0.9)


def test_later_frames_are_smoothed_and_raw_ones_are_kept() -> None:
    _, found = walked([scores({"AU12": 0.1})] * 3 + [scores({"AU12": 0.9})])
    assert found[-1].raw[AU12] == pytest.approx(0.9)
    assert 0.2 < found[-1].final[AU12] < 0.8


def test_calibration_changes_final_scores_and_not_raw_ones() -> None:
    doubtful = calibration_from({"AU12": (1.0, -2.0)})
    _, (result,) = walked([scores({"AU12": 0.5})], calibration=doubtful)
    assert result.raw[AU12] == 0.5
    assert result.final[AU12] == pytest.approx(1 / (1 + math.exp(2.0)))


def test_a_short_closure_of_the_eyes_is_a_blink_and_a_long_one_is_not() -> None:
    closed, opened = scores({"AU43": 0.9}), scores({"AU43": 0.1})
    _, found = walked([opened, closed, opened, *[closed] * 4])
    blinks = [round(float(result.final[AU45]), 2) for result in found]
    assert blinks == [0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.0]
    assert [round(float(result.final[AU43]), 1) for result in found[3:]] == [0.9] * 4


def test_the_resting_value_is_known_after_a_while_and_a_smile_stands_above_it() -> None:
    _, found = walked([scores({"AU12": 0.25})] * 20 + [scores({"AU12": 0.95})] * 5)
    assert np.isnan(found[0].above_baseline[AU12])
    assert abs(found[19].above_baseline[AU12]) < 0.03
    assert found[-1].above_baseline[AU12] > 0.5


def test_speech_is_told_from_the_unsmoothed_mouth() -> None:
    talk = [scores({"AU25": 0.9 * (n % 4 < 2), "AU26": 0.8 * (n % 4 < 2)}) for n in range(20)]
    _, talking = walked(talk)
    _, silent = walked([scores(0.1)] * 20)
    assert (talking[-1].is_speaking, silent[-1].is_speaking) == (True, False)
    assert talking[0].is_speaking is None


def test_scores_of_an_adapter_are_named_in_order_and_only_under_the_full_policy() -> None:
    given = [scores(extra={"b": 0.5, "a": 0.25})]
    _, (full,) = walked(given)
    assert columns(full)["extra_scores"] == [
        {"name": "a", "score": 0.25},
        {"name": "b", "score": 0.5},
    ]
    _, (limited,) = walked(given, policy=Policy.FACIAL_ACTIONS_ONLY)
    assert columns(limited)["extra_scores"] is None


VALUES = st.floats(0.0, 1.0, width=32) | st.just(math.nan)


@settings(max_examples=25, deadline=None)
@given(
    levels=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=2, max_size=24), cut=st.integers(1)
)
def test_a_memory_that_went_through_a_checkpoint_goes_on_exactly(
    levels: list[tuple[float, float, float]], cut: int
) -> None:
    names = ("AU12", "AU25", "AU43")
    given = [scores(dict(zip(names, level, strict=True))) for level in levels]
    cut = cut % len(given)
    _, expected = walked(given)
    memory, _ = walked(given[:cut])
    _, found = walked(given[cut:], rebuilt(memory), first_ms=200.0 * cut)
    assert repr([columns(one) for one in found]) == repr([columns(one) for one in expected[cut:]])


SCORED_COLUMNS = [
    "confidence",
    "is_speaking",
    *(f"{n}{s}" for n in AU_NAMES for s in ("_raw", "", "_above_baseline", "_intensity")),
    *(f"{name}_side" for name in SIDED_AU_NAMES),
    *(f"emotion_{name}{suffix}" for name in EMOTIONS for suffix in ("_raw", "")),
    *(f"{name}{suffix}" for name in ("valence", "arousal") for suffix in ("_raw", "")),
    "extra_scores",
]


def test_a_face_that_was_not_scored_has_every_score_column_and_all_null() -> None:
    assert columns(None) == dict.fromkeys(SCORED_COLUMNS)
    assert set(SCORED_COLUMNS) <= {column.name for column in FRAME_COLUMNS}


def test_a_scored_face_has_the_same_columns_with_its_own_values() -> None:
    _, (result,) = walked([scores({"AU12": 0.75, "AU01": 0.25})])
    row = columns(result)
    assert list(row) == SCORED_COLUMNS
    assert (row["AU12"], row["AU12_raw"], row["AU01"]) == (0.75, 0.75, 0.25)
    assert (row["AU12_intensity"], row["AU12_side"], row["confidence"]) == (3.75, 0.5, 0.875)
    assert (row["valence"], row["arousal"]) == (-0.25, 0.75)
    assert math.isnan(row["AU12_above_baseline"])


def test_rows_do_not_share_what_they_hold() -> None:
    first = columns(None)
    first["AU12"] = 1.0
    assert columns(None)["AU12"] is None


def test_what_a_model_does_not_observe_is_null_in_the_table() -> None:
    _, found = walked([scores({"AU12": math.nan})])
    schema = {column.name: None for column in FRAME_COLUMNS}
    strings = {c.name: "x" for c in FRAME_COLUMNS if c.type == "string"}
    row: dict[str, Any] = {**schema, **strings, **columns(found[0])}
    frame = to_frame("frames", [row])
    assert frame["AU12"].null_count() == frame["AU12_raw"].null_count() == 1
    assert frame["AU01"].to_list() == [pytest.approx(0.1)]
