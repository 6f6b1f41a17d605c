"""Head pose from five points of a face."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A middling face in units of the distance between the eyes, in the order of a detection's points:
# x to the right of the picture, y down, z out of the face. Depths were fitted on own renders with
# known pose; the nose's height so that the detector's points on level real faces give pitch 0.
FACE = (
    (-0.50, -0.53, -0.21),
    (0.50, -0.53, -0.21),
    (0.00, 0.09, 0.528),
    (-0.42, 0.525, -0.053),
    (0.42, 0.525, -0.053),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head points, in degrees.

    yaw_deg: [-90, 90], positive turned to the person's own left: the nose moves to the right of
    the picture. pitch_deg: [-90, 90], positive upwards. roll_deg: [-180, 180], positive tilted
    towards the person's own left shoulder: clockwise in the picture.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def _inverse_of_face() -> Floats:
    face = np.array(FACE)
    return np.asarray(np.linalg.pinv(face - face.mean(axis=0)), np.float64)


_INVERSE = _inverse_of_face()


def pose_of(points_px: Sequence[Sequence[float]]) -> Pose:
    """Estimate the pose from [5, 2] points under weak perspective.

    The turn is yaw about the vertical applied after pitch, then roll in the picture. Against a
    478-point model on 150 real faces: yaw off by 3.4° on average (correlation 0.89), roll by 2.0°
    (0.85), pitch by 5.3° (0.53). Pitch comes out at about a quarter, because the detector draws
    its points towards a level face: use it to compare a person with themselves. Points that
    coincide give zeros.
    Source: DeMenthon and Davis, Model-based object pose in 25 lines of code, 1995 (first step).
    """
    points = np.asarray(points_px, np.float64)
    if float(np.ptp(points, axis=0).max()) < 1e-6:
        return Pose(0.0, 0.0, 0.0)
    stretched = (_INVERSE @ (points - points.mean(axis=0))).T
    left, _, right = np.linalg.svd(stretched, full_matrices=False)
    across, down = left @ right
    outwards = np.cross(across, down)
    yaw = np.arctan2(-outwards[0], np.hypot(outwards[1], outwards[2]))
    pitch = np.arctan2(outwards[1], outwards[2])
    roll = np.arctan2(down[0], across[0])
    yaw_deg, pitch_deg, roll_deg = (float(np.degrees(angle)) for angle in (yaw, pitch, roll))
    return Pose(yaw_deg, min(max(pitch_deg, -90.0), 90.0), roll_deg)
