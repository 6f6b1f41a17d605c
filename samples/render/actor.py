"""Put one person on a stage: buffers once, then a picture per frame."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

from . import chart, cloth, facekit, hair
from .facekit import FaceKit
from .geometry import Camera, Pose
from .people import Person
from .stage import Stage, chart_extent_cm

OCCLUSION_ROUNDS = 48
NECKLINE_REST_CM = -13.0
LIP_REST_SHARE = 0.9
PLAIN_PARTS = {
    name: {"u_colour": rgb, "u_gloss": gloss, "u_deep_cm": deep, "u_front_cm": front}
    for name, rgb, gloss, deep, front in (
        ("mouth", (0.16, 0.035, 0.03), 0.15, 6.5, 11.5),
        ("gums", (0.26, 0.06, 0.055), 0.35, 4.5, 11.8),
        ("teeth", (0.66, 0.61, 0.52), 0.7, 5.0, 11.0),
    )
}


class Actor:
    """A person's meshes on a stage of their own; `frame` draws one moment."""

    def __init__(self, kit: FaceKit, person: Person, camera: Camera) -> None:
        self.kit, self.person = kit, person
        self.neutral = facekit.person(kit, person.modes)
        eyes = self.neutral[kit.landmarks68[36:48]].mean(axis=0)
        rest_eyes = kit.neutral_cm[kit.landmarks68[36:48]].mean(axis=0)
        self.neutral = self.neutral - (eyes - rest_eyes)
        self.neutral += _closed_lips(kit, self.neutral)
        self.stage = Stage(camera.width_px, camera.height_px, camera, person.lights)
        self.stage.texture("t_room", person.backdrop(camera.width_px, camera.height_px))
        self._paint_skin()
        normals = facekit.normals(self.neutral, kit.quads)
        self.position = self.stage.buffer(self.neutral)
        self.normal = self.stage.buffer(normals)
        cover = hair.scalp_cover(kit.neutral_cm, person.hair.hairline_shift_cm)
        self.extra = self.stage.buffer(np.stack([np.ones_like(cover), cover], 1))
        self._add_head(cover)
        self._add_shirt()
        self.stage.set_pose(Pose(np.zeros(3), np.zeros(3), np.eye(4), 0.0))
        light = self.stage.ambient_occlusion(self.neutral, normals, OCCLUSION_ROUNDS)
        self.extra.write(np.stack([0.15 + 0.85 * light**0.8, cover], 1).astype("f4").tobytes())
        self._add_hair(normals, cover)

    def _paint_skin(self) -> None:
        marks = self.kit.neutral_cm[self.kit.landmarks68]
        skin = chart.paint(marks, self.person.skin)
        first, second = chart.creases(marks)
        rng = np.random.default_rng(1)
        for name, image in (("t_chart", skin), ("t_crease_a", first), ("t_crease_b", second)):
            self.stage.texture(name, (image * 255).astype(np.uint8))
        self.stage.texture("t_noise", _tiling_noise(rng), repeat=True)

    def _surface(self) -> list[tuple[moderngl.Buffer, str, str]]:
        rest = self.stage.buffer(self.kit.neutral_cm)
        uv = self.stage.buffer(self.kit.uv)
        return [
            (self.position, "3f", "in_pos"),
            (self.normal, "3f", "in_normal"),
            (rest, "3f", "in_rest"),
            (self.extra, "2f", "in_extra"),
            (uv, "2f", "in_uv"),
        ]

    def _add_head(self, cover: np.ndarray) -> None:
        surface, parts, person = self._surface(), self.kit.parts, self.person
        base = tuple(np.array(person.skin.base) ** 2.2)
        self.stage.add(
            "skin",
            surface,
            parts["skin"],
            {
                "u_base": base,
                "u_hair": tuple(0.8 * np.array(person.hair_rgb)),
                "u_chart_cm": chart_extent_cm(),
                "u_neckline": NECKLINE_REST_CM,
            },
            casts=parts["skin"],
        )
        for part, look in PLAIN_PARTS.items():
            self.stage.add("plain", surface, parts[part], look)
        centres = [_eye_centre(self.kit, +1), _eye_centre(self.kit, -1)]
        self.stage.add(
            "eye",
            surface,
            parts["eye"],
            {
                "u_iris": person.iris_rgb,
                "u_eye_centre": centres,
                "u_iris_rad": 0.47,
            },
        )
        self.stage.add(
            "lash",
            surface,
            parts["lash"],
            {
                "u_colour": (0.004, 0.003, 0.003),
                "u_density": person.lash_density,
                "u_eye_centre": centres,
            },
        )

    def _add_shirt(self) -> None:
        shirt = self.person.shirt
        for mesh in (cloth.body(shirt), cloth.collar(shirt)):
            buffers = [
                self.stage.buffer(a)
                for a in (mesh.points, mesh.normals, mesh.points, mesh.extra, mesh.uv)
            ]
            names = (
                ("3f", "in_pos"),
                ("3f", "in_normal"),
                ("3f", "in_rest"),
                ("2f", "in_extra"),
                ("2f", "in_uv"),
            )
            attributes = [(b, *n) for b, n in zip(buffers, names, strict=True)]
            self.stage.add(
                "cloth",
                attributes,
                mesh.triangles,
                {
                    "u_colour": shirt.colour,
                    "u_trim": shirt.trim,
                    "u_weave": shirt.weave,
                },
                casts=mesh.triangles,
            )

    def _add_hair(self, normals: np.ndarray, cover: np.ndarray) -> None:
        strands = hair.grow(self.neutral, normals, self.kit.parts["skin"], cover, self.person.hair)
        names = (
            ("3f", "in_pos"),
            ("3f", "in_normal"),
            ("3f", "in_tangent"),
            ("2f", "in_along_tone"),
        )
        attributes = [(self.stage.buffer(a), *n) for a, n in zip(strands[:4], names, strict=True)]
        self.stage.add(
            "hair",
            attributes,
            strands[4],
            {
                "u_hair": self.person.hair_rgb,
                "u_sheen": self.person.sheen_rgb,
            },
            mode=moderngl.LINES,
            casts=strands[5],
        )

    def shape(self, weights: np.ndarray) -> np.ndarray:
        """Return the deformed head (cm, before head pose) for the 57 shape weights."""
        used = np.flatnonzero(np.abs(weights) > 1e-4)
        return self.neutral + np.tensordot(
            weights[used].astype(np.float32), self.kit.expression[used], axes=1
        )

    def frame(self, points: np.ndarray, pose: Pose, creases: np.ndarray) -> np.ndarray:
        """Draw a deformed head at a pose with eight crease strengths; RGB uint8 tile."""
        normals = facekit.normals(points, self.kit.quads)
        self.position.write(points.astype("f4").tobytes())
        self.normal.write(normals.tobytes())
        self.stage.set_pose(pose)
        return self.stage.render(
            {
                "u_crease_a": tuple(creases[:4]),
                "u_crease_b": tuple(creases[4:]),
            }
        )


