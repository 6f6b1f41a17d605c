"""Face meshes made by hand: the canonical rigid points among random ones."""

import numpy as np
from numpy.typing import NDArray

from serving.blendshapes.features import RIGID_POINTS
from serving.blendshapes.network import FaceMesh

EYE_DISTANCE_PX = 66.0


def front_points(seed: int = 0) -> NDArray[np.float64]:
    """Return 478 points of a face seen from the front, x right, y up, eye distance 1."""
    points = np.random.default_rng(seed).normal(0.0, 0.5, (478, 3))
    for index, x, y, z in RIGID_POINTS:
        points[index] = x, y, z
    return points


def turn(
    yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0
) -> NDArray[np.float64]:
    """Return the rotation matrix for row vectors: yaw about y, pitch about x, roll about z."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    about_z = [[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(about_y) @ np.array(about_x) @ np.array(about_z)


def to_pixels(points: NDArray[np.float64], size: float = EYE_DISTANCE_PX) -> NDArray[np.float32]:
    """Return landmarks as the network gives them: crop pixels, y down, z away from the viewer."""
    pixels = points * (size, -size, -size) + (128.0, 110.0, 0.0)
    return pixels.astype(np.float32)


def mesh_of(*faces: NDArray[np.float64]) -> FaceMesh:
    """Return the mesh of faces given as points [478, 3], all channels 0."""
    landmarks = np.stack([to_pixels(points) for points in faces])
    count = len(faces)
    return FaceMesh(landmarks, np.ones(count, np.float32), np.zeros((count, 52), np.float32))
