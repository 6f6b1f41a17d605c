"""Goal: the scorer keeps the seam's promises. Method: a group photo of five real faces."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from schemas.scores import FaceScores, Scorer
from serving.blendshapes.action_units import load_models
from serving.blendshapes.network import FaceMeshNetwork
from serving.blendshapes.scorer import BlendshapeScorer

Crops = NDArray[np.uint8]
SMILES = [True, True, False, True, True]


def of(scores: FaceScores, name: str) -> NDArray[np.float32]:
    return scores.au[:, AU_NAMES.index(name)]


def test_it_is_a_scorer(scorer: BlendshapeScorer) -> None:
    seam: Scorer = scorer
    assert seam.model_id == "blendshapes-1"
    assert seam.crop_size_px == 256


def test_it_finds_the_four_smiles(scorer: BlendshapeScorer, five_faces: Crops) -> None:
    scores = scorer.score(five_faces)
    strength = scores.au_intensity[:, AU_NAMES.index("AU12")]
    assert strength[SMILES].min() > 2 * strength[2]
    assert ((of(scores, "AU25") > 0.5) == SMILES).all()
    happiness = scores.emotion[:, EMOTIONS.index("happiness")]
    assert (happiness[SMILES] > 0.5).all()
    assert (scores.confidence > 0.9).all()


def test_a_score_depends_on_its_own_crop_only(scorer: BlendshapeScorer, five_faces: Crops) -> None:
    together, alone = scorer.score(five_faces), scorer.score(five_faces[3:4])
    np.testing.assert_array_equal(together.au[3], alone.au[0])
    np.testing.assert_array_equal(together.emotion[3], alone.emotion[0])


def test_a_mirrored_face_scores_alike_with_sides_swapped(
    scorer: BlendshapeScorer, five_faces: Crops
) -> None:
    smiling = five_faces[np.array(SMILES)]
    straight = scorer.score(smiling)
    mirrored = scorer.score(np.ascontiguousarray(smiling[:, :, ::-1]))
    np.testing.assert_allclose(of(straight, "AU12"), of(mirrored, "AU12"), atol=0.2)
    smile = SIDED_AU_NAMES.index("AU12")
    np.testing.assert_allclose(straight.au_side[:, smile], -mirrored.au_side[:, smile], atol=0.3)


def test_every_value_is_in_its_range_or_not_observed(
    scorer: BlendshapeScorer, five_faces: Crops
) -> None:
    scores = scorer.score(five_faces)
    seen = np.isfinite(scores.au)
    assert (seen == [name in load_models() for name in AU_NAMES]).all()
    assert ((scores.au[seen] >= 0) & (scores.au[seen] <= 1)).all()
    assert ((scores.au_intensity[seen] >= 0) & (scores.au_intensity[seen] <= 5)).all()
    assert np.nanmax(np.abs(scores.au_side)) <= 1


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_crop_without_a_face_is_not_observed(scorer: BlendshapeScorer, level: int) -> None:
    scores = scorer.score(np.full((2, 256, 256, 3), level, np.uint8))
    assert (scores.confidence < 0.5).all()
    for values in (scores.au, scores.au_intensity, scores.au_side, scores.emotion):
        assert np.isnan(values).all()
    assert np.isnan(scores.valence).all()


def test_no_crops_give_no_scores(scorer: BlendshapeScorer) -> None:
    assert len(scorer.score(np.zeros((0, 256, 256, 3), np.uint8))) == 0


def test_threads_get_the_same_scores(scorer: BlendshapeScorer, five_faces: Crops) -> None:
    expected = scorer.score(five_faces).au
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: scorer.score(five_faces).au, range(8)):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 112, 112, 3), np.uint8),
        np.zeros((256, 256, 3), np.uint8),
        np.zeros((1, 256, 256, 3), np.float32),
    ],
)
def test_crops_of_another_kind_are_refused(scorer: BlendshapeScorer, crops: Crops) -> None:
    with pytest.raises(ValueError, match="uint8"):
        scorer.score(crops)


@pytest.mark.parametrize("threads_count", [0, 17])
def test_the_number_of_threads_is_bounded(task: bytes, threads_count: int) -> None:
    with pytest.raises(ValueError, match="allowed 1"):
        FaceMeshNetwork(task, threads_count=threads_count)


def test_blendshapes_alone_equal_those_of_the_whole_run(task: bytes, five_faces: Crops) -> None:
    network = FaceMeshNetwork(task)
    mesh = network(five_faces)
    np.testing.assert_array_equal(network.blendshapes_of(mesh.landmarks_px), mesh.blendshapes)
