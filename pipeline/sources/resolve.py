"""What the user's words on the command line name: files, folders, globs, addresses, devices."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from schemas.errors import InputError, SourceMissingError, SourceRejectedError, near_word

VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".ts",
        ".mts",
        ".m2ts",
        ".avi",
        ".mpg",
        ".mpeg",
        ".flv",
        ".wmv",
        ".asf",
        ".ogv",
        ".3gp",
        ".3g2",
        ".mxf",
        ".gif",
        ".264",
        ".h264",
        ".265",
        ".h265",
        ".hevc",
        ".avc",
        ".ivf",
        ".mjpeg",
        ".mjpg",
    }
)
STILL_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
FILES_MAX = 100_000
_STEP = "find inputs"
_DEVICE = re.compile(r"/dev/video(\d{1,4})")
_WEBCAM = re.compile(r"webcam(?::(\d{1,4}))?")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LIVE_SCHEMES = ("rtsp", "rtsps")


class SourceKind(StrEnum):
    """How a source is read."""

    FILE = "file"
    RTSP = "rtsp"
    WEBCAM = "webcam"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One input: `name` is for people and logs, `location` for opening it.

    The location of an RTSP source may hold a password; it is left out of the repr and must not
    be logged.
    """

    kind: SourceKind
    name: str
    location: str = field(repr=False)

    @property
    def is_live(self) -> bool:
        """Tell whether the source has no end of its own."""
        return self.kind is not SourceKind.FILE


def resolve_inputs(texts: Sequence[str]) -> list[SourceSpec]:
    """Return the sources that `texts` name, each once, in the order given.

    Folders are searched recursively, in sorted order, by the suffixes of videos and stills; a
    folder within them that cannot be read becomes a source that fails when it is opened. Nothing
    is opened here. Raises SourceMissingError where a text names nothing, SourceRejectedError
    beyond 100,000 files.
    """
    specs: dict[str, SourceSpec] = {}
    for text in texts:
        for spec in _resolve(text):
            specs.setdefault(spec.location, spec)
            if len(specs) > FILES_MAX:
                raise SourceRejectedError(_STEP, f"more than {FILES_MAX} files", text)
    return list(specs.values())


def redacted(url: str) -> str:
    """Return an address without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _resolve(text: str) -> Iterator[SourceSpec]:
    device = _DEVICE.fullmatch(text) or _WEBCAM.fullmatch(text)
    address = _ADDRESS.match(text)
    if device is not None:
        number = device.group(1) or "0"
        yield SourceSpec(SourceKind.WEBCAM, f"webcam:{int(number)}", f"/dev/video{int(number)}")
    elif address is not None:
        yield _live(text, address.group(1).lower())
    else:
        yield from _paths(text)


def _live(url: str, scheme: str) -> SourceSpec:
    if scheme not in _LIVE_SCHEMES:
        raise InputError(
            _STEP,
            f"addresses of kind '{scheme}' are not read{near_word(scheme, _LIVE_SCHEMES)}",
            redacted(url),
            "give a file, a folder, rtsp://… or webcam:0",
        )
    return SourceSpec(SourceKind.RTSP, redacted(url), url)


def _paths(text: str) -> Iterator[SourceSpec]:
    path = Path(text)
    if not text or "\0" in text:
        raise SourceMissingError(_STEP, "an empty name or one with a NUL", text)
    if os.path.isdir(text):  # noqa: PTH112 - where a name is too long, Path raises
        yield from _folder(path)
    elif os.path.lexists(path):
        yield _file(path)
    elif glob.has_magic(text):
        yield from _glob(text)
    else:
        raise SourceMissingError(_STEP, "no such file or folder", text, "check the path")


def _glob(pattern: str) -> Iterator[SourceSpec]:
    matches = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207 - absolute too
    if not matches:
        raise SourceMissingError(_STEP, "nothing matches the pattern", pattern)
    for match in matches:
        path = Path(match)
        if path.is_dir():
            yield from _walk(path)
        elif path.suffix.lower() in VIDEO_SUFFIXES | STILL_SUFFIXES:
            yield _file(path)


def _folder(path: Path) -> Iterator[SourceSpec]:
    specs = list(_walk(path))
    if not specs:
        kinds = "mp4, mov, mkv, webm, ts, avi, gif, 264, jpg, png, …"
        raise SourceMissingError(
            _STEP, "the folder holds no video", str(path), f"looked for {kinds}"
        )
    yield from specs


def _walk(folder: Path) -> Iterator[SourceSpec]:
    """Yield the files below `folder` in sorted order; links to folders are not followed."""
    failed: list[str] = []
    walk = os.walk(folder, onerror=lambda error: failed.append(str(error.filename)))
    for root, folders, files in walk:
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in VIDEO_SUFFIXES | STILL_SUFFIXES:
                yield _file(Path(root) / name)
    for name in failed:
        yield _file(Path(name))


def _file(path: Path) -> SourceSpec:
    return SourceSpec(SourceKind.FILE, str(path), os.path.abspath(path))  # noqa: PTH100 - links stay
