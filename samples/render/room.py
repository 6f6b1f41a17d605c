"""Paint the blurred rooms behind the two people."""

from __future__ import annotations

import cv2
import numpy as np

BLUR_PX = 6.5


def study(width_px: int, height_px: int) -> np.ndarray:
    """Return a warm study: plaster wall, book shelves, a lamp and a plant (RGB uint8)."""
    rng = np.random.default_rng(11)
    image = _wall(width_px, height_px, (176, 164, 148), (206, 196, 180))
    cv2.rectangle(image, (400, 60), (width_px, 560), (112, 84, 62), -1)
    for top in (72, 190, 308, 426):
        cv2.rectangle(image, (412, top), (width_px, top + 106), (66, 50, 40), -1)
        _books(image, 416, width_px, top + 106, rng)
    cv2.rectangle(image, (0, 600), (width_px, height_px), (120, 98, 78), -1)
    _plant(image, (90, 600), rng)
    cv2.rectangle(image, (40, 120), (180, 300), (232, 226, 214), -1)
    cv2.rectangle(image, (54, 134), (166, 286), (120, 146, 150), -1)
    cv2.ellipse(image, (110, 250), (56, 40), 0, 180, 360, (84, 110, 96), -1)
    return _finish(image, glow=(250, 330, 0.22), seed=3)


def office(width_px: int, height_px: int) -> np.ndarray:
    """Return a cool office: window with a bright sky, cabinet, door frame (RGB uint8)."""
    image = _wall(width_px, height_px, (134, 146, 156), (168, 178, 184))
    cv2.rectangle(image, (20, 40), (230, 420), (226, 230, 232), -1)
    for left in (32, 130):
        pane = image[52:408, left : left + 90]
        pane[:] = np.linspace((224, 236, 246), (186, 204, 196), 356)[:, None, :].astype(np.uint8)
    cv2.ellipse(image, (90, 410), (120, 90), 0, 180, 360, (146, 168, 140), -1)
    cv2.rectangle(image, (20, 408), (230, 424), (206, 208, 208), -1)
    cv2.rectangle(image, (0, 470), (260, height_px), (92, 98, 106), -1)
    cv2.rectangle(image, (500, 0), (width_px, height_px), (88, 74, 64), -1)
    cv2.rectangle(image, (520, 30), (width_px, height_px), (150, 130, 110), -1)
    cv2.rectangle(image, (545, 80), (width_px, 330), (138, 118, 98), -1)
    cv2.circle(image, (532, 430), 8, (206, 196, 160), -1, cv2.LINE_AA)
    cv2.rectangle(image, (330, 110), (450, 210), (62, 66, 74), -1)
    cv2.rectangle(image, (338, 118), (442, 202), (196, 148, 96), -1)
    return _finish(image, glow=(125, 230, 0.10), seed=4)


def _wall(width_px: int, height_px: int, low, high) -> np.ndarray:
    column = np.linspace(high, low, height_px)[:, None, :]
    return np.ascontiguousarray(np.broadcast_to(column, (height_px, width_px, 3)).astype(np.uint8))


def _books(image: np.ndarray, left: int, right: int, foot: int, rng) -> None:
    palette = [
        (150, 60, 50),
        (52, 84, 120),
        (196, 170, 110),
        (70, 104, 80),
        (210, 204, 192),
        (60, 54, 70),
        (176, 112, 58),
        (104, 126, 140),
    ]
    x = left
    while x < right - 8:
        thick = int(rng.integers(9, 24))
        tall = int(rng.integers(60, 98))
        if rng.random() < 0.12:
            x += thick * 2
            continue
        colour = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.7, 1.05)
        cv2.rectangle(image, (x, foot - tall), (x + thick - 2, foot), colour.tolist(), -1)
        x += thick


def _plant(image: np.ndarray, foot: tuple[int, int], rng) -> None:
    x, y = foot
    for _ in range(46):
        angle, reach = rng.normal(0, 0.7), rng.uniform(80, 190)
        tip = (int(x + reach * np.sin(angle)), int(y - 60 - reach * np.cos(angle)))
        tone = (np.array([74, 110, 66]) * rng.uniform(0.5, 1.25)).tolist()
        cv2.line(image, (x, y - 60), tip, tone, 3, cv2.LINE_AA)
        cv2.ellipse(image, tip, (30, 11), np.degrees(angle) - 90, 0, 360, tone, -1, cv2.LINE_AA)
    pot = np.array([[x - 46, y - 64], [x + 46, y - 64], [x + 36, y + 16], [x - 36, y + 16]])
    cv2.fillPoly(image, [pot.astype(np.int32)], (190, 180, 168), cv2.LINE_AA)


def _finish(image: np.ndarray, glow: tuple[int, int, float], seed: int) -> np.ndarray:
    soft = cv2.GaussianBlur(image, (0, 0), BLUR_PX).astype(np.float32) / 255
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    near = np.exp(-((x - glow[0]) ** 2 + (y - glow[1]) ** 2) / (2 * 230.0**2))
    lit = soft * (0.70 + 0.30 * near + glow[2] * near)[..., None]
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((9, 8), np.float32), (width, height), interpolation=2)
    lit *= (0.96 + 0.08 * coarse)[..., None]
    return (lit.clip(0, 1) * 255).astype(np.uint8)
