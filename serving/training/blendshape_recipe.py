"""What the fit takes as sign of each action unit: its features, its render shape, its label rule.

Features are chosen by anatomy, each with the direction in which the action must move it; the fit
may only choose how much. Dead channels are left out: cheekSquint, noseSneer, cheekPuff and
jawForward stay below 0.001 on rendered and on real faces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.training.blendshape_faces import RenderedFaces

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

# One pixel at 112 px face width: a displacement of 2.5 % of the eye distance. `visible` below is
# the weight at which the shape's 99.5th percentile vertex (ICT-FaceKit, mean face) moves so far.
VISIBLE_WEIGHT_MIN = 0.25
MASKED = -1


@dataclass(frozen=True, slots=True)
class Recipe:
    """One action unit."""

    signs: dict[str, int]
    """Feature name -> +1 if the action pushes it up, -1 if down."""
    shape: str
    """Render shape whose weight is the label, or `lip_gap` (cm)."""
    present: float
    """Clearly visible from here on."""
    absent: float
    """Invisible up to here; the band between is masked."""
    full: float = 1.0
    """Value that stands for intensity 5."""
    antagonist: str = ""
    """Shape that hides the action where it is the stronger one: such positives are masked."""

    def strength(self, faces: RenderedFaces, half: str) -> Floats:
        """Return the intensity target [N] in 0..1."""
        return np.clip(faces.weight(self.shape, half) / self.full, 0.0, 1.0)

    def labels(self, faces: RenderedFaces, half: str) -> Labels:
        """Return 1 present, 0 absent, -1 masked, int8 [N]."""
        weight = faces.weight(self.shape, half)
        labels = np.full(len(weight), MASKED, np.int8)
        labels[weight <= self.absent] = 0
        labels[weight >= self.present] = 1
        if self.antagonist:
            hidden = faces.weight(self.antagonist, half) > weight
            labels[hidden & (labels == 1)] = MASKED
        return labels


def _by_weight(shape: str, visible: float, antagonist: str = "", **signs: int) -> Recipe:
    present = max(visible, VISIBLE_WEIGHT_MIN)
    return Recipe(signs, shape, present, visible / 2, antagonist=antagonist)


RECIPES: dict[str, Recipe] = {
    "AU01": _by_weight(
        "browInnerUp", 0.35, browInnerUp=1, brow_inner_height=1, eyeBlink=-1,
    ),
    "AU02": _by_weight(
        "browOuterUp", 0.22, browOuterUp=1, brow_outer_height=1, eyeBlink=-1,
    ),
    "AU04": _by_weight(
        "browDown", 0.32, browDown=1, brow_outer_height=-1, brow_inner_height=-1, brow_gap=-1,
    ),
    "AU05": _by_weight(
        "eyeWide", 0.55, "eyeBlink", eyeWide=1, eye_opening=1, lid_upper_height=1, eyeLookUp=-1,
        eyeLookDown=1,
    ),
    "AU06": _by_weight(
        "cheekSquint", 0.34, eyeSquint=1, lid_lower_height=1, cheek_height=1, mouthSmile=1,
    ),
    "AU07": _by_weight(
        "eyeSquint", 0.54, "eyeBlink", eyeSquint=1, lid_lower_height=1, eye_opening=-1,
        mouthSmile=-1,
    ),
    "AU09": _by_weight(
        "noseSneer", 0.17, ala_height=1, lid_lower_height=1, nose_to_lip=-1, brow_inner_height=-1,
        mouthUpperUp=1, mouthSmile=-1,
    ),
    "AU10": _by_weight(
        "mouthUpperUp", 0.22, mouthUpperUp=1, upper_lip_height=1, nose_to_lip=-1, mouthSmile=-1,
        mouthFunnel=-1,
    ),
    "AU12": _by_weight(
        "mouthSmile", 0.13, mouthSmile=1, corner_to_eye=-1, corner_height=1, corner_outwards=1,
        mouthUpperUp=-1,
    ),
    "AU14": _by_weight(
        "mouthDimple", 0.31, mouthDimple=1, mouthPress=1, mouthSmile=-1, mouthRollLower=-1,
    ),
    "AU15": _by_weight(
        "mouthFrown", 0.34, "mouthSmile", mouthFrown=1, corner_height=-1,
        corner_to_nose_height=-1, corner_outwards=-1, mouthStretch=-1,
    ),
    "AU16": _by_weight(
        "mouthLowerDown", 0.40, mouthLowerDown=1, lower_lip_edge_height=-1, lip_to_chin=-1,
        mouthShrugLower=-1, jawOpen=-1, mouthFunnel=-1,
    ),
    "AU17": _by_weight(
        "mouthShrugLower", 0.16, mouthShrugLower=1, mouthShrugUpper=1, lower_lip_height=1,
        mouthPress=-1, mouthRollLower=-1,
    ),
    "AU18": _by_weight(
        "mouthPucker", 0.27, mouthPucker=1, mouth_width=-1, mouthFunnel=-1,
        inner_mouth_width=-1,
    ),
    "AU20": _by_weight(
        "mouthStretch", 0.22, "mouthPucker", mouthStretch=1, corner_outwards=1, corner_height=-1,
        mouthFrown=1, mouthSmile=-1,
    ),
    "AU22": _by_weight(
        "mouthFunnel", 0.20, mouthFunnel=1, lip_gap=1, inner_mouth_width=-1, jawOpen=-1,
    ),
    "AU24": _by_weight(
        "mouthPress", 0.49, mouthPress=1, mouthRollUpper=1, upper_lip_thickness=-1,
        lower_lip_thickness=-1, lip_gap=-1, mouthRollLower=-1,
    ),
    "AU25": Recipe(
        {"lip_parting": 1, "lip_gap": 1, "jawOpen": 1, "mouthLowerDown": 1, "mouthUpperUp": 1},
        "lip_gap", present=0.35, absent=0.22, full=2.0,
    ),
    "AU26": Recipe(
        {"jawOpen": 1, "lower_lip_height": -1, "nose_to_chin": 1, "mouthFunnel": -1,
         "mouthLowerDown": -1},
        "jawOpen", present=0.20, absent=0.08, full=0.6,
    ),
    "AU27": Recipe(
        {"jawOpen": 1, "lip_gap": 1, "nose_to_chin": 1},
        "lip_gap", present=2.0, absent=1.3, full=3.5,
    ),
    "AU28": _by_weight(
        "mouthRollLower", 0.28, mouthRollLower=1, mouthRollUpper=1, upper_lip_thickness=-1,
        lower_lip_thickness=-1, mouthPress=-1,
    ),
    "AU43": Recipe(
        {"eyeBlink": 1, "eye_opening": -1}, "eyeBlink", present=0.75, absent=0.35,
    ),
}  # fmt: skip

NEVER_OBSERVED = {
    "AU11": "neither a channel nor a rendered example: the fold is not in the mesh",
    "AU33": "the cheekPuff channel is dead and no face was rendered with it",
    "AU45": "a temporal label: derived from AU43 over time",
}
