"""An error is one printable line, and its exit code is the documented one.

Method: Hypothesis fills the parts of messages; the tree in the module's docstring is read back.
"""

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.main import EXIT_CODES
from schemas import errors
from schemas.errors import FacestateError, InputError, SinkError, UsageError, near_word


def tree(root: type[FacestateError] = FacestateError) -> list[type[FacestateError]]:
    return [root] + [kind for child in root.__subclasses__() for kind in tree(child)]


def is_one_printable_line(text: str) -> bool:
    return text.isprintable() and len(text.splitlines()) <= 1


def test_a_message_says_step_what_given_and_what_to_do():
    error = InputError("decode", "no video in it", "notes.mp4", "give a video")
    assert str(error) == "decode: no video in it (given 'notes.mp4'); give a video"


def test_parts_that_are_not_there_leave_no_trace():
    assert str(InputError("decode", "no video in it")) == "decode: no video in it"


@given(st.one_of(st.text(), st.binary(), st.lists(st.text()), st.integers()))
def test_whatever_was_given_the_message_is_one_printable_line(given_value):
    assert is_one_printable_line(str(InputError("decode", "refused", given_value, "go on")))


@given(st.text(), st.text())
def test_words_that_come_from_elsewhere_do_not_break_the_line(happened, remedy):
    assert is_one_printable_line(str(SinkError("redis", happened, "x", remedy)))


def test_what_was_given_is_shortened():
    assert len(str(InputError("decode", "refused", "x" * 10_000))) < 250


@pytest.mark.parametrize("kind", tree())
def test_an_error_survives_the_way_to_another_process(kind):
    error = kind("decode", "refused", "x", "go on")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301, our own bytes
    assert type(copy) is kind
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_every_error_stands_in_the_tree_that_the_module_draws():
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"\w+Error\b", errors.__doc__))
    assert drawn == {kind.__name__ for kind in tree()}


def test_the_exit_codes_drawn_are_the_exit_codes_used():
    assert errors.__doc__ is not None
    drawn = dict(re.findall(r"^[├└]── (\w+Error) +(\d+) ", errors.__doc__, re.MULTILINE))
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in FacestateError.__subclasses__()}


def test_each_branch_has_an_exit_code_of_its_own_which_its_twigs_share():
    codes = [kind.exit_code for kind in FacestateError.__subclasses__()]
    assert len(codes) == len(set(codes))
    assert not {0, 1} & set(codes)
    for branch in FacestateError.__subclasses__():
        assert {kind.exit_code for kind in tree(branch)} == {branch.exit_code}


def test_the_help_of_the_command_names_every_exit_code():
    named = {int(number) for number in re.findall(r"\s(\d+) \w", EXIT_CODES)}
    assert {kind.exit_code for kind in FacestateError.__subclasses__()} < named
    assert {0, 1} < named


@pytest.mark.parametrize(
    ("word", "hint"),
    [("timelin", ", did you mean 'timeline'?"), ("zzz", ""), ("ledgr", ", did you mean 'ledger'?")],
)
def test_the_near_word_is_suggested_and_no_far_one(word, hint):
    assert near_word(word, ["timeline", "ledger", "run"]) == hint


def test_a_wrong_setting_is_a_wrong_usage():
    assert issubclass(errors.SettingsError, UsageError)
