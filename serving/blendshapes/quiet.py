"""Keeps a native library's notes off stderr while something is built; its warnings stay."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOTE = b"INFO: "
KEPT_BYTES_MAX = 64 * 1024


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; pass on all but lines that begin `INFO: `.

    The library writes past Python and has no switch for it. The redirection is the whole
    process's, so use it only for moments.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        before = os.dup(2)
    except OSError:  # stderr is closed, so nothing is to be kept from it
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            _pass_on(held.read(KEPT_BYTES_MAX))


def _pass_on(text: bytes) -> None:
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(NOTE)]
    if lines:
        os.write(2, b"".join(lines))
