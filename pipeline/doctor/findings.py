"""What a check is given and what it says."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline.settings import Settings
from schemas.errors import FacestateError


class CheckState(StrEnum):
    """How grave a finding is; a problem keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in one line, and what to do about it."""

    state: CheckState
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with the name of its check and the time it took."""

    name: str
    state: CheckState
    text: str
    remedy: str
    took_ms: float


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: the settings in force, and where they and the weights come from.

    settings_error: why the settings could not be read; `settings` then holds the defaults.
    weights_folder: None means the default folder.
    """

    settings: Settings = field(default_factory=Settings)
    settings_file: Path | None = None
    settings_error: FacestateError | None = None
    weights_folder: Path | None = None


def ok(text: str) -> Finding:
    """Return that all is well."""
    return Finding(CheckState.OK, text)


def warning(text: str, remedy: str) -> Finding:
    """Return that something works less well than it could."""
    return Finding(CheckState.WARNING, text, remedy)


def problem(text: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(CheckState.PROBLEM, text, remedy)
