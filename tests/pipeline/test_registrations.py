"""Goal: what a user says of the faces in a picture becomes a registration, or one clear refusal.

Method: tables of texts and what they mean.
"""

from typing import Any

import pytest

from pipeline.registrations import NAMED_BOXES, Whose, check_name, one_of, parse_region, parse_role
from schemas.errors import NameRefusedError, UsageError
from schemas.names import ROLE_MEANINGS, Consent, Role
from schemas.registration import MAX_FACES_LIMIT, REGION_COUNT_MAX, Registration

WHOLE = (0.0, 0.0, 1.0, 1.0)


def registered(**said: Any) -> Registration:
    return Whose(**said).registration("default", "call", "stream")


# One region


REGIONS = {
    "left=customer": ("left", "customer", (0.0, 0.0, 0.5, 1.0), 1),
    "right=agent": ("right", "agent", (0.5, 0.0, 1.0, 1.0), 1),
    "top=customer": ("top", "customer", (0.0, 0.0, 1.0, 0.5), 1),
    "bottom=performer": ("bottom", "performer", (0.0, 0.5, 1.0, 1.0), 1),
    "whole=customer*3": ("whole", "customer", WHOLE, 3),
    "desk=agent@0.5,0,1,0.6": ("desk", "agent", (0.5, 0.0, 1.0, 0.6), 1),
    "desk=agent*2@0,0,1,1": ("desk", "agent", WHOLE, 2),
    "left=agent@0,0,0.3,1": ("left", "agent", (0.0, 0.0, 0.3, 1.0), 1),
    "a.b_c-9=customer@ 0 , 0 , 1 , 1 ": ("a.b_c-9", "customer", WHOLE, 1),
}


@pytest.mark.parametrize("text", REGIONS)
def test_a_region_is_read(text: str) -> None:
    region = parse_region(text, Consent.GIVEN)
    name, role, box, max_faces = REGIONS[text]
    assert (region.participant_id, region.role, region.box) == (name, role, box)
    assert (region.max_faces, region.consent) == (max_faces, Consent.GIVEN)


@pytest.mark.parametrize("name", NAMED_BOXES)
def test_a_region_without_a_role_takes_the_role_option(name: str) -> None:
    region = parse_region(name, Consent.UNKNOWN, "customer")
    assert (region.role, region.box) == (Role.CUSTOMER, NAMED_BOXES[name])


UNREADABLE = (
    "desk=agent",
    "desk=agent@",
    "desk=agent@0,0,1",
    "desk=agent@0,0,1,1,1",
    "desk=agent@0;0;1;1",
    "desk=agent@a,0,1,1",
    "desk=agent@0,0,1,1.5",
    "desk=agent@-0.1,0,1,1",
    "desk=agent@0.5,0,0.5,1",
    "desk=agent@0.6,0,0.5,1",
    "desk=agent@nan,0,1,1",
    "desk=agent@0,0,inf,1",
    "left=agent*0",
    "left=agent*-1",
    "left=agent*33",
    "left=agent*two",
    "left=agent*2.5",
)


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_region_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_region(text, Consent.UNKNOWN)
    told = str(refusal.value)
    assert refusal.value.exit_code == 2
    assert text in told
    assert "--regions left=customer" in told
    assert "\n" not in told


@pytest.mark.parametrize("text", ["=agent", "a b=agent@0,0,1,1", "../x=agent@0,0,1,1", ""])
def test_a_region_whose_name_is_none_is_refused(text: str) -> None:
    with pytest.raises(NameRefusedError):
        parse_region(text, Consent.UNKNOWN)


@pytest.mark.parametrize("text", ["left=", "left", "left=@0,0,1,1"])
def test_a_region_whose_role_nobody_said_is_refused_with_the_roles(text: str) -> None:
    with pytest.raises(UsageError, match="performer"):
        parse_region(text, Consent.UNKNOWN)


# Roles


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.UNKNOWN])
def test_every_role_but_unknown_can_be_said(role: Role) -> None:
    assert parse_role(str(role)) is role


