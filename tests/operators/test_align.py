"""Goal: a face comes to rest at the template, whatever its place, size and tilt.

Method: pictures with marks at known points; the matrix against its definition.
"""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.align import TEMPLATE, align, align_many, similarity


def placed(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (np.array(TEMPLATE) - 0.5) * scale @ turn.T + (x, y)


def marked(points: np.ndarray, radius: int, shape: tuple[int, int] = (480, 640)) -> np.ndarray:
    picture = np.full((*shape, 3), 40, np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), radius, (250, 250, 250), -1)
    return picture


@settings(deadline=None)
@given(
    scale=st.floats(0.2, 50),
    degrees=st.floats(-180, 180),
    x=st.floats(-1000, 1000),
    y=st.floats(-1000, 1000),
)
def test_a_similarity_is_recovered_exactly(
    scale: float, degrees: float, x: float, y: float
) -> None:
    points = placed(scale, degrees, x, y)
    matrix = similarity(points, np.array(TEMPLATE))
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-6)


def test_the_similarity_never_mirrors() -> None:
    mirrored = np.array(TEMPLATE) * (-1, 1)
    matrix = similarity(mirrored, np.array(TEMPLATE))
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize(("scale", "degrees"), [(100, 0), (100, 25), (220, -40), (400, 10)])
@pytest.mark.parametrize("size_px", [112, 256])
def test_points_land_on_the_template(scale: float, degrees: float, size_px: int) -> None:
    points = placed(scale, degrees, 320, 240)
    crop = align(marked(points, max(2, round(scale * 0.02))), points, size_px)
    assert crop.shape == (size_px, size_px, 3)
    assert crop.dtype == np.uint8
    for index, (x, y) in enumerate(np.array(TEMPLATE) * size_px):
        rows, columns = np.mgrid[:size_px, :size_px]
        near = np.hypot(rows - y, columns - x) < 0.06 * size_px
        weight = np.clip(crop[:, :, 0].astype(float) - 60, 0, None) * near
        middle = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        assert np.hypot(*(middle - (x, y))) < 0.012 * size_px, index


def test_a_large_face_is_averaged_down_without_false_patterns() -> None:
    points = placed(1000, 0, 600, 600)
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = align(stripes, points, 112)
    assert abs(float(crop.mean()) - 127.5) < 3
    assert float(crop.std()) < 8


def test_shrinking_first_does_not_shift_the_face() -> None:
    y, x = np.mgrid[:1200, :1200]
    picture = np.repeat(((x + y) / 2400 * 255)[:, :, None], 3, 2).astype(np.uint8)
    above, below = (align(picture, placed(s, 0, 600, 600), 256) for s in (511, 513))
    assert np.abs(above.astype(int) - below.astype(int)).mean() < 0.7


def test_what_lies_outside_the_picture_is_black() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    crop = align(picture, placed(80, 0, 5, 50), 128)
    assert crop[:, :40].max() == 0
    assert crop[64, 100].min() == 200


def test_a_face_wholly_outside_is_a_black_crop() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    assert align(picture, placed(2000, 0, -9000, 50), 64).max() == 0


def test_many_faces_are_cut_out_as_each_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    faces = [placed(90, 5, 100, 100), placed(150, -8, 400, 300)]
    crops = align_many(picture, faces, 112)
    assert crops.shape == (2, 112, 112, 3)
    assert all(
        (crop == align(picture, face, 112)).all() for crop, face in zip(crops, faces, strict=True)
    )
    assert align_many(picture, [], 112).shape == (0, 112, 112, 3)


def test_points_that_coincide_give_a_crop_and_no_error() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    assert align(picture, [(50.0, 50.0)] * 5, 64).shape == (64, 64, 3)


def test_the_template_is_symmetric() -> None:
    left = np.array(TEMPLATE)[[1, 0, 2, 4, 3]]
    assert np.allclose(left[:, 0], 1 - np.array(TEMPLATE)[:, 0])
