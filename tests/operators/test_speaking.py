"""Goal: the flag tells speech from a smile, a yawn and a mouth held open, at 2 to 30 fps.

Method: curves of the mouth's opening drawn as syllables and as single slow movements, turned into
AU probabilities with noise; the bounds are those measured over eight seeds, with room.
"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.speaking import OBSERVED_MS_MIN, PAUSE_MS, MouthSignals, SpeakingState, step
from schemas.names import AU_NAMES

RATE = 100  # samples per second of the drawn curves


def syllables(rng, duration_s: float) -> np.ndarray:
    """Return the opening during uninterrupted speech: 3 to 6.5 syllables a second."""
    opening, index = np.zeros(int(duration_s * RATE)), 0
    while index < len(opening):
        length = int(RATE / rng.uniform(3, 6.5))
        bump = rng.uniform(0.1, 0.9) * np.sin(np.pi * np.arange(length) / length)
        opening[index : index + length] += bump[: len(opening) - index]
        index += length
    return opening


def movement(kind: str) -> np.ndarray:
    """Return 20 s with two slow movements of 5 s."""
    opening, time_s = np.zeros(20 * RATE), np.arange(20 * RATE) / RATE
    for start in (3, 12):
        since = np.clip((time_s - start) / 5, 0, 1)
        edges = np.clip(np.minimum(since * 10, (1 - since) * 7), 0, 1)
        shapes = {
            "nothing": np.zeros(len(time_s)),
            "yawn": 0.95 * np.sin(np.pi * since) ** 0.6,
            "smile": 0.3 * edges,
            "held open": 0.9 * edges,
        }
        opening = np.maximum(opening, shapes[kind])
    return opening


def flags(opening, fps, noise=0.04, seed=0) -> list[bool | None]:
    rng = np.random.default_rng(seed)
    seen = opening[(np.arange(0, len(opening) / RATE - 0.01, 1 / fps) * RATE).astype(int)]

    def probability(middle, slope):
        clean = 1 / (1 + np.exp(-(seen - middle) * slope))
        return np.clip(clean + rng.normal(0, noise, len(seen)), 0, 1)

    state, found = SpeakingState(), []
    for index, (au25, au26) in enumerate(
        zip(probability(0.15, 14), probability(0.45, 10), strict=True)
    ):
        state, flag = step(state, index * 1000 / fps, MouthSignals(au25, au26, 0.0))
        found.append(flag)
    return found


@pytest.mark.parametrize(("fps", "recall_min"), [(2, 0.5), (5, 0.75), (10, 0.85), (30, 0.85)])
def test_most_of_continuous_speech_is_flagged(fps, recall_min):
    shares = []
    for seed in range(4):
        found = flags(syllables(np.random.default_rng(seed), 30), fps, seed=seed)
        shares.append(np.mean([flag for flag in found if flag is not None]))
    assert np.mean(shares) >= recall_min


@pytest.mark.parametrize("fps", [2, 3, 5, 10, 15, 30])
@pytest.mark.parametrize("kind", ["nothing", "yawn", "smile", "held open"])
def test_single_slow_movements_and_held_mouths_are_not_speech(kind, fps):
    found = flags(movement(kind), fps)
    assert True not in found
    assert False in found


@pytest.mark.parametrize("kind", ["nothing", "yawn", "smile", "held open"])
def test_twice_the_noise_costs_few_false_flags(kind):
    shares = [
        np.mean([bool(flag) for flag in flags(movement(kind), 5, noise=0.08, seed=seed)])
        for seed in range(6)
    ]
    assert np.mean(shares) < 0.2


@pytest.mark.parametrize("fps", [2, 5, 30])
def test_nothing_is_said_before_a_second_was_observed(fps):
    found = flags(syllables(np.random.default_rng(1), 5), fps)
    unknown = [index for index, flag in enumerate(found) if flag is None]
    assert unknown == list(range(int(np.ceil(OBSERVED_MS_MIN / 1000 * fps - 1e-9))))


def test_the_flag_goes_soon_after_the_last_movement():
    opening = np.concatenate([syllables(np.random.default_rng(2), 6), np.zeros(4 * RATE)])
    found = flags(opening, 10)
    assert any(found[10:60])
    assert not any(found[60 + int(PAUSE_MS / 100) + 2 :])


def test_a_mouth_that_is_not_observed_has_no_flag_and_a_long_gap_starts_afresh():
    state, pts_ms = SpeakingState(), 0
    for pts_ms in range(0, 3000, 200):
        state, flag = step(state, pts_ms, MouthSignals(0.9 * (pts_ms // 200 % 2), 0.0))
    assert flag is True
    state, flag = step(state, pts_ms + 200, MouthSignals(np.nan, np.nan))
    assert flag is None
    _, flag = step(state, pts_ms + 400, MouthSignals(0.9, 0.0))
    assert flag is True
    _, flag = step(state, pts_ms + 1400, MouthSignals(0.9, 0.0))
    assert flag is None


def test_one_observed_part_of_the_mouth_is_enough():
    assert MouthSignals(np.nan, 0.6).opening == 0.6
    assert MouthSignals(0.4, np.nan).opening == 0.4
    assert MouthSignals(0.4, 0.4, 1.0).opening == pytest.approx(0.1)


def test_signals_are_picked_by_name_from_the_scores():
    au = np.arange(len(AU_NAMES)) / 100
    mouth = MouthSignals.of(au)
    assert [mouth.au25, mouth.au26, mouth.au18] == [
        au[AU_NAMES.index(name)] for name in ("AU25", "AU26", "AU18")
    ]


@given(
    st.lists(st.tuples(st.floats(0, 1300), st.floats(0, 1), st.floats(0, 1)), max_size=40),
    st.integers(0, 40),
)
def test_a_restored_state_goes_on_exactly(course, cut):
    state, pts_ms, restored = SpeakingState(), 0.0, SpeakingState()
    for index, (passed_ms, au25, au26) in enumerate(course):
        pts_ms += passed_ms
        if index == cut:
            restored = SpeakingState.from_json(json.loads(json.dumps(state.to_json())))
        state, expected = step(state, pts_ms, MouthSignals(au25, au26))
        if index >= cut:
            restored, found = step(restored, pts_ms, MouthSignals(au25, au26))
            assert (found, restored) == (expected, state)
