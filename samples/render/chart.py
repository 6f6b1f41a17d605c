"""Paint the skin of a face: colour chart and crease maps over the frontal plane of the rest head.

The chart is a picture of the (x, y) plane of the neutral head in centimetres; a shader looks it
up with each fragment's rest position, so paint sticks to the skin whatever the face does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEFT_CM, BOTTOM_CM, WIDTH_CM, HEIGHT_CM = -10.0, -10.0, 20.0, 24.0
PIXELS_PER_CM = 64


@dataclass(frozen=True, slots=True)
class SkinPaint:
    """What the painter needs to know about one person's skin (colours are sRGB 0..1)."""

    base: tuple[float, float, float]
    lips: tuple[float, float, float]
    brow: tuple[float, float, float]
    brow_thickness_cm: float
    brow_strokes_count: int
    redness: float
    stubble: float
    freckles_count: int
    liner: float
    seed: int


def _grid() -> tuple[np.ndarray, np.ndarray]:
    columns, rows = int(WIDTH_CM * PIXELS_PER_CM), int(HEIGHT_CM * PIXELS_PER_CM)
    x = LEFT_CM + (np.arange(columns, dtype=np.float32) + 0.5) / PIXELS_PER_CM
    y = BOTTOM_CM + (np.arange(rows, dtype=np.float32) + 0.5) / PIXELS_PER_CM
    return np.meshgrid(x, y)


def _pixels(points_cm: np.ndarray) -> np.ndarray:
    """Convert chart centimetres to cv2 fixed-point pixels (4 fractional bits)."""
    at = (np.asarray(points_cm)[:, :2] - [LEFT_CM, BOTTOM_CM]) * PIXELS_PER_CM
    return np.round(at * 16).astype(np.int32)


def smooth_curve(points: np.ndarray, count: int, closed: bool = False) -> np.ndarray:
    """Return `count` points of a Catmull-Rom curve through the given ones."""
    p = np.asarray(points, np.float64)[:, :2]
    p = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([p[:1], p, p[-1:]])
    spans = len(p) - 3
    t = np.linspace(0, spans - 1e-6, count)
    i, u = t.astype(int), (t % 1.0)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (
        2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3
    )


def _spot(x: np.ndarray, y: np.ndarray, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
    return np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)


def _both(x: np.ndarray, y: np.ndarray, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
    return _spot(np.abs(x), y, cx, cy, sx, sy)


def _blend(image: np.ndarray, colour: np.ndarray, weight: np.ndarray) -> None:
    image += (np.asarray(colour, np.float32) - image) * weight[..., None]


def _lines(curves: list[np.ndarray], width_cm: float, blur_cm: float) -> np.ndarray:
    """Draw curves as soft lines of peak 1."""
    mask = np.zeros((int(HEIGHT_CM * PIXELS_PER_CM), int(WIDTH_CM * PIXELS_PER_CM)), np.uint8)
    for curve in curves:
        thick = max(1, round(width_cm * PIXELS_PER_CM))
        cv2.polylines(
            mask,
            [_pixels(curve)],
            isClosed=False,
            color=255,
            thickness=thick,
            lineType=cv2.LINE_AA,
            shift=4,
        )
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(blur_cm * PIXELS_PER_CM, 0.5))
    return soft / max(float(soft.max()), 1e-6)


