"""Logs on stderr: one line a message, as text or JSON, with no secret and no control character."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TextIO

from pipeline.groups import LogSettings
from schemas.errors import escape_controls

BOUND_FIELDS = ("tenant", "call_id", "stream_id", "run_id", "epoch", "sequence", "step")
"""Fields that `bind` adds to messages, in the order they are written."""

VALUES = "values"
"""Key of `extra` that holds fields of one message: a dict of numbers and short texts."""

RESERVED = ("ts", "level", "logger", "message", "error")
ROOMS = ("schemas", "operators", "serving", "pipeline", "facestate")
MESSAGE_LENGTH_MAX = 8000
MASK = "***"

# A password may itself hold '/' or '@'; digits after the colon and then '/' are a port instead.
_USER_PART = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,20}://)"
    r"(?:[^\s/?#'\"]*|[^\s/?#'\"@:]*:(?!\d{1,5}[/?#])[^\s'\"]*)@"
)
_QUERY_PART = re.compile(
    r"(?P<key>[?&;](?:user(?:name)?|pass(?:word|wd)?|pwd|(?:access_?|auth_?)?token|secret"
    r"|(?:api_?)?key|sig(?:nature)?|x-amz-[a-z-]+)=)[^&;\s'\"]+",
    re.IGNORECASE,
)


def mask_secrets(text: str) -> str:
    """Return `text` with user, password and token of every address in it replaced by `***`."""
    if "://" in text:
        text = _USER_PART.sub(rf"\g<scheme>{MASK}@", text)
    if "=" in text:
        text = _QUERY_PART.sub(rf"\g<key>{MASK}", text)
    return text


@dataclass(frozen=True, slots=True)
class _Line:
    """The texts of one record, every one with its secrets masked."""

    message: str
    fields: dict[str, Any]
    traceback: str

    @classmethod
    def of(cls, record: logging.LogRecord) -> Self:
        """Read the record without changing it; other handlers may hold it too."""
        fields = {name: record.__dict__.get(name) for name in BOUND_FIELDS}
        for name, value in record.__dict__.get(VALUES, {}).items():
            assert name not in RESERVED, name
            fields[name] = value
        parts = [record.stack_info or ""]
        if record.exc_info:
            parts.insert(0, logging.Formatter().formatException(record.exc_info))
        return cls(
            mask_secrets(_shortened(record.getMessage())),
            {
                name: mask_secrets(value) if isinstance(value, str) else value
                for name, value in fields.items()
                if value is not None
            },
            mask_secrets(_shortened("\n".join(filter(None, parts)))),
        )


class TextFormatter(logging.Formatter):
    """One line for people; a traceback follows indented, so that it cannot pass for a message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `time level logger: message (field=value …)`."""
        line = _Line.of(record)
        text = f"{_time(record)} {record.levelname:<7} {record.name}: {line.message}"
        if line.fields:
            text += " (" + " ".join(f"{name}={v}" for name, v in line.fields.items()) + ")"
        lines = [escape_controls(text)]
        lines += [f"    | {escape_controls(part)}" for part in line.traceback.splitlines()]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ts, level, logger, message, the bound fields, and error where there is one."""
        line = _Line.of(record)
        content: dict[str, Any] = {
            "ts": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": line.message,
            **line.fields,
        }
        if line.traceback:
            content["error"] = line.traceback
        return json.dumps(content, default=str)


class BoundLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that adds its fields to every message."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the bound fields with those of the call, which win."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def bind(logger: logging.Logger | BoundLogger, **fields: str | int) -> BoundLogger:
    """Return `logger` with `fields` (of `BOUND_FIELDS`) on every message."""
    assert set(fields) <= set(BOUND_FIELDS), fields
    if isinstance(logger, BoundLogger):
        return BoundLogger(logger.logger, {**(logger.extra or {}), **fields})
    return BoundLogger(logger, fields)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever stderr is at the time of the message."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def configure_logs(settings: LogSettings, stream: TextIO | None = None) -> logging.Handler:
    """Send all logs to stderr (or `stream`) in the format and from the level of the settings.

    Other libraries are shown from `warning` on. Calling it again replaces what it set before.
    """
    handler = _StderrHandler() if stream is None else logging.StreamHandler(stream)
    handler.set_name("facestate")
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == "facestate"]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = getattr(logging, settings.level.upper())
    root.setLevel(max(level, logging.WARNING))
    for room in ROOMS:
        logging.getLogger(room).setLevel(level)
    return handler


def _shortened(text: str) -> str:
    """Cut a long text at a space, so that no half of a password is left over unmasked."""
    if len(text) <= MESSAGE_LENGTH_MAX:
        return text
    return text[:MESSAGE_LENGTH_MAX].rsplit(None, 1)[0] + " …"


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
