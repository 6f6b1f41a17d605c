"""Goal: the fit learns what it is told and nothing more. Method: made-up features and labels."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from operators import align as serving_align
from serving.training import blendshape_faces
from serving.training.blendshape_faces import RenderedFaces
from serving.training.blendshape_recipe import MASKED, NEVER_OBSERVED, RECIPES, Recipe
from serving.training.fit_blendshapes import NEUTRAL_PROBABILITY_MAX, fit_unit
from serving.training.logistic import fit_logistic, roc_auc

COUNT = 2000
SMILE = Recipe({"mouthSmile": 1, "jawOpen": 1}, "mouthSmile", present=0.25, absent=0.1)


def faces(strength: float) -> RenderedFaces:
    """Return faces whose mouthSmile channels follow the shape with `strength`; jawOpen is noise."""
    random = np.random.default_rng(1)
    weights = np.where(random.random((COUNT, 2)) < 0.5, 0.0, random.random((COUNT, 2)))
    noise = random.normal(0, 0.1, (COUNT, 3))
    values: Mapping[str, NDArray[np.float64]] = {
        "mouthSmileLeft": strength * weights[:, 0] + noise[:, 0],
        "mouthSmileRight": strength * weights[:, 1] + noise[:, 1],
        "jawOpen": noise[:, 2],
    }
    records = [{"shapes": {"mouthSmile_L": a, "mouthSmile_R": b}} for a, b in weights.tolist()]
    return RenderedFaces(values, records, (weights == 0).all(axis=1), {}, "")


def train() -> NDArray[np.bool_]:
    return np.arange(COUNT) % 5 > 0


def test_a_visible_action_is_learnt_and_neutral_faces_stay_quiet() -> None:
    unit = fit_unit("AU12", SMILE, faces(1.0), train())
    assert unit["is_observed"]
    assert unit["held_out"]["auc"] > 0.95
    assert unit["weights"]["mouthSmile"] > 5 * unit["weights"]["jawOpen"]
    assert unit["held_out"]["neutral_p95"] < 2 * NEUTRAL_PROBABILITY_MAX
    assert unit["intensity_slope"] > 0
    assert unit["has_side"]
    assert unit["side_auc"] > 0.95


def test_an_invisible_action_is_declared_not_observed() -> None:
    unit = fit_unit("AU12", SMILE, faces(0.0), train())
    assert not unit["is_observed"]
    assert "AUC" in unit["reason"]


def test_a_feature_that_moves_against_its_sign_gets_no_weight() -> None:
    unit = fit_unit("AU12", SMILE, faces(-1.0), train())
    assert not unit["is_observed"]


def test_sides_that_look_alike_are_declared_not_observed() -> None:
    made = faces(1.0)
    blurred = (made.features["mouthSmileLeft"] + made.features["mouthSmileRight"]) / 2
    alike = {**made.features, "mouthSmileLeft": blurred, "mouthSmileRight": blurred}
    unit = fit_unit(
        "AU12", SMILE, RenderedFaces(alike, made.records, made.is_neutral, {}, ""), train()
    )
    assert unit["is_observed"]
    assert not unit["has_side"]


def test_labels_mask_the_band_between_absent_and_visible() -> None:
    records = [{"shapes": {"mouthSmile_L": w, "mouthSmile_R": 0.0}} for w in (0.0, 0.2, 0.6)]
    few = RenderedFaces({}, records, np.zeros(3, bool), {}, "")
    assert SMILE.labels(few, "Left").tolist() == [0, MASKED, 1]
    assert SMILE.labels(few, "Right").tolist() == [0, 0, 0]
    assert SMILE.labels(few, "").tolist() == [0, MASKED, 1]


def test_a_stronger_antagonist_hides_the_action() -> None:
    shapes = {"eyeWide_L": 0.7, "eyeWide_R": 0.7, "eyeBlink_L": 0.9, "eyeBlink_R": 0.9}
    few = RenderedFaces({}, [{"shapes": shapes}], np.zeros(1, bool), {}, "")
    assert RECIPES["AU05"].labels(few, "").tolist() == [MASKED]


def test_the_recipe_covers_every_action_unit_once() -> None:
    assert not set(RECIPES) & set(NEVER_OBSERVED)
    assert len(RECIPES) + len(NEVER_OBSERVED) == 25
    assert all(2 <= len(recipe.signs) <= 6 for recipe in RECIPES.values())


def test_the_logistic_fit_finds_known_weights() -> None:
    random = np.random.default_rng(0)
    x = random.normal(3.0, 2.0, (20000, 2))
    target = random.random(20000) < 1 / (1 + np.exp(-(x @ [1.0, -0.5] - 1.0)))
    model = fit_logistic(x, target.astype(float), np.array([1.0, -1.0]), penalty=0.0)
    assert model.weights == pytest.approx([1.0, -0.5], abs=0.06)
    assert model.intercept == pytest.approx(-1.0, abs=0.15)


def test_a_wrong_sign_is_held_at_zero() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 1))
    target = (x[:, 0] > 0).astype(float)
    assert fit_logistic(x, target, np.array([-1.0]), penalty=0.01).weights == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("score", "auc"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5)]
)
def test_auc_counts_ties_half(score: list[float], auc: float) -> None:
    assert roc_auc(np.array(score, float), np.array([0, 0, 1, 1])) == auc


def test_auc_needs_both_classes() -> None:
    assert np.isnan(roc_auc(np.arange(3.0), np.ones(3, int)))


def test_training_cuts_faces_as_serving_does() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (160, 160, 3)).astype(np.uint8)
    points = np.array([[60, 60], [100, 58], [82, 85], [65, 105], [98, 104]], float)
    ours = blendshape_faces.align(picture, points)
    theirs = serving_align.align(np.ascontiguousarray(picture[..., ::-1]), points, 256)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    np.testing.assert_array_equal(blendshape_faces.TEMPLATE, np.array(serving_align.TEMPLATE))
