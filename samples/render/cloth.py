"""Build the upper body: a shirt lofted over the shoulders, and its collar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AROUND_COUNT = 160
RING_Y_CM = np.array([-10.4, -11.4, -12.4, -13.6, -15.0, -16.6, -18.6, -22.0, -28.0, -36.0, -48.0])
HALF_WIDTH_CM = np.array([6.5, 8.2, 11.0, 14.4, 17.4, 19.4, 20.7, 21.6, 22.2, 22.0, 21.0])
HALF_DEPTH_CM = np.array([6.0, 6.7, 7.6, 8.5, 9.3, 9.9, 10.4, 11.0, 11.5, 11.6, 11.4])
CENTRE_Z_CM = np.array([-2.0, -2.1, -2.3, -2.4, -2.4, -2.3, -2.2, -2.0, -1.8, -1.8, -1.8])


@dataclass(frozen=True, slots=True)
class Shirt:
    """Cut and colours (linear RGB) of a shirt."""

    colour: tuple[float, float, float]
    trim: tuple[float, float, float]
    shoulder_scale: float
    front_drop_cm: float
    collar_cm: float
    weave: float


@dataclass(frozen=True, slots=True)
class ClothMesh:
    """Positions, normals, (occlusion, trim share), (u, ribs) per vertex and triangles."""

    points: np.ndarray
    normals: np.ndarray
    extra: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray


def body(shirt: Shirt) -> ClothMesh:
    """Return the lofted torso; the neck hole dips by `front_drop_cm` at the front."""
    level = np.linspace(0, len(RING_Y_CM) - 1, 90)
    ids = np.arange(len(RING_Y_CM))
    y, width, depth, centre = (
        _smooth(np.interp(level, ids, values))
        for values in (RING_Y_CM, HALF_WIDTH_CM, HALF_DEPTH_CM, CENTRE_Z_CM)
    )
    angle = np.linspace(0, 2 * np.pi, AROUND_COUNT, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    scale = 1 + (shirt.shoulder_scale - 1) * np.clip((width - width[0]) / 12, 0, 1)
    x = (width * scale)[:, None] * np.sign(cos) * np.abs(cos) ** 0.85
    z = centre[:, None] + depth[:, None] * np.sign(sin) * np.abs(sin) ** 0.9
    fade = np.exp(-(((y[:, None] - y[0]) / 4.0) ** 2))
    drop = shirt.front_drop_cm * np.clip(sin, 0, 1) ** 1.5 * fade
    high = np.broadcast_to(y[:, None], x.shape) - drop
    points = np.dstack([x, high, z + 0.3 * drop]).reshape(-1, 3)
    occlusion = np.clip(0.45 + (y[0] - y) / 5.0, 0, 1)
    trim = np.zeros_like(x)
    extra = np.dstack([np.broadcast_to(occlusion[:, None], x.shape), trim]).reshape(-1, 2)
    return _mesh(points, extra, np.zeros((points.shape[0], 2)), len(y))


def collar(shirt: Shirt) -> ClothMesh:
    """Return the rib collar, a flattened tube along the neck hole."""
    angle = np.linspace(0, 2 * np.pi, AROUND_COUNT, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = HALF_WIDTH_CM[0] * np.sign(cos) * np.abs(cos) ** 0.85
    z = CENTRE_Z_CM[0] + HALF_DEPTH_CM[0] * np.sign(sin) * np.abs(sin) ** 0.9
    drop = shirt.front_drop_cm * np.clip(sin, 0, 1) ** 1.5
    spine = np.stack([x, RING_Y_CM[0] - drop, z + 0.3 * drop], 1)
    outward = np.stack([cos, 0 * cos, sin], 1)
    rows, extra, uv = [], [], []
    for around in np.linspace(0, 2 * np.pi, 14):
        tall, thick = shirt.collar_cm * np.cos(around), 0.35 * np.sin(around)
        tilt = np.stack([0.35 * tall * -cos, tall + 0 * cos, 0.35 * tall * -sin], 1)
        rows.append(spine + tilt + outward * (thick + 0.1))
        shade = 0.75 + 0.25 * np.sin(around)
        extra.append(np.stack([shade + 0 * cos, 1 + 0 * cos], 1))
        uv.append(np.stack([angle / (2 * np.pi), 1 + 0 * angle], 1))
    return _mesh(np.concatenate(rows), np.concatenate(extra), np.concatenate(uv), len(rows))


def _smooth(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 5, mode="edge")
    padded[:5] = 2 * values[0] - values[5:0:-1]
    padded[-5:] = 2 * values[-1] - values[-2:-7:-1]
    return np.convolve(padded, np.hanning(11) / np.hanning(11).sum(), mode="valid")


def _mesh(points: np.ndarray, extra: np.ndarray, uv: np.ndarray, rows: int) -> ClothMesh:
    start, column = np.arange(rows - 1)[:, None] * AROUND_COUNT, np.arange(AROUND_COUNT)[None]
    a, b = start + column, start + (column + 1) % AROUND_COUNT
    c, d = a + AROUND_COUNT, b + AROUND_COUNT
    triangles = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    )
    normals = np.zeros_like(points)
    corner = points[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    for i in range(3):
        np.add.at(normals, triangles[:, i], face)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    if (normals[:, 0] * points[:, 0]).sum() < 0:
        normals = -normals
    return ClothMesh(
        *(np.ascontiguousarray(v, np.float32) for v in (points, normals, extra, uv)),
        triangles.astype(np.int32),
    )
