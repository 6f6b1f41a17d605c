"""The catalogue of models: a name such as `blendshapes` becomes a scorer that is ready to work."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from schemas.errors import UsageError, near_word
from schemas.scores import Scorer
from serving.store import ModelStore

DETECTOR_WEIGHTS = "yunet"


def _open_blendshapes(store: ModelStore, threads_count: int) -> Scorer:
    from serving.blendshapes.scorer import BlendshapeScorer

    return BlendshapeScorer(store.read("face_landmarker"), threads_count=threads_count)


MODELS: Mapping[str, Callable[[ModelStore, int], Scorer]] = MappingProxyType(
    {"blendshapes": _open_blendshapes}
)
"""What `--model` accepts, and how each is opened."""


def open_scorer(name: str, store: ModelStore, threads_count: int = 1) -> Scorer:
    """Return the scorer `name`, its weights read and checked; scores do not depend on threads.

    Raises UsageError with the near word for an unknown model, ModelError where weights are
    missing or altered.
    """
    if name not in MODELS:
        known = list(MODELS)
        raise UsageError(
            "model",
            f"there is no model of this name{near_word(name, known)}",
            name,
            f"known are {', '.join(known)}",
        )
    return MODELS[name](store, threads_count)


def open_detector_weights(store: ModelStore) -> bytes:
    """Return the checked bytes of the face detector's ONNX file."""
    return store.read(DETECTOR_WEIGHTS)
