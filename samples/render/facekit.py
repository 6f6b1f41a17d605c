"""Load the packed ICT-FaceKit model for rendering."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

INNER_UPPER_LIP = (61, 62, 63)
INNER_LOWER_LIP = (67, 66, 65)


@dataclass(frozen=True, slots=True)
class FaceKit:
    """The head model: rest geometry in cm (y up, z to the viewer), shapes, triangles per part."""

    neutral_cm: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    quads: np.ndarray
    parts: dict[str, np.ndarray]
    uv: np.ndarray
    landmarks68: np.ndarray

    def __repr__(self) -> str:
        return f"FaceKit(vertices={len(self.neutral_cm)}, shapes={len(self.expression_names)})"


def load(path: Path) -> FaceKit:
    """Read `ict_facekit.npz` (see its README for the arrays)."""
    pack = np.load(path)
    neutral = pack["neutral"].astype(np.float32)
    faces, material = pack["faces"], pack["face_material"]
    names = [str(name) for name in pack["material_names"]]
    skin, sock = _split_back_head(neutral, faces[material == names.index("M_BackHead")])
    quads = {
        "skin": np.concatenate([faces[material == names.index("M_Face")], skin]),
        "mouth": sock,
        "gums": faces[material == names.index("M_GumsTongue")],
        "teeth": faces[material == names.index("M_Teeth")],
        "eye": faces[np.isin(material, [names.index(f"M_Sclera{s}") for s in ("Left", "Right")])],
        "lash": _upper_lashes(neutral, faces[material == names.index("M_EyeLashes")]),
    }
    return FaceKit(
        neutral_cm=neutral,
        identity=pack["identity"],
        expression=pack["expression"].astype(np.float32),
        expression_names=tuple(str(name) for name in pack["expression_names"]),
        quads=np.concatenate(list(quads.values())),
        parts={name: triangles(part) for name, part in quads.items()},
        uv=_vertex_uv(len(neutral), faces, pack["faces_uv"], pack["uv"]),
        landmarks68=pack["landmarks68"],
    )


def _split_back_head(neutral: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Separate the outer skin of the back-head mesh from the mouth and eye pockets inside it."""
    group = _islands(len(neutral), quads)
    names, counts = np.unique(group, return_counts=True)
    tall = max(names, key=lambda name: np.ptp(neutral[quads[group == name].ravel(), 1]))
    sock = max((name for name in names if name != tall), key=lambda n: counts[names == n][0])
    return quads[group == tall], quads[group == sock]


def _islands(vertices_count: int, quads: np.ndarray) -> np.ndarray:
    """Label each quad with the lowest vertex id of its connected piece."""
    label = np.arange(vertices_count)
    for _ in range(len(quads)):
        low = label[quads].min(axis=1)
        before = label.copy()
        np.minimum.at(label, quads.ravel(), np.repeat(low, 4))
        if np.array_equal(before, label):
            break
    return label[quads[:, 0]]


def _upper_lashes(neutral: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Drop the lower lashes: as opaque cards they read as heavy make-up."""
    group = _islands(len(neutral), quads)
    pieces = [quads[group == name] for name in np.unique(group)]
    return np.concatenate([p for p in pieces if neutral[p.ravel(), 1].min() > 2.6])


def _vertex_uv(count: int, faces: np.ndarray, faces_uv: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Give each vertex one of its texture coordinates (seams do not matter to our shaders)."""
    out = np.zeros((count, 2), np.float32)
    used = faces >= 0
    out[faces[used]] = uv[faces_uv[used]]
    return out % 1.0


def triangles(quads: np.ndarray) -> np.ndarray:
    """Split quads (-1 in the last column marks a triangle) into int32 triangles."""
    first = quads[:, [0, 1, 2]]
    second = quads[quads[:, 3] >= 0][:, [0, 2, 3]]
    return np.concatenate([first, second]).astype(np.int32)


def person(kit: FaceKit, modes: dict[int, float]) -> np.ndarray:
    """Return the neutral head (cm) of the identity with the given mode weights."""
    out = kit.neutral_cm.copy()
    for index, weight in modes.items():
        out += weight * kit.identity[index].astype(np.float32)
    return out


def normals(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Return area-weighted unit vertex normals of a mesh of quads and triangles."""
    last = np.where(quads[:, 3] >= 0, quads[:, 3], quads[:, 0])
    face = np.cross(points[quads[:, 2]] - points[quads[:, 0]], points[last] - points[quads[:, 1]])
    is_triangle = quads[:, 3] < 0
    tri = quads[is_triangle]
    face[is_triangle] = np.cross(
        points[tri[:, 1]] - points[tri[:, 0]], points[tri[:, 2]] - points[tri[:, 0]]
    )
    corners = np.concatenate([quads[:, 0], quads[:, 1], quads[:, 2], last])
    out = np.stack(
        [
            np.bincount(corners, np.tile(face[:, axis], 4), minlength=len(points))
            for axis in range(3)
        ],
        axis=1,
    )
    return (out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def lip_gap_cm(points: np.ndarray, landmarks68: np.ndarray) -> float:
    """Return the mean distance between the inner lip landmarks."""
    upper = points[landmarks68[list(INNER_UPPER_LIP)]]
    lower = points[landmarks68[list(INNER_LOWER_LIP)]]
    return float(np.linalg.norm(upper - lower, axis=1).mean())


def lid_gap_cm(points: np.ndarray, landmarks68: np.ndarray) -> float:
    """Return the mean opening of both eyes, between the lid landmarks."""
    upper = points[landmarks68[[37, 38, 43, 44]]]
    lower = points[landmarks68[[41, 40, 47, 46]]]
    return float(np.linalg.norm(upper - lower, axis=1).mean())
