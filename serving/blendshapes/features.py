"""Named features of a face mesh: blendshape channels beside pose-corrected distances.

Distances are taken after the head's rotation is removed by fitting the landmarks that no facial
muscle moves to MediaPipe's canonical face; the unit is the distance of the two eye centres.
A feature of one side of the face ends in `Left` or `Right`: the person's own.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serving.blendshapes.network import FaceMesh

Floats = NDArray[np.float64]

# Output order of the blendshape network (MediaPipe's `face_blendshapes_graph.cc`).
CHANNELS = (
    "_neutral",
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight"),
    *("eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel"),
    *("mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)

# Landmarks that expressions leave in place: eye corners, nose bridge, temples, upper forehead.
# Index, then x, y, z in MediaPipe's canonical face model, origin between the eyes, y up,
# z towards the viewer, eye distance 1.
RIGID_POINTS = (
    (33, -0.705, 0.006, -0.046), (133, -0.295, -0.006, 0.046), (362, 0.295, -0.006, 0.046),
    (263, 0.705, 0.006, -0.046), (168, 0.000, 0.103, 0.281), (6, 0.000, -0.024, 0.369),
    (197, 0.000, -0.142, 0.452), (195, 0.000, -0.248, 0.525), (127, -1.229, -0.041, -0.868),
    (356, 1.229, -0.041, -0.868), (234, -1.216, -0.310, -0.936), (454, 1.216, -0.310, -0.936),
    (162, -1.199, 0.235, -0.707), (389, 1.199, 0.235, -0.707), (21, -1.125, 0.446, -0.534),
    (251, 1.125, 0.446, -0.534), (54, -0.996, 0.633, -0.324), (284, 0.996, 0.633, -0.324),
    (10, 0.000, 0.894, 0.161), (103, -0.814, 0.771, -0.128), (332, 0.814, 0.771, -0.128),
)  # fmt: skip
_RIGID_INDEX = np.array([point[0] for point in RIGID_POINTS])
_RIGID_XYZ = np.array([point[1:] for point in RIGID_POINTS])

# Landmark -> height above the eye line on MediaPipe's canonical face, eye distances: what a brow
# at rest looks like on an average real face.
BROW_LANDMARKS = {
    70: 0.259, 63: 0.346, 105: 0.394, 66: 0.393, 107: 0.379,
    46: 0.199, 53: 0.266, 52: 0.299, 65: 0.301, 55: 0.241,
    300: 0.259, 293: 0.346, 334: 0.394, 296: 0.393, 336: 0.379,
    276: 0.199, 283: 0.266, 282: 0.299, 295: 0.301, 285: 0.241,
}  # fmt: skip
# Right and left eye: outer and inner corner.
EYE_CORNERS = ((33, 133), (263, 362))
# A gap of the lips that cannot be missed; beyond it the lips are simply parted.
PARTED_LIPS_GAP = 0.1

# Landmark indices by part, for the person's right and left half.
_SIDES: dict[str, dict[str, tuple[int, ...]]] = {
    "Right": {
        "eye_corners": (33, 133), "brow_inner": (55, 107, 65, 66), "brow_outer": (46, 70, 53, 63),
        "lid_upper": (160, 159, 158), "lid_lower": (144, 145, 153), "iris": (468,),
        "ala": (129, 98), "cheek": (50, 205), "lip_upper": (39, 37), "lip_lower": (181, 84),
        "corner": (61,), "outer_canthus": (33,),
    },
    "Left": {
        "eye_corners": (263, 362), "brow_inner": (285, 336, 295, 296),
        "brow_outer": (276, 300, 283, 293), "lid_upper": (387, 386, 385),
        "lid_lower": (373, 374, 380), "iris": (473,), "ala": (358, 327), "cheek": (280, 425),
        "lip_upper": (269, 267), "lip_lower": (405, 314), "corner": (291,),
        "outer_canthus": (263,),
    },
}  # fmt: skip


def features(mesh: FaceMesh) -> dict[str, Floats]:
    """Return every feature by name, float64 [N] each: the 52 channels and the distances."""
    table = {name: mesh.blendshapes[:, i].astype(float) for i, name in enumerate(CHANNELS)}
    points = frontal(mesh.landmarks_px)
    table |= _whole_face(points)
    for side in _SIDES:
        table |= {f"{name}{side}": value for name, value in _half_face(points, side).items()}
    return table


def frontal(landmarks_px: NDArray[np.floating]) -> Floats:
    """Turn landmarks [N, 478, 3] to the front: x to the person's left, y up, eye distance 1."""
    points = landmarks_px.astype(float) * (1.0, -1.0, -1.0)
    moving = points[:, _RIGID_INDEX]
    centre = moving.mean(axis=1, keepdims=True)
    target = _RIGID_XYZ - _RIGID_XYZ.mean(axis=0)
    u, _, vt = np.linalg.svd(np.swapaxes(moving - centre, 1, 2) @ target)
    u[..., -1] *= np.sign(np.linalg.det(u @ vt))[:, None]  # a rotation, never a reflection
    turned = (points - centre) @ (u @ vt)
    right, left = (turned[:, _SIDES[s]["eye_corners"]].mean(axis=1) for s in ("Right", "Left"))
    distance = np.linalg.norm(left - right, axis=1)
    middle = (right + left) / 2
    return np.asarray((turned - middle[:, None]) / distance[:, None, None])


