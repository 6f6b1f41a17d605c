"""Goal: angles have the documented signs and sizes.

Method: the generic face turned by known angles; a picture of the signs by hand.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.pose import FACE, pose_of

LEVEL = ((-20.0, -20.0), (20.0, -20.0), (0.0, 4.0), (-16.0, 21.0), (16.0, 21.0))


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Turn the face: pitch first, then yaw, then roll; x right, y down, z out of the picture."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    turn = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
    return (np.array(FACE) @ turn.T)[:, :2] * 80 + (300, 200)


@settings(deadline=None)
@given(
    yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), roll=st.floats(-170, 170)
)  # fmt: skip
def test_known_turns_are_recovered(yaw: float, pitch: float, roll: float) -> None:
    pose = pose_of(turned(yaw, pitch, roll))
    assert (pose.yaw_deg, pose.pitch_deg) == pytest.approx((yaw, pitch), abs=0.01)
    assert pose.roll_deg == pytest.approx(roll, abs=0.01)


def moved(index: int, dx: float, dy: float) -> list[tuple[float, float]]:
    return [(x + dx, y + dy) if n == index else (x, y) for n, (x, y) in enumerate(LEVEL)]


def test_a_nose_to_the_right_of_the_picture_is_a_turn_to_the_own_left() -> None:
    assert pose_of(moved(2, 8, 0)).yaw_deg > 10
    assert pose_of(moved(2, -8, 0)).yaw_deg < -10


def test_a_nose_nearer_to_the_eyes_is_a_head_lifted() -> None:
    level = pose_of(LEVEL).pitch_deg
    assert pose_of(moved(2, 0, -6)).pitch_deg > level + 5
    assert pose_of(moved(2, 0, 6)).pitch_deg < level - 5


def test_a_left_eye_lower_in_the_picture_is_a_tilt_to_the_own_left() -> None:
    angle = np.radians(15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.array(LEVEL) @ turn.T
    assert points[1][1] > points[0][1]
    assert pose_of(points).roll_deg == pytest.approx(15, abs=0.5)


@settings(deadline=None)
@given(scale=st.floats(0.3, 20), x=st.floats(-500, 500))
def test_place_and_size_do_not_matter(scale: float, x: float) -> None:
    one, other = pose_of(turned(20, -10, 5)), pose_of(turned(20, -10, 5) * scale + x)
    assert other.yaw_deg == pytest.approx(one.yaw_deg, abs=1e-6)
    assert other.pitch_deg == pytest.approx(one.pitch_deg, abs=1e-6)


def test_a_mirrored_face_has_the_opposite_yaw_and_roll() -> None:
    points = turned(25, 10, 8)
    mirrored = (points * (-1, 1))[[1, 0, 2, 4, 3]]
    one, other = pose_of(points), pose_of(mirrored)
    expected = (-one.yaw_deg, one.pitch_deg, -one.roll_deg)
    assert (other.yaw_deg, other.pitch_deg, other.roll_deg) == pytest.approx(expected, abs=1e-6)


def test_points_that_coincide_give_zeros() -> None:
    pose = pose_of([(5.0, 5.0)] * 5)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (0.0, 0.0, 0.0)


@settings(deadline=None)
@given(values=st.lists(st.floats(-1000, 1000), min_size=10, max_size=10))
def test_any_points_give_angles_within_their_ranges(values: list[float]) -> None:
    pose = pose_of(np.array(values).reshape(5, 2))
    assert abs(pose.yaw_deg) <= 90
    assert abs(pose.pitch_deg) <= 90
    assert abs(pose.roll_deg) <= 180
