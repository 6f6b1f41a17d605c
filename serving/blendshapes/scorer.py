"""The scorer `blendshapes-1`: face mesh, features, action units, expressions."""

import numpy as np
from numpy.typing import NDArray

from schemas.scores import FaceScores
from serving.blendshapes.action_units import load_models, score_action_units
from serving.blendshapes.features import features
from serving.blendshapes.network import CROP_SIZE_PX, FaceMeshNetwork
from serving.emotions import read_expressions

MODEL_ID = "blendshapes-1"
# Below this presence there is no face in the crop, and whatever the mesh says is not observed.
PRESENCE_MIN = 0.5


class BlendshapeScorer:
    """Implements `schemas.scores.Scorer` on the bytes of MediaPipe's face landmarker, on the CPU.

    Crops are uint8 RGB [N, 256, 256, 3], aligned to the five-point
    template of `operators.align`.
    Safe to call from several threads; the calls run one after another.
    """

    model_id: str = MODEL_ID
    crop_size_px: int = CROP_SIZE_PX

    def __init__(self, task: bytes, *, threads_count: int = 1) -> None:
        self._network = FaceMeshNetwork(task, threads_count=threads_count)
        self._models = load_models()

    def score(
        self, crops: NDArray[np.uint8], wants_affect: NDArray[np.bool_] | None = None
    ) -> FaceScores:
        """Score N >= 0 crops in order, about 4 ms each on one thread.

        A crop without a face (confidence below 0.5) gets NaN in all scores, one whose affect is
        not wanted NaN in emotion, valence and arousal.
        """
        mesh = self._network(crops)
        units = score_action_units(features(mesh), self._models)
        is_face = mesh.presence >= PRESENCE_MIN
        for scores in (units.probability, units.intensity, units.side):
            scores[~is_face] = np.nan
        readable = units.probability
        if wants_affect is not None:
            readable = np.where(wants_affect[:, None], readable, np.float32(np.nan))
        seen = read_expressions(readable, units.side)
        return FaceScores(
            au=units.probability,
            au_intensity=units.intensity,
            au_side=units.side,
            emotion=seen.emotion,
            valence=seen.valence,
            arousal=seen.arousal,
            confidence=mesh.presence,
        )