@pytest.mark.parametrize("text", [None, ""])
def test_without_a_role_all_roles_are_listed_with_their_meaning(text: str | None) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_role(text)
    told = str(refusal.value)
    assert refusal.value.exit_code == 2
    for role, meaning in ROLE_MEANINGS.items():
        assert (f"{role}" in told and meaning in told) is (role is not Role.UNKNOWN), role


@pytest.mark.parametrize(("text", "near"), [("custmer", "customer"), ("agnet", "agent")])
def test_a_misspelt_role_is_refused_with_the_near_word(text: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{near}'"):
        parse_role(text)


@pytest.mark.parametrize("text", ["unknown", "Customer", "boss"])
def test_other_words_are_no_roles(text: str) -> None:
    with pytest.raises(UsageError, match="must be one of customer, agent, performer"):
        parse_role(text)


# Whole registrations


def test_a_role_alone_means_every_face_of_the_picture() -> None:
    registration = registered(role="customer")
    (region,) = registration.regions
    assert (region.participant_id, region.role, region.box) == ("customer", "customer", WHOLE)
    assert (region.max_faces, registration.max_faces) == (MAX_FACES_LIMIT, MAX_FACES_LIMIT)
    assert (region.consent, registration.jurisdiction) == (Consent.UNKNOWN, "default")
    assert (registration.tenant, registration.call_id) == ("default", "call")


def test_a_participant_can_be_named_and_faces_limited() -> None:
    (region,) = registered(role="agent", participant_id="kim", max_faces=1).regions
    assert (region.participant_id, region.max_faces) == ("kim", 1)


def test_consent_holds_for_every_region() -> None:
    said = {"regions": ("left=customer", "right=agent"), "consent": "refused"}
    registration = registered(**said, jurisdiction="EU", max_faces=2)
    assert [region.consent for region in registration.regions] == [Consent.REFUSED] * 2
    assert (registration.jurisdiction, registration.max_faces) == ("EU", 2)


REFUSED: dict[str, dict[str, Any]] = {
    "no role": {},
    "unknown consent": {"role": "customer", "consent": "maybe"},
    "unknown jurisdiction": {"role": "customer", "jurisdiction": "Atlantis"},
    "absurd jurisdiction": {"role": "customer", "jurisdiction": "E/U\n"},
    "no faces": {"role": "customer", "max_faces": 0},
    "fewer than no faces": {"role": "customer", "max_faces": -1},
    "too many faces": {"role": "customer", "max_faces": MAX_FACES_LIMIT + 1},
    "too many regions": {
        "regions": tuple(f"r{n}=customer@0,0,1,1" for n in range(REGION_COUNT_MAX + 1))
    },
    "a bad region among good ones": {"regions": ("left=customer", "right=agnt")},
    "a participant that is no name": {"role": "customer", "participant_id": "a/b"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unclear_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as refusal:
        registered(**REFUSED[name])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("names", [("", "c", "s"), ("t", "a/b", "s"), ("t", "c", "..")])
def test_ids_that_are_no_names_are_refused(names: tuple[str, str, str]) -> None:
    with pytest.raises(NameRefusedError):
        Whose(role="customer").registration(*names)


def test_two_regions_cannot_hold_one_participant_in_two_roles() -> None:
    with pytest.raises(UsageError, match="left"):
        registered(regions=("left=customer@0,0,0.5,1", "left=agent@0.5,0,1,1"))


# Names and words


@pytest.mark.parametrize("name", ["a", "A.b-c_9", "x" * 128, "..."])
def test_a_name_is_given_back(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a b", "a\n", "é", "x" * 129, "\0"])
def test_what_is_no_name_is_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(NameRefusedError) as refusal:
        check_name(name)
    assert str(refusal.value).isprintable()


def test_a_word_of_a_closed_set_is_given_back_or_refused_with_all_of_them() -> None:
    assert one_of("--fruit", "pear", ["apple", "pear"]) == "pear"
    with pytest.raises(UsageError, match="must be one of apple, pear, did you mean 'pear'"):
        one_of("--fruit", "paer", ["apple", "pear"])
