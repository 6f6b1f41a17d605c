"""The two people of the sample, their rooms and their lamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import room
from .chart import SkinPaint
from .cloth import Shirt
from .hair import HairStyle
from .stage import Light, Lights


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that makes one person of the sample look like themselves."""

    name: str
    modes: dict[int, float]
    skin: SkinPaint
    hair: HairStyle
    hair_rgb: tuple[float, float, float]
    sheen_rgb: tuple[float, float, float]
    iris_rgb: tuple[float, float, float]
    lash_density: float
    shirt: Shirt
    lights: Lights
    backdrop: Callable[[int, int], np.ndarray]


def _modes(seed: int, sigma: float, count: int = 40) -> dict[int, float]:
    rng = np.random.default_rng(seed)
    weights = np.clip(rng.normal(0, sigma, count), -1.6, 1.6) * 0.98 ** np.arange(count)
    return {index: float(weight) for index, weight in enumerate(weights)}


LEFT = Person(
    name="left",
    modes=_modes(24, 0.6) | {0: 1.1},
    skin=SkinPaint(
        base=(0.82, 0.615, 0.51),
        lips=(0.74, 0.40, 0.38),
        brow=(0.27, 0.17, 0.12),
        brow_thickness_cm=0.62,
        brow_strokes_count=420,
        redness=0.75,
        stubble=0.0,
        freckles_count=90,
        liner=0.8,
        seed=21,
    ),
    hair=HairStyle(
        strands_count=17000,
        segments_count=13,
        top_cm=22.0,
        side_cm=15.5,
        part_x_cm=1.6,
        lift=0.22,
        gravity=0.30,
        disorder=0.11,
        wave_cm=0.10,
        curl_in=0.17,
        hairline_shift_cm=0.0,
        seed=7,
        is_long=True,
    ),
    hair_rgb=(0.060, 0.026, 0.013),
    sheen_rgb=(0.30, 0.15, 0.07),
    iris_rgb=(0.10, 0.13, 0.07),
    lash_density=0.42,
    shirt=Shirt((0.030, 0.125, 0.125), (0.022, 0.095, 0.098), 0.86, 3.4, 0.8, 1.1),
    lights=Lights(
        key=Light((-0.55, 0.45, 0.8), (1.50, 1.40, 1.27)),
        fill=Light((0.8, 0.1, 0.7), (0.38, 0.38, 0.41)),
        rim=Light((0.75, 0.45, -0.6), (0.55, 0.45, 0.36)),
        sky=(0.32, 0.31, 0.30),
        ground=(0.22, 0.18, 0.15),
    ),
    backdrop=room.study,
)

RIGHT = Person(
    name="right",
    modes=_modes(28, 0.75) | {0: -0.7},
    skin=SkinPaint(
        base=(0.60, 0.42, 0.33),
        lips=(0.52, 0.30, 0.28),
        brow=(0.07, 0.05, 0.045),
        brow_thickness_cm=0.85,
        brow_strokes_count=620,
        redness=0.30,
        stubble=0.42,
        freckles_count=0,
        liner=0.35,
        seed=22,
    ),
    hair=HairStyle(
        strands_count=24000,
        segments_count=6,
        top_cm=3.8,
        side_cm=0.9,
        part_x_cm=-2.5,
        lift=0.35,
        gravity=0.10,
        disorder=0.24,
        wave_cm=0.06,
        curl_in=0.0,
        hairline_shift_cm=0.5,
        seed=8,
        is_long=False,
    ),
    hair_rgb=(0.014, 0.011, 0.010),
    sheen_rgb=(0.035, 0.030, 0.028),
    iris_rgb=(0.055, 0.028, 0.012),
    lash_density=0.30,
    shirt=Shirt((0.20, 0.24, 0.32), (0.16, 0.19, 0.27), 1.0, 2.2, 1.0, 1.6),
    lights=Lights(
        key=Light((0.5, 0.5, 0.85), (1.75, 1.80, 1.88)),
        fill=Light((-0.9, 0.05, 0.6), (0.62, 0.66, 0.74)),
        rim=Light((-0.8, 0.4, -0.5), (0.8, 0.9, 1.05)),
        sky=(0.42, 0.44, 0.47),
        ground=(0.20, 0.20, 0.21),
    ),
    backdrop=room.office,
)
PEOPLE = (LEFT, RIGHT)
