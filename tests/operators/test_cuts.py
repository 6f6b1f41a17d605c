"""Goal: cuts are found between scenes, and nothing else is taken for one.

Method: made-up scenes that move, flicker, go black and change.
"""

import json

import numpy as np
import pytest

from operators.cuts import CutState, step


def scene(seed: int) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(20, 236, (9, 16, 3)).astype(np.uint8)
    return np.kron(blocks, np.ones((20, 20, 1), np.uint8))


def cuts(*frames: np.ndarray) -> list[bool]:
    state, found = CutState(), []
    for frame in frames:
        state, is_cut = step(state, frame)
        found.append(is_cut)
    return found


def face_at(x: int, y: int, radius: int) -> np.ndarray:
    picture = np.full((180, 320, 3), 60, np.uint8)
    picture[:, :, 0] = np.linspace(40, 120, 320).astype(np.uint8)
    rows, columns = np.mgrid[:180, :320]
    picture[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = (200, 160, 140)
    return picture


def test_the_first_frame_is_no_cut() -> None:
    assert cuts(scene(1)) == [False]


def test_another_scene_is_a_cut_and_its_second_frame_is_not() -> None:
    assert cuts(scene(1), scene(1), scene(2), scene(2)) == [False, False, True, False]


def test_flickering_light_is_no_cut() -> None:
    levels = [scene(1) * factor for factor in (1.0, 0.5, 0.9, 0.3, 1.0)]
    assert not any(cuts(*(frame.astype(np.uint8) for frame in levels)))


def test_a_head_that_moves_half_its_width_is_no_cut() -> None:
    assert not any(cuts(face_at(110, 90, 50), face_at(160, 90, 50), face_at(110, 110, 50)))


def test_a_face_that_fills_the_picture_may_move() -> None:
    assert not any(cuts(face_at(140, 90, 85), face_at(170, 95, 85), face_at(140, 80, 90)))


def test_a_camera_that_shakes_is_no_cut() -> None:
    picture = scene(1)
    assert not any(cuts(picture, np.roll(picture, 20, axis=1), np.roll(picture, -20, axis=0)))


@pytest.mark.parametrize("level", [0, 255, 128])
def test_a_flat_frame_is_passed_over(level: int) -> None:
    flat = np.full((180, 320, 3), level, np.uint8)
    assert cuts(scene(1), flat, scene(1)) == [False, False, False]
    assert cuts(scene(1), flat, scene(2)) == [False, False, True]


def test_a_change_of_resolution_alone_is_no_cut() -> None:
    assert cuts(scene(1), scene(1)[::2, ::2]) == [False, False]


def test_the_state_survives_json() -> None:
    state, _ = step(CutState(), scene(1))
    again = CutState.from_json(json.loads(json.dumps(state.to_json())))
    assert again == state
    assert step(again, scene(2))[1]
    assert len(json.dumps(state.to_json())) < 4096


def test_a_state_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="432 levels"):
        CutState((1, 2, 3))
