"""Wall clocks that users write: the start of a recording."""

from datetime import UTC, datetime

from schemas.errors import UsageError

# Wall clocks outside these years are typing errors, not recordings.
YEAR_MIN, YEAR_MAX = 1971, 2200


def start_ms(text: str | None) -> int | None:
    """Return an ISO 8601 time as Unix ms; without an offset it is UTC. None stays None."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "start", "is not a time", text, "write it like 2026-03-01T09:30:00Z"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise UsageError("start", f"must lie in the years {YEAR_MIN} to {YEAR_MAX}", text)
    return round(at.timestamp() * 1000)
