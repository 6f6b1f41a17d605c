"""The error tree of facestate.

FacestateError                      exit code
├── UsageError                      2   the command or the settings are off
│   ├── SettingsError
│   └── NameRefusedError            a tenant, call, stream or run id that is not a name
├── InputError                      3   the input cannot be read or holds no video
│   ├── SourceMissingError
│   ├── SourceUnreadableError
│   └── SourceRejectedError         a size, dimension or duration beyond the bounds
├── AlreadyThereError               4   the call was analysed before
├── SinkError                       5   a table or Redis did not take the data
│   └── DiskFullError
├── FencedError                     6   another process has taken this stream over
├── ModelError                      7   weights missing, altered or of the wrong kind
│   ├── ModelMissingError
│   └── ModelAlteredError
└── NotFoundError                   8   no such call, run or track in the tables

Exit code 1 means that a check ran and failed (`facestate ledger`, `facestate doctor`).
"""

from difflib import get_close_matches


class FacestateError(Exception):
    """Root of the tree; the text says which step, what happened, what was given, what to do."""

    exit_code = 70

    def __init__(self, step: str, happened: str, given: object = None, remedy: str = "") -> None:
        """Keep the four parts; `given` is shown shortened, on one line."""
        self.step = step
        self.happened = happened
        self.given = given
        self.remedy = remedy
        super().__init__(step, happened, given, remedy)

    def __reduce__(self) -> tuple[object, ...]:
        """Let errors travel between processes whatever their constructors take."""
        return _revive, (type(self), dict(self.__dict__))

    def __str__(self) -> str:
        """Return `step: happened (given …); remedy`, always one line of printable text."""
        text = f"{self.step}: {self.happened}"
        if self.given is not None:
            text += f" (given {_one_line(self.given)})"
        if self.remedy:
            text += f"; {self.remedy}"
        return escape_controls(text)


class UsageError(FacestateError):
    """The command line or a call was wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings file or environment variable was wrong."""


class NameRefusedError(UsageError):
    """An id from outside does not match `schemas.names.NAME_PATTERN`."""


class InputError(FacestateError):
    """The input cannot be used."""

    exit_code = 3


class SourceMissingError(InputError):
    """Nothing is there under the given name."""


class SourceUnreadableError(InputError):
    """Something is there, but no video can be decoded from it."""


class SourceRejectedError(InputError):
    """A bound on size, dimensions or duration was exceeded before anything was allocated."""


class AlreadyThereError(FacestateError):
    """The call was analysed before; `call_id` and `run_id` name what is there.

    `is_same` tells whether that was done with the same model, settings and registration.
    """

    exit_code = 4

    def __init__(
        self, happened: str, call_id: str, run_id: str, remedy: str, *, is_same: bool = True
    ) -> None:
        """Name the call and the run that are there."""
        super().__init__("start", happened, f"call {call_id}, run {run_id}", remedy)
        self.call_id = call_id
        self.run_id = run_id
        self.is_same = is_same


class SinkError(FacestateError):
    """A sink refused the data; nothing half-written is visible."""

    exit_code = 5


class DiskFullError(SinkError):
    """No space is left where the tables are."""


class FencedError(FacestateError):
    """Another process took `application`'s stream over; this one must not write."""

    exit_code = 6

    def __init__(self, step: str, application: str, expected: object, found: object) -> None:
        """Name the transaction that does not stand where it was expected."""
        super().__init__(
            step,
            "another process has written this stream since",
            f"{application}: expected {expected}, found {found}",
            "stop one of the two; the other's rows are complete",
        )
        self.application = application


class ModelError(FacestateError):
    """Model weights cannot be used."""

    exit_code = 7


class ModelMissingError(ModelError):
    """The weights are not in the cache."""


class ModelAlteredError(ModelError):
    """The weights do not have the pinned hash."""


class NotFoundError(FacestateError):
    """The tables hold no such thing."""

    exit_code = 8


def near_word(word: str, allowed: tuple[str, ...] | list[str]) -> str:
    """Return ", did you mean 'x'?" for the allowed word nearest to `word`, or an empty text."""
    matches = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f", did you mean '{matches[0]}'?" if matches else ""


def _revive(kind: type[FacestateError], parts: dict[str, object]) -> FacestateError:
    error = kind.__new__(kind)
    error.__dict__.update(parts)
    return error


def _one_line(given: object, length_max: int = 200) -> str:
    text = given if isinstance(given, str) else repr(given)
    text = escape_controls(text)
    return f"'{text}'" if len(text) <= length_max else f"'{text[: length_max - 1]}…'"


def escape_controls(text: str) -> str:
    """Return the text on one line, control characters written out as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
