"""Runs one redis-server and ends it with the process that asked, however that one ends.

Started as a program of its own with `<pid of the asker> <folder> <redis-server> <arguments…>` and
a pipe on stdin. The end of the pipe or of the asker (kill -9 included) ends the server and removes
the folder. A pipe alone would not do: a forked child of the asker may keep its other end open.
Imports nothing of facestate, so that it starts at once.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

POLL_S = 0.5
TERM_WAIT_S = 2.0
PR_SET_PDEATHSIG = 1


def main(asker: int, folder: str, command: list[str]) -> int:
    """Start `command`, wait for its end or the asker's, clean up; return its exit status."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_end_with_parent,  # noqa: PLW1509, this program has one thread
    ) as server:
        try:
            while server.poll() is None and not _asker_is_gone(asker):
                pass
        finally:
            # Where the server ended by itself its log is still wanted; the asker removes it.
            if server.poll() is None:
                _end(server)
                shutil.rmtree(folder, ignore_errors=True)
    return server.returncode


def _end_with_parent() -> None:
    """Let Linux kill the server should this program itself be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _asker_is_gone(asker: int) -> bool:
    """Wait up to POLL_S for the end of the pipe; tell whether the asker is gone."""
    ready, _, _ = select.select([0], [], [], POLL_S)
    return bool(ready and not os.read(0, 64)) or os.getppid() != asker


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(TERM_WAIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(TERM_WAIT_S)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