def _fill(outline: np.ndarray, blur_cm: float) -> np.ndarray:
    mask = np.zeros((int(HEIGHT_CM * PIXELS_PER_CM), int(WIDTH_CM * PIXELS_PER_CM)), np.uint8)
    cv2.fillPoly(mask, [_pixels(outline)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur_cm * PIXELS_PER_CM)


def paint(marks_cm: np.ndarray, look: SkinPaint) -> np.ndarray:
    """Return the chart: rows from the chin up, RGB sRGB albedo and shine, float32 0..1."""
    x, y = _grid()
    rng = np.random.default_rng(look.seed)
    base = np.array(look.base, np.float32)
    skin = np.empty((*x.shape, 3), np.float32)
    skin[:] = base
    _paint_tone(skin, x, y, base, look)
    _paint_stubble(skin, x, y, marks_cm, look, rng)
    _paint_lips(skin, marks_cm, look, rng)
    _paint_eyes(skin, x, y, marks_cm, base, look)
    _paint_freckles(skin, base, look, rng)
    brow = _paint_brows(skin, marks_cm, look, rng)
    shine = 0.30 + 0.16 * _spot(x, y, 0, 8, 5, 2.5) + 0.2 * _spot(x, y, 0, 1.5, 1.2, 2.6)
    shine += 0.10 * _both(x, y, 3.8, 1.0, 1.8, 1.3)
    shine += 0.22 * _fill(smooth_curve(marks_cm[48:60], 120, closed=True), 0.05)
    shine *= 1 - 0.9 * brow
    return np.dstack([skin, shine.astype(np.float32)]).clip(0, 1)


def _paint_tone(skin, x, y, base, look) -> None:
    red = base * np.array([1.02, 0.80, 0.78], np.float32)
    dark = base * np.array([0.80, 0.70, 0.68], np.float32)
    warm = 0.75 * _both(x, y, 4.4, 0.2, 1.9, 1.7) + 0.8 * _spot(x, y, 0, 0.6, 1.3, 1.0)
    warm += 0.35 * _spot(x, y, 0, -6.3, 1.8, 1.2)
    _blend(skin, red, look.redness * warm.clip(0, 1))
    _blend(skin, dark, 0.45 * _both(x, y, 2.9, 2.25, 1.5, 0.55))
    _blend(skin, dark, 0.40 * _both(x, y, 2.2, 4.0, 1.6, 0.8))
    _blend(skin, dark * 0.8, 0.75 * _both(x, y, 0.72, -0.82, 0.34, 0.22))
    _blend(skin, dark, 0.25 * _both(x, y, 7.0, -2.0, 1.8, 6.0))


def _paint_stubble(skin, x, y, marks, look, rng) -> None:
    if look.stubble <= 0:
        return
    jaw = smooth_curve(marks[3:14], 80) * [0.97, 1.0] - [0, 0.6]
    cheeks = np.array([[5.9, -1.6], [4.2, -2.2], [2.9, -1.7], [1.2, -1.35]])
    top = np.vstack([cheeks, cheeks[::-1] * [-1, 1]])
    area = _fill(np.vstack([jaw, top]), 0.35)
    dots = cv2.GaussianBlur(rng.random(x.shape, np.float32), (0, 0), 1.0)
    dots = ((dots - dots.mean()) / dots.std() > 0.35).astype(np.float32)
    dots = cv2.GaussianBlur(dots, (0, 0), 0.8)
    area *= np.clip((6.4 - np.abs(x)) / 1.8, 0, 1)
    dark = np.array(look.brow, np.float32)
    _blend(skin, dark, look.stubble * area * (0.35 + 0.65 * dots))


def _paint_lips(skin, marks, look, rng) -> None:
    outline = smooth_curve(marks[48:60], 160, closed=True)
    area = _fill(outline, 0.07)
    grain = cv2.resize(rng.random((60, 320), np.float32), area.shape[::-1], interpolation=1)
    lips = np.array(look.lips, np.float32)
    _blend(skin, lips, area * (0.78 + 0.12 * grain))
    seam = np.vstack([marks[60:65], marks[60:65]])[:5]
    _blend(skin, lips * 0.42, 0.75 * _lines([smooth_curve(seam, 60)], 0.09, 0.05))
    corners = np.array([[2.45, -3.5]])
    x, y = _grid()
    _blend(skin, lips * 0.5, 0.5 * _both(x, y, corners[0, 0], corners[0, 1], 0.2, 0.16))


def _paint_eyes(skin, x, y, marks, base, look) -> None:
    upper = [smooth_curve(marks[[36, 37, 38, 39]], 40), smooth_curve(marks[[42, 43, 44, 45]], 40)]
    lower = [smooth_curve(marks[[36, 41, 40, 39]], 40), smooth_curve(marks[[42, 47, 46, 45]], 40)]
    dark = base * 0.35
    lid = [curve + np.array([0, 0.42]) for curve in upper]
    _blend(skin, base * [0.62, 0.5, 0.47], 0.75 * _lines(lid, 0.07, 0.09))
    _blend(skin, dark * 0.4, look.liner * _lines(upper, 0.10, 0.05))
    _blend(skin, base * [0.70, 0.5, 0.47], 0.55 * _lines(lower, 0.12, 0.06))
    _blend(skin, dark * 0.5, 0.45 * look.liner * _lines(lower, 0.05, 0.04))


def _paint_freckles(skin, base, look, rng) -> None:
    spots = np.zeros(skin.shape[:2], np.uint8)
    for _ in range(look.freckles_count):
        at = np.array([[rng.normal(0, 3.6), rng.normal(1.0, 1.5)]])
        cv2.circle(spots, tuple(_pixels(at)[0]), int(rng.uniform(12, 34)), 255, -1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(spots.astype(np.float32) / 255, (0, 0), 1.6)
    _blend(skin, base * np.array([0.80, 0.64, 0.55], np.float32), 0.45 * soft)


def _paint_brows(skin, marks, look, rng) -> np.ndarray:
    total = np.zeros(skin.shape[:2], np.float32)
    for ids, side in ((range(17, 22), -1.0), (range(26, 21, -1), 1.0)):
        curve = smooth_curve(marks[list(ids)], 200) + np.linspace([0, -0.32], [0, -0.62], 200)
        layer = np.zeros(skin.shape[:2], np.uint8)
        for _ in range(look.brow_strokes_count):
            t = rng.beta(1.15, 1.0)
            at, ahead = curve[int(t * 196)], curve[int(t * 196) + 3]
            along = (ahead - at) / np.linalg.norm(ahead - at)
            thick = look.brow_thickness_cm * (0.35 + 0.65 * min(1.0, t * 2.2)) * (1.12 - 0.5 * t**4)
            start = at + np.array([0, rng.normal(0, 0.26) * thick])
            up = np.array([-along[1], along[0]]) * (-side)
            up = up if up[1] > 0 else -up
            lean = 0.25 + 0.75 * t**2
            flow = -along * lean + up * (0.18 + 0.6 * t**2 if start[1] < at[1] else -0.10)
            tip = start + flow * rng.uniform(0.28, 0.55)
            cv2.polylines(
                layer,
                [_pixels(np.array([start, tip]))],
                isClosed=False,
                color=255,
                thickness=1,
                lineType=cv2.LINE_AA,
                shift=4,
            )
        coat = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), 0.7)
        soft = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), 7)
        cover = (0.6 * coat + 0.85 * soft).clip(0, 0.92)
        _blend(skin, np.array(look.brow, np.float32), cover)
        total = np.maximum(total, cover)
    return total


