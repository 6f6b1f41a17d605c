"""Grow strands of hair from the scalp of a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHADOW_STRIDE = 5
HAIRLINE_Z_CM = (-9.5, -6.0, -2.0, -0.5, 1.0, 2.6, 3.6, 4.3, 5.2, 6.5, 8.0, 10.0)
HAIRLINE_Y_CM = (-4.0, -4.0, -3.0, 1.0, 4.6, 3.6, 3.0, 4.6, 7.6, 9.2, 9.9, 10.1)


@dataclass(frozen=True, slots=True)
class HairStyle:
    """How hair grows: lengths in cm, parting side, combing and disorder."""

    strands_count: int
    segments_count: int
    top_cm: float
    side_cm: float
    part_x_cm: float
    lift: float
    gravity: float
    disorder: float
    wave_cm: float
    curl_in: float
    hairline_shift_cm: float
    seed: int
    is_long: bool


def scalp_cover(rest_cm: np.ndarray, shift_cm: float) -> np.ndarray:
    """Return 0..1 per vertex of the neutral head: inside the hairline (0.5 on the line)."""
    x, y, z = rest_cm.T
    line = np.interp(z, HAIRLINE_Z_CM, HAIRLINE_Y_CM)
    line = line - 0.06 * np.maximum(np.abs(x) - 3.0, 0) ** 2 * (z > 5) + shift_cm * (z > 4.6)
    inside = np.clip((y - line) / 1.2 + 0.5, 0, 1)
    is_ear = (np.abs(x) > 7.3) & (y < 5.6) & (z < 3.4) & (z > -2.5)
    is_far = (y < -4.5) | (np.abs(x) > 9.5)
    return np.where(is_ear | is_far, 0.0, inside).astype(np.float32)


def grow(
    points: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    cover: np.ndarray,
    style: HairStyle,
) -> tuple[np.ndarray, ...]:
    """Return strand vertices, normals, tangents, (along, tone), line indices, shadow indices.

    `points`, `normals`: the person's neutral head; `triangles`: its skin; all in cm.
    """
    rng = np.random.default_rng(style.seed)
    root, out = _roots(points, normals, triangles, cover, style.strands_count, rng)
    clump = _clump_noise(root, rng, style)
    length = _lengths(root, style) * rng.uniform(0.75, 1.08, len(root))
    step = (length / style.segments_count)[:, None]
    skin = np.unique(triangles)
    shell = _Shell(points[skin], normals[skin])
    path, normal = [root + 0.02 * out], [out]
    heading = _comb(root, out, style) + clump + style.lift * out
    for k in range(1, style.segments_count + 1):
        heading = _steer(path[-1], normal[-1], heading, clump, k, style)
        place = path[-1] + step * heading / np.linalg.norm(heading, axis=1, keepdims=True)
        place, near = shell.push_out(place, 0.10 + 0.55 * style.lift * min(1, k / 3), rng)
        path.append(place)
        normal.append(near)
    curve, outward = np.stack(path, 1), np.stack(normal, 1)
    keep = ~_hides_face(curve)
    curve, outward = curve[keep], outward[keep]
    return _buffers(curve, outward, rng, style)


def _hides_face(curve: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(curve, -1, 0)
    inside = (np.abs(x) < 5.8) & (z > 4.5) & (y < 7.8) & (y > -9)
    return inside.any(axis=1)


def _roots(points, normals, triangles, cover, count, rng):
    corner = points[triangles]
    edge = corner[:, 1:] - corner[:, :1]
    area = np.linalg.norm(np.cross(edge[:, 0], edge[:, 1]), axis=1)
    chance = area * np.clip(cover[triangles].mean(axis=1) * 2.2 - 0.75, 0, 1)
    chosen = rng.choice(len(triangles), count, p=chance / chance.sum())
    mix = rng.dirichlet((1, 1, 1), count)[:, :, None]
    root = (corner[chosen] * mix).sum(axis=1)
    out = (normals[triangles[chosen]] * mix).sum(axis=1)
    return root, out / np.linalg.norm(out, axis=1, keepdims=True)


def _clump_noise(root, rng, style):
    """Give neighbouring strands a similar disorder: the nearest of some random centres decides."""
    centres = root[rng.choice(len(root), 260, replace=False)]
    distance = ((root[:, None, :] - centres[None]) ** 2).sum(-1)
    shared = rng.normal(0, 1, (len(centres), 3))[distance.argmin(axis=1)]
    own = rng.normal(0, 1, root.shape)
    return style.disorder * (0.75 * shared + 0.5 * own)


def _lengths(root, style):
    top = np.clip((root[:, 1] - 6.0) / 4.5, 0, 1)
    return style.side_cm + (style.top_cm - style.side_cm) * top


def _comb(root, out, style):
    """Return the combed direction in the scalp's tangent plane."""
    x, y, z = root.T
    if style.is_long:
        side = np.sign(x - style.part_x_cm - 0.25 * np.sin(z * 1.3))
        want = np.stack([side * 1.0, -0.55 + 0 * x, -0.75 + 0 * x], 1)
    else:
        forward = np.clip((z + 2) / 8, 0, 1) * np.clip((y - 7) / 4, 0, 1)
        sweep = 0.2 + 0.7 * np.tanh((x - style.part_x_cm) / 1.2)
        sweep = sweep * np.clip((y - 6) / 4, 0, 1)
        want = np.stack([sweep, -0.9 + 0 * x, -0.55 + 0.5 * forward], 1)
    tangent = want - (want * out).sum(1, keepdims=True) * out
    return tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)


