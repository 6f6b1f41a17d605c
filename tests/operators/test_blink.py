"""Goal: AU45 tells a blink from closed eyes. Method: short curves of AU43 at 5 and 25 fps."""

import json
import math

import pytest

from operators.blink import BLINK_MS_MAX, BlinkState, step


def curve(closures: list[float], fps: float) -> list[float]:
    state, blinks = BlinkState(), []
    for index, closure in enumerate(closures):
        state, blink = step(state, index * 1000 / fps, closure)
        blinks.append(blink)
    return blinks


@pytest.mark.parametrize("fps", [5.0, 25.0])
def test_a_short_closure_is_a_blink(fps: float) -> None:
    closed = max(1, int(0.2 * fps))
    assert curve([0.1] + [0.9] * closed + [0.1], fps) == [0.1] + [0.9] * closed + [0.1]


@pytest.mark.parametrize("fps", [5.0, 25.0])
def test_eyes_that_stay_closed_stop_being_a_blink(fps: float) -> None:
    blinks = curve([0.9] * int(2 * fps), fps)
    still = [i for i, blink in enumerate(blinks) if blink == 0.0]
    assert still[0] * 1000 / fps == pytest.approx(BLINK_MS_MAX, abs=1000 / fps)
    assert still == list(range(still[0], len(blinks)))


def test_an_unobserved_frame_ends_the_closure() -> None:
    blinks = curve([0.9, 0.9, 0.9, math.nan, 0.9], 5.0)
    assert math.isnan(blinks[3])
    assert blinks[4] == 0.9


def test_the_state_survives_json() -> None:
    state, _ = step(BlinkState(), 1234.5678, 0.8)
    assert BlinkState.from_json(json.loads(json.dumps(state.to_json()))) == state
