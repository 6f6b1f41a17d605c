"""Matrices, the camera of a tile and the pose of a person, shared by GLSL and the truth table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NECK_FIXED_Y_CM, HEAD_FREE_Y_CM = -14.5, -5.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A webcam in front of the person, looking along -z; focal length in pixels."""

    eye_cm: tuple[float, float, float]
    focal_px: float
    width_px: int
    height_px: int

    def clip_from_world(self) -> np.ndarray:
        """Return the 4 x 4 projection (row-major, column vectors)."""
        near, far = 10.0, 200.0
        view = np.eye(4)
        view[:3, 3] = -np.asarray(self.eye_cm)
        lens = np.zeros((4, 4))
        lens[0, 0] = 2 * self.focal_px / self.width_px
        lens[1, 1] = 2 * self.focal_px / self.height_px
        lens[2] = [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)]
        lens[3, 2] = -1
        return lens @ view

    def project_px(self, points_cm: np.ndarray) -> np.ndarray:
        """Return tile pixels (x right, y down) of world points."""
        local = points_cm - np.asarray(self.eye_cm)
        scale = self.focal_px / -local[:, 2:3]
        centre = np.array([self.width_px / 2, self.height_px / 2])
        return local[:, :2] * scale * [1, -1] + centre


@dataclass(frozen=True, slots=True)
class Pose:
    """Head angles (yaw to the picture's right, pitch up, roll clockwise), body place, breath."""

    head_rad: np.ndarray
    pivot_cm: np.ndarray
    body: np.ndarray
    breath: float

    def world(self, points_cm: np.ndarray) -> np.ndarray:
        """Return person-space points in the world, as the vertex shader does."""
        t = (points_cm[:, 1] - NECK_FIXED_Y_CM) / (HEAD_FREE_Y_CM - NECK_FIXED_Y_CM)
        t = np.clip(t, 0, 1)
        follow = (t * t * (3 - 2 * t))[:, None]
        turns = _rotations(self.head_rad * follow)
        moved = np.einsum("nij,nj->ni", turns, points_cm - self.pivot_cm) + self.pivot_cm
        moved += np.array([0, 0.16, 0.22]) * self.breath * (1 - follow)
        return moved @ self.body[:3, :3].T + self.body[:3, 3]


def _rotations(angles_rad: np.ndarray) -> np.ndarray:
    cy, cp, cr = np.cos(angles_rad).T
    sy, sp, sr = np.sin(angles_rad).T
    one, zero = np.ones_like(cy), np.zeros_like(cy)

    def stack(rows: list[list[np.ndarray]]) -> np.ndarray:
        return np.stack([np.stack(row, -1) for row in rows], -2)

    yaw = stack([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    pitch = stack([[one, zero, zero], [zero, cp, sp], [zero, -sp, cp]])
    roll = stack([[cr, sr, zero], [-sr, cr, zero], [zero, zero, one]])
    return yaw @ pitch @ roll


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the view matrix of a camera at `eye` that looks at `target`."""
    back = (eye - target) / np.linalg.norm(eye - target)
    helper = np.array([0.0, 1, 0]) if abs(back[1]) < 0.95 else np.array([1.0, 0, 0])
    right = np.cross(helper, back)
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[:3, :3] = np.stack([right, np.cross(back, right), back])
    out[:3, 3] = -out[:3, :3] @ eye
    return out


def orthographic(half_cm: float, near_cm: float, far_cm: float) -> np.ndarray:
    """Return the parallel projection of a square of 2 * half_cm."""
    out = np.diag([1 / half_cm, 1 / half_cm, -2 / (far_cm - near_cm), 1.0])
    out[2, 3] = -(far_cm + near_cm) / (far_cm - near_cm)
    return out


def placed(x_cm: float, y_cm: float, z_cm: float, lean_rad: float, turn_rad: float) -> np.ndarray:
    """Return the body matrix: turned about the vertical, leaned sideways, shifted."""
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    turn = np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1.0]])
    c, s = np.cos(lean_rad), np.sin(lean_rad)
    lean = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    hip = np.eye(4)
    hip[1, 3] = 60.0
    back = np.eye(4)
    back[:3, 3] = [x_cm, y_cm - 60.0, z_cm]
    return back @ lean @ hip @ turn