def _whole_face(points: Floats) -> dict[str, Floats]:
    between = _distances(points)
    return {
        "brow_gap": between(55, 285),
        "ala_width": between(129, 358),
        "lip_gap": between(13, 14),
        "lip_parting": np.minimum(between(13, 14), PARTED_LIPS_GAP),
        "mouth_width": between(61, 291),
        "inner_mouth_width": between(78, 308),
        "upper_lip_thickness": between(0, 13),
        "lower_lip_thickness": between(14, 17),
        "nose_to_lip": between(2, 0),
        "nose_to_chin": between(2, 152),
        "lip_to_chin": between(17, 152),
        "lip_to_chin_pad": between(17, 199),
        "lower_lip_height": points[:, 17, 1] - points[:, 2, 1],
    }


def _half_face(points: Floats, side: str) -> dict[str, Floats]:
    part = {name: points[:, index].mean(axis=1) for name, index in _SIDES[side].items()}
    outwards = 1.0 if side == "Left" else -1.0
    lips_middle = points[:, (13, 14)].mean(axis=1)
    nose_base = points[:, 2]
    height = {name: xyz[:, 1] - part["eye_corners"][:, 1] for name, xyz in part.items()}
    return {
        "brow_inner_height": height["brow_inner"],
        "brow_outer_height": height["brow_outer"],
        "eye_opening": height["lid_upper"] - height["lid_lower"],
        "lid_upper_height": height["lid_upper"],
        "lid_lower_height": height["lid_lower"],
        "ala_height": height["ala"],
        "cheek_height": height["cheek"],
        "upper_lip_height": part["lip_upper"][:, 1] - nose_base[:, 1],
        "lower_lip_edge_height": part["lip_lower"][:, 1] - nose_base[:, 1],
        "corner_height": part["corner"][:, 1] - lips_middle[:, 1],
        "corner_to_nose_height": part["corner"][:, 1] - nose_base[:, 1],
        "corner_outwards": outwards * (part["corner"][:, 0] - nose_base[:, 0]),
        "corner_to_eye": np.linalg.norm(part["corner"] - part["outer_canthus"], axis=1),
    }


def _distances(points: Floats) -> Callable[[int, int], Floats]:
    def between(first: int, second: int) -> Floats:
        return np.asarray(np.linalg.norm(points[:, first] - points[:, second], axis=1))

    return between
