"""A registration: regions have area and lie in the picture, unknown words are refused.

Method: tables of boxes and points.
"""

import pytest
from pydantic import ValidationError

from schemas.names import Consent, Role
from schemas.registration import MAX_FACES_LIMIT, REGION_COUNT_MAX, Region, Registration

ANNA = {"participant_id": "anna", "role": "customer"}
STREAM = {"call_id": "call1", "stream_id": "cam", "regions": [ANNA]}


def test_a_region_without_a_box_is_the_whole_picture():
    region = Region.model_validate(ANNA)
    assert region.box == (0.0, 0.0, 1.0, 1.0)
    assert region.holds(0.0, 0.0)
    assert region.holds(0.999, 0.5)


@pytest.mark.parametrize(
    ("x", "y", "is_in"),
    [
        (0.5, 0.5, True), (0.25, 0.2, True), (0.75, 0.5, False), (0.5, 0.8, False),
        (0.1, 0.5, False), (0.5, 0.1, False),
    ],
)  # fmt: skip
def test_a_region_holds_its_left_and_upper_edge_but_not_the_others(x, y, is_in):
    assert Region.model_validate(ANNA | {"box": (0.25, 0.2, 0.75, 0.8)}).holds(x, y) is is_in


def test_two_halves_share_no_point():
    left = Region.model_validate(ANNA | {"box": (0, 0, 0.5, 1)})
    right = Region.model_validate(ANNA | {"box": (0.5, 0, 1, 1)})
    for x in (0.0, 0.25, 0.4999, 0.5, 0.75, 0.9999):
        assert left.holds(x, 0.5) != right.holds(x, 0.5)


@pytest.mark.parametrize(
    "box",
    [
        (0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (0, 0.5, 1, 0.5), (-0.1, 0, 1, 1), (0, 0, 1.1, 1),
        (0, 0, 1), (0, 0, 1, float("nan")), (0, 0, float("inf"), 1), "left",
    ],
)  # fmt: skip
def test_a_box_without_area_or_beyond_the_picture_is_refused(box):
    with pytest.raises(ValidationError):
        Region.model_validate(ANNA | {"box": box})


@pytest.mark.parametrize(
    "change",
    [
        {"participant_id": "a/b"}, {"participant_id": ".."}, {"role": "king"}, {"max_faces": 0},
        {"max_faces": MAX_FACES_LIMIT + 1}, {"consent": "perhaps"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_a_region_with_a_wrong_word_is_refused(change):
    with pytest.raises(ValidationError):
        Region.model_validate(ANNA | change)


@pytest.mark.parametrize(
    "change",
    [
        {"regions": []}, {"regions": [ANNA] * (REGION_COUNT_MAX + 1)}, {"tenant": "a/b"},
        {"call_id": ""}, {"stream_id": "a\n"}, {"jurisdiction": "e u"}, {"jurisdiction": "e"},
        {"max_faces": 0}, {"note": "unknown"},
    ],
)  # fmt: skip
def test_a_registration_with_a_wrong_word_is_refused(change):
    with pytest.raises(ValidationError):
        Registration.model_validate(STREAM | change)


def test_where_nobody_said_anything_the_least_is_assumed():
    registration = Registration.model_validate(STREAM | {"regions": [{**ANNA, "role": "unknown"}]})
    [region] = registration.regions
    assert (region.role, region.consent) == (Role.UNKNOWN, Consent.UNKNOWN)
    assert (registration.tenant, registration.jurisdiction) == ("default", "default")


def test_it_travels_as_json():
    registration = Registration.model_validate(STREAM)
    assert Registration.model_validate_json(registration.model_dump_json()) == registration
