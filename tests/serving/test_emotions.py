"""Goal: prototypes give the expression they define. Method: faces made of action units."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from serving.emotions import AGAINST, CIRCUMPLEX, VARIANTS, Expressions, read_expressions


def face(present: str, level: float = 0.95, rest: float = 0.02) -> NDArray[np.float32]:
    au = np.full((1, len(AU_NAMES)), rest, np.float32)
    for number in present.split():
        au[0, AU_NAMES.index(f"AU{int(number):02d}")] = level
    return au


def sides(name: str = "", value: float = 0.0) -> NDArray[np.float32]:
    side = np.zeros((1, len(SIDED_AU_NAMES)), np.float32)
    if name:
        side[0, SIDED_AU_NAMES.index(name)] = value
    return side


def strongest(found: Expressions) -> str:
    return EMOTIONS[int(found.emotion[0].argmax())]


def score(found: Expressions, name: str) -> float:
    return float(found.emotion[0, EMOTIONS.index(name)])


@pytest.mark.parametrize(
    ("units", "expression"),
    [
        ("", "neutral"),
        ("25 26", "neutral"),
        ("6 12", "happiness"),
        ("12 25", "happiness"),
        ("6 12 25 43", "happiness"),
        ("1 4 15", "sadness"),
        ("1 4 15 17", "sadness"),
        ("1 2 5 26", "surprise"),
        ("1 2 27", "surprise"),
        ("1 2 4 5 20 25", "fear"),
        ("9", "disgust"),
        ("10 17", "disgust"),
        ("4 5 7 24", "anger"),
        ("4 7 17", "anger"),
    ],
)
def test_a_prototype_reads_as_its_expression(units: str, expression: str) -> None:
    assert strongest(read_expressions(face(units), sides())) == expression


@pytest.mark.parametrize("au", ["AU12", "AU14"])
@pytest.mark.parametrize("tilt", [0.9, -0.9])
def test_a_one_sided_lip_corner_carries_contempt(au: str, tilt: float) -> None:
    number = au.removeprefix("AU")
    even = read_expressions(face(number), sides())
    uneven = read_expressions(face(number), sides(au, tilt))
    assert score(even, "contempt") == 0.0
    assert score(uneven, "contempt") > 0.3


def test_shut_eyes_over_closed_lips_are_no_smile() -> None:
    assert strongest(read_expressions(face("4 6 12 43"), sides())) != "happiness"
    assert strongest(read_expressions(face("6 12 43"), sides())) != "happiness"


def test_the_eight_are_a_distribution_and_the_axes_are_bounded() -> None:
    random = np.random.default_rng(0)
    au = random.random((500, len(AU_NAMES))).astype(np.float32)
    side = random.uniform(-1, 1, (500, len(SIDED_AU_NAMES))).astype(np.float32)
    found = read_expressions(au, side)
    assert (found.emotion >= 0).all()
    np.testing.assert_allclose(found.emotion.sum(axis=1), 1.0, atol=1e-5)
    assert np.abs(found.valence).max() <= 1.0
    assert np.abs(found.arousal).max() <= 1.0
    assert found.emotion.dtype == found.valence.dtype == np.float32


def test_noise_of_a_neutral_face_leaves_it_neutral() -> None:
    found = read_expressions(face("", rest=0.1), sides())
    assert score(found, "neutral") == pytest.approx(1.0, abs=1e-6)
    assert found.valence[0] == pytest.approx(0.0, abs=1e-6)


def test_more_smile_means_more_happiness_and_more_valence() -> None:
    levels = [read_expressions(face("6 12", level), sides()) for level in (0.2, 0.5, 0.8, 0.99)]
    happy = [score(found, "happiness") for found in levels]
    assert happy == sorted(happy)
    valence = [float(found.valence[0]) for found in levels]
    assert valence == sorted(valence)
    assert valence[-1] > 0.7


def test_an_unobserved_unit_is_skipped_and_never_counts_as_absent() -> None:
    au = face("12")
    au[0, AU_NAMES.index("AU06")] = math.nan
    assert strongest(read_expressions(au, sides())) == "happiness"


def test_a_variant_that_is_half_unseen_is_no_evidence() -> None:
    au = face("5 26")
    au[:, [AU_NAMES.index(name) for name in ("AU01", "AU02", "AU26", "AU27")]] = math.nan
    assert score(read_expressions(au, sides()), "surprise") < 0.5


def test_nothing_observed_gives_nothing() -> None:
    au = np.full((2, len(AU_NAMES)), math.nan, np.float32)
    au[1] = 0.0
    found = read_expressions(au, np.zeros((2, len(SIDED_AU_NAMES)), np.float32))
    assert np.isnan(found.emotion[0]).all()
    assert math.isnan(found.valence[0])
    assert math.isnan(found.arousal[0])
    assert np.isfinite(found.emotion[1]).all()


def test_an_unobserved_side_takes_contempt_away_only() -> None:
    side = np.full((1, len(SIDED_AU_NAMES)), math.nan, np.float32)
    found = read_expressions(face("6 12"), side)
    assert strongest(found) == "happiness"
    assert score(found, "contempt") == 0.0


def test_no_faces_give_empty_tables() -> None:
    found = read_expressions(np.zeros((0, 25), np.float32), np.zeros((0, 12), np.float32))
    assert found.emotion.shape == (0, 8)
    assert found.valence.shape == (0,)


def test_the_tables_name_only_what_exists() -> None:
    assert set(VARIANTS) | {"neutral"} == set(EMOTIONS) == set(CIRCUMPLEX)
    assert set(AGAINST) == set(VARIANTS)
    units = {
        unit for variants in VARIANTS.values() for text, _ in variants for unit in text.split()
    }
    for unit in units | {unit for units in AGAINST.values() for unit in units}:
        name = f"AU{int(unit.lstrip('LS')):02d}"
        assert name in AU_NAMES
        assert not unit.startswith("L") or name in SIDED_AU_NAMES