def creases(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two four-channel crease maps, each channel 0..1.

    First: glabella (AU04), forehead (AU01, AU02), nasolabial (AU12, AU10), outer eye (AU06).
    Second: chin (AU17), nose root (AU09), under the eye (AU06, AU07), mouth corner (AU12, AU14).
    """

    def mirror(c: np.ndarray) -> list[np.ndarray]:
        return [smooth_curve(c, 60), smooth_curve(np.asarray(c) * [-1, 1], 60)]

    frown = mirror([[0.55, 4.3], [0.72, 5.2], [0.62, 6.2]])
    furrow = np.array([[-4.2, -0.15], [-2, 0.12], [0, -0.05], [2, 0.12], [4.2, -0.15]])
    level = [furrow + np.array([0, h]) for h in (7.35, 8.35, 9.2)]
    fold = mirror([[1.55, -0.2], [2.1, -1.2], [2.85, -2.4], [3.25, -3.5]])
    crow = [
        curve
        for a in (0.3, 0.0, -0.3)
        for curve in mirror([[5.15, 3.5 + a], [5.75, 3.45 + 1.7 * a], [6.3, 3.4 + 2.7 * a]])
    ]
    chin = [np.array([[-1.2, -5.35], [0, -5.15], [1.2, -5.35]])]
    root = [np.array([[-0.7, h], [0, h - 0.12], [0.7, h]]) for h in (3.6, 4.1)]
    root += mirror([[0.5, 2.9], [0.95, 2.4], [1.2, 1.8]])
    bag = mirror([[1.9, 2.75], [2.9, 2.3], [3.9, 2.5], [4.7, 2.95]])
    corner = mirror([[2.95, -2.9], [3.2, -3.4], [3.15, -4.0]])
    first = [
        _lines(frown, 0.1, 0.10),
        _lines([smooth_curve(c, 90) for c in level], 0.08, 0.09),
        _lines(fold, 0.14, 0.15),
        _lines(crow, 0.06, 0.06),
    ]
    second = [
        _lines([smooth_curve(c, 60) for c in chin], 0.1, 0.12),
        _lines([smooth_curve(c, 40) for c in root], 0.08, 0.08),
        _lines(bag, 0.1, 0.12),
        _lines(corner, 0.08, 0.1),
    ]
    return np.dstack(first), np.dstack(second)
