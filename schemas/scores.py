"""Scores of a batch of faces, and the seam to whatever model computes them."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaceScores:
    """What a model says of N faces; NaN means "not observed by this model", never "absent".

    au: [N, 25] probability in [0, 1], order of `AU_NAMES`.
    au_intensity: [N, 25] in [0, 5], the model's own scale.
    au_side: [N, 12] in [-1, 1], order of `SIDED_AU_NAMES`; +1 only on the person's left.
    emotion: [N, 8] distribution, order of `EMOTIONS`.
    valence, arousal: [N] in [-1, 1].
    confidence: [N] in [0, 1], how sure the model is that the crop shows an unobstructed face.
    extra: scores of an adapter's own label set, name -> [N].
    """

    au: Floats
    au_intensity: Floats
    au_side: Floats
    emotion: Floats
    valence: Floats
    arousal: Floats
    confidence: Floats
    extra: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.au)
        shapes = {
            "au": (count, len(AU_NAMES)),
            "au_intensity": (count, len(AU_NAMES)),
            "au_side": (count, len(SIDED_AU_NAMES)),
            "emotion": (count, len(EMOTIONS)),
            "valence": (count,),
            "arousal": (count,),
            "confidence": (count,),
        }
        for name, shape in shapes.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"FaceScores.{name} has shape {found}, expected {shape}")
        for name, values in self.extra.items():
            if values.shape != (count,):
                raise ValueError(f"FaceScores.extra[{name!r}] has shape {values.shape}")

    def __len__(self) -> int:
        return len(self.au)

    def __repr__(self) -> str:
        return f"FaceScores({len(self)} faces)"


class Scorer(Protocol):
    """A model behind whichever door: in process, or a Ray Serve handle.

    `crop_size_px` is the side of the square crops it wants, cut by `operators.align`.
    """

    model_id: str
    crop_size_px: int

    def score(
        self, crops: NDArray[np.uint8], wants_affect: NDArray[np.bool_] | None = None
    ) -> FaceScores:
        """Score `crops`, uint8 RGB [N, S, S, 3] with N >= 0, in the order given.

        Where `wants_affect` [N] is false, emotion, valence and arousal are not computed and NaN;
        None wants them everywhere.
        """
