"""Goal: a library's notes do not reach stderr, everything else does, and stderr works afterwards.

Method: write to file descriptor 2 itself, as native code does, and read what pytest captured.
"""

import os

import pytest

from serving.blendshapes.quiet import without_notes


def test_notes_are_held_back_and_warnings_pass(capfd):
    with without_notes():
        os.write(2, b"INFO: a delegate was made\nWARNING: slow kernel\n")
    assert capfd.readouterr().err == "WARNING: slow kernel\n"


def test_stderr_works_again_afterwards_even_if_building_failed(capfd):
    with pytest.raises(ValueError, match="bad model"), without_notes():
        raise ValueError("bad model")
    os.write(2, b"INFO: heard again\n")
    assert capfd.readouterr().err == "INFO: heard again\n"


def test_a_closed_stderr_is_no_fault():
    before = os.dup(2)
    os.close(2)
    try:
        with without_notes():
            built = True
    finally:
        os.dup2(before, 2)
        os.close(before)
    assert built