def _closed_lips(kit: FaceKit, neutral: np.ndarray) -> np.ndarray:
    """Return the offset that lets the resting lips touch (the model's neutral parts them)."""
    close = kit.expression[kit.expression_names.index("mouthClose")]
    gap = facekit.lip_gap_cm(neutral, kit.landmarks68)
    span = facekit.lip_gap_cm(neutral - 0.1 * close, kit.landmarks68) - gap
    return LIP_REST_SHARE * gap / max(10 * span, 1e-3) * close


def _eye_centre(kit: FaceKit, side: int) -> tuple[float, ...]:
    points = kit.neutral_cm[np.unique(kit.parts["eye"])]
    points = points[np.sign(points[:, 0]) == side]
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    middle[2] = points[:, 2].min() + np.ptp(points[:, 0]) / 2
    return tuple(float(v) for v in middle)


def _tiling_noise(rng: np.random.Generator) -> np.ndarray:
    """Return 512 x 512 fractal noise that tiles (float16: slopes of 8-bit steps would show)."""
    total = np.zeros((512, 512), np.float32)
    for cells, strength in ((4, 1.0), (8, 0.7), (16, 0.5), (64, 0.35), (160, 0.35)):
        grid = np.pad(rng.random((cells, cells), np.float32), 2, mode="wrap")
        size = round(512 * (cells + 4) / cells)
        big = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        edge = (size - 512) // 2
        total += strength * (big[edge : edge + 512, edge : edge + 512] - 0.5)
    return (total / total.std() * 0.18 + 0.5).clip(0, 1).astype(np.float16)
