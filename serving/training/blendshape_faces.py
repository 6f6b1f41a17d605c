"""Rendered faces as the blendshape fit sees them: features beside true shape weights."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.errors import SourceMissingError
from serving.blendshapes.features import BROW_LANDMARKS, EYE_CORNERS, features, frontal
from serving.blendshapes.network import CROP_SIZE_PX, FaceMesh, FaceMeshNetwork
from serving.store import ModelStore

Floats = NDArray[np.float64]

DETECTOR_SCORE_MIN = 0.5
# Renders fill the picture; the detector wants some room around a face.
MARGIN_PX = 60

# The same as `operators.align.TEMPLATE`, which this room may not import; a test compares them.
# Where the five points go in the crop, in fractions of its side: right eye, left eye, nose tip,
# right and left mouth corner, right being the person's own (image left).
TEMPLATE = np.array(
    [[0.370, 0.368], [0.630, 0.368], [0.500, 0.514], [0.389, 0.633], [0.611, 0.633]]
)


@dataclass(frozen=True, slots=True)
class RenderedFaces:
    """N rendered faces."""

    features: Mapping[str, Floats]
    """Name -> [N], see `features.features`."""
    records: list[dict[str, Any]]
    """The label line of each face."""
    is_neutral: NDArray[np.bool_]
    """[N]: no action unit in the recipe."""
    brow_shift: Mapping[int, float]
    """Landmark index -> how far it was moved up, eye distances (see `lower_brows`)."""
    data_sha256: str
    """Of the archive and the labels together."""

    def weight(self, shape: str, half: str) -> Floats:
        """Return a shape's weight [N] on one half, the larger one if `half` is empty."""
        if shape == "lip_gap":
            return np.array([record["lip_gap_cm"] for record in self.records])
        names = {"Left": ("_L",), "Right": ("_R",), "": ("_L", "_R")}[half]
        rows = (record["shapes"] for record in self.records)
        return np.array(
            [max(row.get(shape + n, row.get(shape, 0.0)) for n in names) for row in rows]
        )


def load_faces(folder: Path, store: ModelStore) -> RenderedFaces:
    """Detect, align and measure every face in `folder`; faces that are not detected are left out.

    Raises SourceMissingError or ModelError where something is not there.
    """
    archive, labels = folder / "faces.tar", folder / "labels.jsonl.gz"
    for path in (archive, labels):
        if not path.exists():
            raise SourceMissingError("load rendered faces", "no such file", path)
    by_file = {
        record["file"]: record
        for record in map(json.loads, gzip.decompress(labels.read_bytes()).splitlines())
    }
    network = FaceMeshNetwork(store.read("face_landmarker"))
    names, crops = [], []
    for name, crop in aligned_crops(archive, store.read("yunet")):
        names.append(name)
        crops.append(crop)
    records = [by_file[name] for name in names]
    is_neutral = np.array([not record["au"] for record in records])
    mesh, shift = lower_brows(network(np.stack(crops)), is_neutral, network)
    digest = hashlib.sha256(archive.read_bytes() + labels.read_bytes()).hexdigest()
    return RenderedFaces(features(mesh), records, is_neutral, shift, digest)


def aligned_crops(archive: Path, weights: bytes) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and RGB crop [256, 256, 3] of every picture in which a face is found."""
    detector = cv2.FaceDetectorYN.create(
        "onnx", np.frombuffer(weights, np.uint8), np.zeros(0, np.uint8), (1, 1), DETECTOR_SCORE_MIN
    )
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            data = tar.extractfile(member)
            if data is None:
                continue
            packed = np.frombuffer(data.read(), np.uint8)
            picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
            points = five_points(detector, picture)
            if points is not None:
                yield member.name, align(picture, points)


def five_points(detector: Any, picture: NDArray[np.uint8]) -> Floats | None:
    """Return the largest face's five points [5, 2] px, or None where no face is found."""
    wide = cv2.copyMakeBorder(picture, *(MARGIN_PX,) * 4, cv2.BORDER_REPLICATE)
    detector.setInputSize((wide.shape[1], wide.shape[0]))
    _, found = detector.detect(wide)
    if found is None:
        return None
    largest = max(found, key=lambda face: face[2] * face[3])
    return np.asarray(largest[4:14], float).reshape(5, 2) - MARGIN_PX


def align(picture: NDArray[np.uint8], points: Floats) -> NDArray[np.uint8]:
    """Cut the 256 px RGB crop by the least-squares similarity of five points to the template."""
    target = TEMPLATE * CROP_SIZE_PX
    source_mean, target_mean = points.mean(axis=0), target.mean(axis=0)
    source, goal = points - source_mean, target - target_mean
    square = (source**2).sum()
    cosine = (source * goal).sum() / square
    sine = (source[:, 0] * goal[:, 1] - source[:, 1] * goal[:, 0]).sum() / square
    turn = np.array([[cosine, -sine], [sine, cosine]])
    matrix = np.hstack([turn, (target_mean - turn @ source_mean)[:, None]])
    crop = cv2.warpAffine(picture, matrix, (CROP_SIZE_PX, CROP_SIZE_PX), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(crop[..., ::-1])


def lower_brows(
    mesh: FaceMesh, is_neutral: NDArray[np.bool_], network: FaceMeshNetwork
) -> tuple[FaceMesh, dict[int, float]]:
    """Move the renders' brows to where real faces have them and redo the blendshapes.

    The renders' brows are painted 0.04-0.10 eye distances too high: neutral renders read as
    browInnerUp 0.75. Each brow landmark is shifted by one constant, the difference of its mean
    height on neutral renders to MediaPipe's canonical face.
    """
    heights = frontal(mesh.landmarks_px)[is_neutral][:, list(BROW_LANDMARKS), 1].mean(axis=0)
    shift = np.array(list(BROW_LANDMARKS.values())) - heights
    points = mesh.landmarks_px.copy()
    right, left = (points[:, corners].mean(axis=1) for corners in EYE_CORNERS)
    eye_distance_px = np.linalg.norm(left - right, axis=1)
    points[:, list(BROW_LANDMARKS), 1] -= shift * eye_distance_px[:, None]
    moved = FaceMesh(points, mesh.presence, network.blendshapes_of(points))
    return moved, dict(zip(BROW_LANDMARKS, shift.tolist(), strict=True))
