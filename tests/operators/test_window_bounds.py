"""Goal: windows stay within their bounds in number, bytes and time, and refuse wrong settings.

Method: more tracks than fit, a random walk of two faces' scores, a table of wrong settings.
"""

import json
import time
import zlib

import numpy as np
import pytest

from operators import windows
from operators.aggregates import SCORE_COUNT
from operators.windows import Observation, WindowSettings, WindowsState, close_all, observe
from schemas.names import FaceStatus

BASE_MS = 1_700_000_000_000 // 60_000 * 60_000
PLAIN = WindowSettings(fps=5)
SCORED = FaceStatus.SCORED


def seen(at_ms, track) -> Observation:
    return Observation("ann", track, BASE_MS + at_ms, SCORED, np.full(SCORE_COUNT, 0.5))


def test_the_windows_held_are_bounded_by_closing_the_oldest_early(monkeypatch):
    monkeypatch.setattr(windows, "HELD_WINDOWS_MAX", 20)
    settings = WindowSettings(lateness_ms=60_000)
    state, entered, late, first = WindowsState(), 0, 0, []
    for index in range(40):
        batch = [seen(index * 100, track=f"t{index}-{k}") for k in range(3)]
        state, closed, late_count = observe(state, batch, settings)
        entered, late = entered + 3, late + late_count
        first += [w for w in closed if w.key.window_s == 1 and w.key.track_id and not w.revision]
        assert len(state.held) <= 20
    _, closed = close_all(state, settings)
    first += [w for w in closed if w.key.window_s == 1 and w.key.track_id and not w.revision]
    assert late > 0
    assert sum(w.tally.scored_count for w in first) == entered - late


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": 0}, {"out_of_order_ms": -1}, {"lateness_ms": 600_001}, {"sizes_s": ()},
        {"sizes_s": (10, 1)}, {"sizes_s": (2, 5)}, {"sizes_s": (1, 1)}, {"sizes_s": (0, 1)},
    ],
)  # fmt: skip
def test_settings_that_make_no_windows_are_refused(wrong):
    with pytest.raises(ValueError, match="windows:"):
        WindowSettings(**wrong)


def test_values_of_another_length_are_refused():
    with pytest.raises(ValueError, match="shape"):
        Observation("ann", "t1", 0, SCORED, np.zeros(3))


def test_the_state_of_two_faces_is_small_and_an_observation_is_cheap():
    rng = np.random.default_rng(0)
    levels = rng.beta(0.5, 4, (2, SCORE_COUNT))
    state, sizes, costs_s = WindowsState(), [], []
    for index in range(310):
        levels = np.clip(levels + rng.normal(0, 0.03, levels.shape), 0, 1)
        batch = [
            Observation(who, f"{who}1", BASE_MS + index * 200, SCORED, levels[k], is_speaking=True)
            for k, who in enumerate(("ann", "bob"))
        ]
        started_s = time.perf_counter()
        state, _, _ = observe(state, batch, PLAIN)
        costs_s.append((time.perf_counter() - started_s) / len(batch))
        if index % 30 == 29:
            sizes.append(len(zlib.compress(json.dumps(state.to_json()).encode())))
    assert max(sizes) < 12 * 1024
    assert np.median(costs_s) < 0.3e-3