def _steer(place, normal, heading, clump, k, style):
    """Bend a strand: along the head while it lies on it, downwards as it gets free."""
    heading = heading / np.linalg.norm(heading, axis=1, keepdims=True)
    inward = np.minimum((heading * normal).sum(1, keepdims=True), 0)
    heading = heading - 0.9 * inward * normal + np.array([0, -style.gravity, 0])
    phase = k * 0.55 + clump[:, :1] * 9
    heading = heading + style.wave_cm * np.concatenate(
        [np.sin(phase), 0 * phase, np.cos(phase * 0.8)], 1
    )
    if style.is_long:
        low = np.clip((2.0 - place[:, 1]) / 8, 0, 1)
        heading[:, 0] -= style.curl_in * low * np.sign(place[:, 0])
        heading[:, 2] += 0.25 * low
        in_face = (place[:, 2] > 2.0) & (place[:, 1] < 9.0) & (place[:, 1] > -9)
        heading[:, 2] -= 0.5 * in_face * np.clip((place[:, 2] - 2.0) / 3, 0, 1)
    return heading


class _Shell:
    """The skin as a cloud of points with normals, to keep hair outside."""

    def __init__(self, points: np.ndarray, normals: np.ndarray) -> None:
        keep = slice(None, None, 2)
        self.points, self.normals = points[keep].astype(np.float32), normals[keep]
        self.square = (self.points**2).sum(1)

    def push_out(self, places, clearance_cm, rng):
        nearest = np.concatenate([self._nearest(p) for p in np.array_split(places, 12)])
        foot, normal = self.points[nearest], self.normals[nearest]
        above = ((places - foot) * normal).sum(1)
        wanted = clearance_cm * rng.uniform(0.3, 1.0, len(places))
        close = np.linalg.norm(places - foot, axis=1) < 3.0
        push = np.where(close, np.maximum(wanted - above, 0), 0)[:, None]
        return places + push * normal, normal

    def _nearest(self, places: np.ndarray) -> np.ndarray:
        return (self.square - 2 * places.astype(np.float32) @ self.points.T).argmin(axis=1)


def _buffers(curve, outward, rng, style):
    count, nodes = curve.shape[:2]
    tangent = np.gradient(curve, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-6)
    along = np.tile(np.linspace(0, 1, nodes), (count, 1))
    tone = np.repeat(rng.random((count, 1)), nodes, axis=1)
    first = np.arange(count)[:, None] * nodes + np.arange(nodes - 1)[None]
    lines = np.stack([first, first + 1], -1)
    shadow = lines[::SHADOW_STRIDE].reshape(-1)
    flat = [a.reshape(-1, a.shape[-1]) for a in (curve, outward, tangent, np.dstack([along, tone]))]
    return (*[a.astype(np.float32) for a in flat], lines.reshape(-1), shadow)
