"""Goal: features measure the face, not the pose. Method: hand-made meshes, turned and changed."""

import numpy as np
import pytest

from serving.blendshapes.features import CHANNELS, RIGID_POINTS, features, frontal
from serving.blendshapes.network import BLENDSHAPE_LANDMARKS, FaceMesh
from tests.serving.blendshapes.meshes import front_points, mesh_of, to_pixels, turn


def test_there_are_52_channels_and_146_landmarks_for_them() -> None:
    assert len(set(CHANNELS)) == 52
    assert len(set(BLENDSHAPE_LANDMARKS.tolist())) == 146
    assert BLENDSHAPE_LANDMARKS.max() == 477


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "roll_deg"), [(40, 0, 0), (-35, 10, 0), (0, -25, 8), (20, 15, -30)]
)
def test_a_turned_head_measures_the_same(yaw_deg: int, pitch_deg: int, roll_deg: int) -> None:
    points = front_points()
    turned = points @ turn(yaw_deg, pitch_deg, roll_deg)
    straight, other = features(mesh_of(points)), features(mesh_of(turned))
    for name, value in straight.items():
        assert other[name] == pytest.approx(value, abs=1e-4), name


def test_a_larger_or_shifted_face_measures_the_same() -> None:
    points = front_points()
    small, large = frontal(to_pixels(points, 30.0)[None]), frontal(to_pixels(points, 90.0)[None])
    np.testing.assert_allclose(small, large, atol=1e-4)


def test_the_rigid_points_come_to_rest_on_the_canonical_face() -> None:
    turned = front_points() @ turn(25, 10, 5)
    found = frontal(to_pixels(turned)[None])[0]
    for index, x, y, z in RIGID_POINTS:
        assert found[index] == pytest.approx((x, y, z), abs=1e-3)


@pytest.mark.parametrize(
    ("landmark", "lift", "feature"),
    [
        (55, 0.1, "brow_inner_heightRight"),
        (285, 0.1, "brow_inner_heightLeft"),
        (276, 0.1, "brow_outer_heightLeft"),
        (386, 0.1, "eye_openingLeft"),
        (145, -0.1, "eye_openingRight"),
        (61, 0.1, "corner_heightRight"),
        (291, 0.1, "corner_heightLeft"),
    ],
)
def test_lifting_a_landmark_raises_its_own_side_only(
    landmark: int, lift: float, feature: str
) -> None:
    points = front_points()
    lifted = points.copy()
    lifted[landmark, 1] += lift
    values = features(mesh_of(points, lifted))
    before, after = values[feature]
    assert after > before + 0.02
    other = feature.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
    assert values[other][1] == pytest.approx(values[other][0], abs=1e-4)


def test_a_mirrored_face_swaps_left_and_right() -> None:
    points = front_points()
    raised = points.copy()
    raised[[285, 336, 295, 296], 1] += 0.1  # left inner brow
    raised[[55, 107, 65, 66]] = points[[285, 336, 295, 296]] * (-1, 1, 1)
    values = features(mesh_of(raised))
    assert values["brow_inner_heightLeft"] - values["brow_inner_heightRight"] == pytest.approx(
        0.1, abs=1e-3
    )


def test_channels_keep_their_names() -> None:
    mesh = mesh_of(front_points())
    channels = mesh.blendshapes.copy()
    channels[0, CHANNELS.index("mouthSmileLeft")] = 0.7
    values = features(FaceMesh(mesh.landmarks_px, mesh.presence, channels))
    assert values["mouthSmileLeft"] == pytest.approx(0.7)
    assert values["mouthSmileRight"] == 0.0


def test_no_faces_give_empty_features() -> None:
    empty = FaceMesh(np.zeros((0, 478, 3), np.float32), np.zeros(0, np.float32),
                     np.zeros((0, 52), np.float32))  # fmt: skip
    assert all(value.shape == (0,) for value in features(empty).values())
