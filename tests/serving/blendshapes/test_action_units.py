"""Goal: weights become probabilities, intensities and sides. Method: hand-made models."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.names import AU_NAMES, SIDED_AU_NAMES
from serving.blendshapes.action_units import (
    COEFFICIENTS_FILE,
    LinearModel,
    balance,
    combine_sides,
    feature_value,
    load_models,
    score_action_units,
    sigmoid,
)
from serving.blendshapes.features import features
from serving.blendshapes.scorer import MODEL_ID
from serving.training.blendshape_recipe import NEVER_OBSERVED, RECIPES
from serving.training.fit_blendshapes import AUC_MIN
from tests.serving.blendshapes.meshes import front_points, mesh_of

SMILE = LinearModel({"mouthSmile": 10.0}, -5.0, intensity_slope=1.0, intensity_offset=0.0)
JAW = LinearModel({"jawOpen": 10.0}, -5.0, intensity_slope=1.0, intensity_offset=0.0)


def smile(left: float, right: float) -> dict[str, NDArray[np.float64]]:
    return {"mouthSmileLeft": np.array([left]), "mouthSmileRight": np.array([right])}


def column(name: str) -> int:
    return AU_NAMES.index(name)


def test_a_feature_is_taken_from_the_half_else_the_whole_face_else_the_mean() -> None:
    values = smile(0.8, 0.2) | {"jawOpen": np.array([0.5])}
    assert feature_value(values, "mouthSmile", "Left") == 0.8
    assert feature_value(values, "mouthSmile", "") == 0.5
    assert feature_value(values, "jawOpen", "Right") == 0.5


def test_an_action_unit_without_a_model_is_not_observed() -> None:
    units = score_action_units(smile(1.0, 1.0), {"AU12": SMILE})
    assert units.probability[0, column("AU12")] == pytest.approx(sigmoid(np.array(5.0)))
    seen = np.isfinite(units.probability[0])
    assert seen.sum() == 1
    assert np.isfinite(units.side[0]).sum() == 1


def test_a_model_that_cannot_tell_the_sides_gives_none() -> None:
    blind = replace(SMILE, has_side=False)
    units = score_action_units(smile(1.0, 0.0), {"AU12": blind})
    assert units.probability[0, column("AU12")] > 0.5
    assert np.isnan(units.side).all()


def test_an_action_unit_of_the_whole_face_has_no_side() -> None:
    units = score_action_units({"jawOpen": np.array([1.0])}, {"AU26": JAW})
    assert units.probability[0, column("AU26")] > 0.99
    assert np.isnan(units.side).all()


@pytest.mark.parametrize(
    ("left", "right", "sign"), [(1.0, 0.0, 1), (0.0, 1.0, -1), (1.0, 1.0, 0), (0.0, 0.0, 0)]
)
def test_the_side_is_positive_on_the_persons_left(left: float, right: float, sign: int) -> None:
    side = score_action_units(smile(left, right), {"AU12": SMILE}).side
    value = side[0, SIDED_AU_NAMES.index("AU12")]
    assert np.sign(np.round(value, 3)) == sign
    assert abs(value) > 0.9 or sign == 0


def test_a_one_sided_action_counts_more_than_half() -> None:
    assert combine_sides(np.array(4.0), np.array(-4.0)) == pytest.approx(2.0)
    assert combine_sides(np.array(-4.0), np.array(4.0)) == pytest.approx(2.0)
    assert combine_sides(np.array(3.0), np.array(3.0)) == pytest.approx(3.0)


def test_faint_differences_are_shown_as_balance() -> None:
    assert balance(np.array(0.1), np.array(0.0)) == pytest.approx(0.1)
    assert balance(np.array(5.0), np.array(0.0)) == pytest.approx(1.0)
    assert balance(np.array(0.0), np.array(5.0)) == pytest.approx(-1.0)


def test_extreme_features_stay_in_range_without_warnings() -> None:
    units = score_action_units(smile(1e6, -1e6), {"AU12": SMILE})
    assert 0.0 <= units.probability[0, column("AU12")] <= 1.0
    assert 0.0 <= units.intensity[0, column("AU12")] <= 5.0
    assert -1.0 <= units.side[0, SIDED_AU_NAMES.index("AU12")] <= 1.0


def test_intensity_rises_with_probability() -> None:
    logits = np.linspace(-6, 6, 25)
    for name, model in load_models().items():
        assert (np.diff(model.intensity(logits)) > 0).all(), name


def test_the_stored_coefficients_follow_the_recipe() -> None:
    stored = json.loads(COEFFICIENTS_FILE.read_text(encoding="utf-8"))
    assert stored["model_id"] == MODEL_ID
    assert list(stored["action_units"]) == list(AU_NAMES)
    for name, entry in stored["action_units"].items():
        if not entry["is_observed"]:
            assert entry["reason"], name
            continue
        signs = RECIPES[name].signs
        assert list(entry["weights"]) == list(signs), name
        assert all(weight * signs[key] >= 0 for key, weight in entry["weights"].items()), name
        assert entry["held_out"]["auc"] >= AUC_MIN, name


def test_what_is_never_observed_is_what_the_recipe_says() -> None:
    assert set(AU_NAMES) - set(load_models()) == set(NEVER_OBSERVED)


def test_every_stored_feature_exists_and_scores_a_face() -> None:
    units = score_action_units(features(mesh_of(front_points(), front_points(1))), load_models())
    assert np.isfinite(units.probability).sum(axis=1).tolist() == [len(load_models())] * 2
    assert units.probability.dtype == units.intensity.dtype == units.side.dtype == np.float32
