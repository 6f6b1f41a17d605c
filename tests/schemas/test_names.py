"""Names from outside are taken or refused whole; the closed sets of names agree with each other.

Method: tables of names, and Hypothesis against the rule spelt out.
"""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import (
    AU_MEANINGS,
    AU_NAMES,
    AU_NUMBERS,
    EMOTIONS,
    ROLE_MEANINGS,
    SIDED_AU_NAMES,
    Role,
    is_name,
)

ALLOWED = string.ascii_letters + string.digits + "._-"


@pytest.mark.parametrize("name", ["a", "call-2024.01_x", "...", ".hidden", "-", "x" * 128])
def test_a_name_is_taken(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a b", "a\n", "\na", "a\x00b", "a:b", "ä", "{a}", "x" * 129],
)
def test_what_could_lead_elsewhere_is_refused(name):
    assert not is_name(name)


@given(st.text(max_size=200))
def test_a_name_is_1_to_128_of_the_allowed_characters_and_no_dots_alone(text):
    is_plain = 1 <= len(text) <= 128 and all(character in ALLOWED for character in text)
    assert is_name(text) == (is_plain and text not in (".", ".."))


@given(st.text(alphabet=ALLOWED, min_size=1, max_size=128))
def test_every_short_text_of_allowed_characters_is_taken(text):
    assert is_name(text) or text in (".", "..")


def test_there_are_25_action_units_each_with_a_meaning():
    assert len(AU_NAMES) == len(set(AU_NUMBERS)) == 25
    assert list(AU_NUMBERS) == sorted(AU_NUMBERS)
    assert tuple(AU_MEANINGS) == AU_NAMES
    assert len(set(AU_MEANINGS.values())) == 25


def test_action_units_that_may_be_on_one_side_are_action_units():
    assert set(SIDED_AU_NAMES) < set(AU_NAMES)
    assert len(SIDED_AU_NAMES) == len(set(SIDED_AU_NAMES)) == 12


def test_there_are_eight_expressions():
    assert len(set(EMOTIONS)) == 8


def test_every_role_is_explained():
    assert set(ROLE_MEANINGS) == set(Role)
