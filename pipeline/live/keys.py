"""The names that facestate uses in Redis: keys, entry ids, hash fields and what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.errors import NameRefusedError
from schemas.names import NAME_PATTERN, is_name
from schemas.windows import WINDOW_SIZES_S

PREFIX = "facestate"
NO_TRACK = "-"


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """What one key or hash field of Redis is, for docs/outputs.md."""

    name: str
    kind: str
    holds: str


KEY_DOCS = (
    KeyDoc("facestate:{tenant/stream}:events", "stream",
           "one entry per row of `frames`; id `(epoch_start_ms + sequence)-(row + 1)`; fields "
           "`event` (JSON of the columns that are not null), `event_ms`, `track_id`, "
           "`participant_id` (left out where null); trimmed to about `events_max` entries"),
    KeyDoc("facestate:{tenant/stream}:windows", "hash",
           "field `<window_s>/<subject>/<participant>/<track or ->/<start_ms>`, value JSON of the "
           "window's columns that are not null, `revision` first; a lower or equal revision "
           "is refused; per window size the `windows_max` windows that start last are kept"),
    KeyDoc("facestate:{tenant/stream}:windows:order:<window_s>", "sorted set",
           "fields of the hash above by start, for trimming"),
    KeyDoc("facestate:{tenant/stream}:latest", "hash", "the fields listed below"),
    KeyDoc("facestate:{tenant/stream}:latest:order", "sorted set",
           "track ids by segment, for trimming `latest` to `tracks_max` tracks"),
)  # fmt: skip

LATEST_DOCS = (
    KeyDoc("track/<track_id>", "JSON", "the track's latest row of `frames`"),
    KeyDoc("segment", "JSON", "the ledger row of the newest segment published"),
    KeyDoc("rank", "integer", "`epoch_start_ms + sequence` of that segment"),
    KeyDoc("committed_through", "JSON",
           "`epoch`, `sequence` and `event_ms` up to which the tables hold this stream; rows of "
           "later segments are provisional"),
    KeyDoc("state", "text",
           "`live`; `stale` while rows that could not be delivered are being caught up; `ended`"),
    KeyDoc("updated_at_ms", "integer",
           "the Redis server's clock at the last write, Unix ms; a `live` stream whose value "
           "stands still for longer than a few segments is stale too"),
    KeyDoc("dropped_rows", "integer",
           "rows of this pass that never reached Redis because the spool was full; the tables "
           "hold them"),
    KeyDoc("run_id", "text", "the pass that writes"),
    KeyDoc("call_id", "text", "the conversation"),
)  # fmt: skip


def checked_name(what: str, name: str) -> str:
    """Return `name`, or raise NameRefusedError where it may not become part of a key."""
    if not is_name(name):
        remedy = f"names match {NAME_PATTERN}"
        raise NameRefusedError("redis", f"the {what} is not a name", name, remedy)
    return name


@dataclass(frozen=True, slots=True)
class StreamKeys:
    """All keys of one stream; the braces are a literal hash tag: one cluster slot holds them."""

    events: str
    windows: str
    windows_order: dict[int, str]
    latest: str
    latest_order: str

    @classmethod
    def of(cls, tenant: str, stream_id: str) -> "StreamKeys":
        """Return the keys of `tenant/stream_id`; raises NameRefusedError."""
        checked_name("tenant", tenant)
        checked_name("stream id", stream_id)
        base = f"{PREFIX}:{{{tenant}/{stream_id}}}"
        order = {size: f"{base}:windows:order:{size}" for size in WINDOW_SIZES_S}
        return cls(
            f"{base}:events", f"{base}:windows", order, f"{base}:latest", f"{base}:latest:order"
        )

    def all(self) -> tuple[str, ...]:
        """Return every key, `latest` and its order first."""
        return (
            self.latest, self.latest_order, self.events, self.windows, *self.windows_order.values(),
        )  # fmt: skip


def event_id(epoch_start_ms: int, sequence: int, row: int) -> str:
    """Return the entry id of row `row` (from 0); 0-0, which Redis refuses, never occurs."""
    return f"{epoch_start_ms + sequence}-{row + 1}"


def window_field(row: Mapping[str, Any]) -> str:
    """Return the hash field of a row of `windows`.

    The names in it were validated with the registration; a field is no key, so their length
    (`<participant>.<track>` may exceed that of a name) does not matter.
    """
    track = row.get("track_id") or NO_TRACK
    start_ms = unix_ms(row["start_at"])
    return f"{row['window_s']}/{row['subject']}/{row['participant_id']}/{track}/{start_ms}"


def unix_ms(at: datetime) -> int:
    """Return Unix milliseconds, exactly; a time without a zone is taken as UTC."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
