"""Goal: weights that are missing or altered, and models that do not work, are told apart.

Method: folders without weights, a picture without a face, a scorer that is blind.
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from operators.detect import FaceDetector
from pipeline.doctor import CHECKS, Check, CheckState, Patient, models, run_checks
from pipeline.settings import load_settings
from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from schemas.scores import FaceScores

PROBLEM = CheckState.PROBLEM
ANYBODY = Patient()


def ending(check: Check, who: Patient = ANYBODY, timeout_s: float = 5.0) -> tuple[CheckState, str]:
    result = next(run_checks(who, [check], timeout_s))
    return result.state, f"{result.text} -> {result.remedy}"


def test_missing_and_altered_weights_are_problems_with_the_fetch_command(tmp_path: Path) -> None:
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"spoiled")
    finding = models.weights(Patient(weights_folder=tmp_path))
    assert finding.state is PROBLEM
    assert "yunet altered, face_landmarker missing" in finding.text
    assert "facestate models fetch" in finding.remedy


@pytest.mark.parametrize("check", [c for c in CHECKS if c.name in {"detector", "scorer"}])
def test_without_weights_detector_and_scorer_say_how_to_fetch_them(
    tmp_path: Path, check: Check
) -> None:
    state, text = ending(check, Patient(weights_folder=tmp_path))
    assert state is PROBLEM
    assert "run `facestate models fetch`" in text


def test_the_drawn_face_has_its_points_where_the_detector_finds_them(weights: Path) -> None:
    body = (weights / "face_detection_yunet_2023mar.onnx").read_bytes()
    (face,) = FaceDetector(body).detect(models.drawn_face())
    offsets = np.asarray(face.points_px) - np.asarray(models.DRAWN_POINTS_PX)
    assert np.abs(offsets).max() < 12


def test_a_detector_that_finds_nothing_is_a_problem(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = np.full((320, 320, 3), 90, np.uint8)
    monkeypatch.setattr(models, "drawn_face", lambda: grey)
    finding = models.detector(Patient(weights_folder=weights))
    assert finding.state is PROBLEM
    assert "0 faces" in finding.text


class BlindScorer:
    """Scores nothing: every number is NaN."""

    model_id = "blind"
    crop_size_px = 64

    def score(self, crops: np.ndarray, wants_affect: np.ndarray | None = None) -> FaceScores:
        n = len(crops)
        assert crops.shape == (n, 64, 64, 3)

        def nothing(*shape: int) -> np.ndarray:
            return np.full(shape, np.nan, np.float32)

        au, side = len(AU_NAMES), len(SIDED_AU_NAMES)
        return FaceScores(
            nothing(n, au), nothing(n, au), nothing(n, side), nothing(n, len(EMOTIONS)),
            nothing(n), nothing(n), nothing(n),
        )  # fmt: skip


def test_a_scorer_that_gives_no_score_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = MappingProxyType({"blendshapes": lambda *_: BlindScorer()})
    monkeypatch.setattr("serving.catalogue.MODELS", catalogue)
    finding = models.scorer(ANYBODY)
    assert finding.state is PROBLEM
    assert "blind gave no score" in finding.text


def test_an_unknown_model_in_the_settings_is_a_problem_with_the_near_word() -> None:
    who = Patient(load_settings(overrides={"analysis.model": "blendshape"}, environ={}))
    state, text = ending(Check("scorer", models.scorer), who)
    assert state is PROBLEM
    assert "did you mean 'blendshapes'" in text
