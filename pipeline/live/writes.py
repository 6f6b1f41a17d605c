"""What the sink sends: rows and turns of a stream's life as Redis commands."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.live import scripts
from pipeline.live.encode import row_json
from pipeline.live.keys import StreamKeys, checked_name, event_id, unix_ms, window_field
from pipeline.live.settings import RedisSettings
from pipeline.live.spool import Argument, Command, Write, WriteKind
from schemas.segments import SegmentHeader

Row = Mapping[str, Any]

# Windows in one script call: some 5 KB each, so that Redis is never held for long.
WINDOWS_PER_CALL = 64


def begin(
    tenant: str, stream: str, call_id: str, run_id: str, settings: RedisSettings, *, is_resume: bool
) -> Write:
    """Return the write that opens a pass over a stream."""
    keys = StreamKeys.of(tenant, stream)
    checked_name("call id", call_id)
    checked_name("run id", run_id)
    values = (int(is_resume), run_id, call_id)
    command = _script(scripts.BEGIN, keys, settings, values)
    return Write(WriteKind.BEGIN, f"{tenant}/{stream}", (command,))


def fields(
    kind: WriteKind,
    tenant: str,
    stream: str,
    values: Mapping[str, Argument],
    settings: RedisSettings,
) -> Write:
    """Return the write that sets fields of `latest`."""
    command = fields_command(StreamKeys.of(tenant, stream), values, settings)
    return Write(kind, f"{tenant}/{stream}", (command,))


def fields_command(
    keys: StreamKeys, values: Mapping[str, Argument], settings: RedisSettings
) -> Command:
    """Return the command that sets fields of `latest`."""
    flat = tuple(part for item in values.items() for part in item)
    return _script(scripts.STATE, keys, settings, flat)


def committed_json(epoch: int, sequence: int, event_ms: int) -> str:
    """Return the value of `committed_through`."""
    return json.dumps({"epoch": epoch, "sequence": sequence, "event_ms": event_ms})


def segment(
    header: SegmentHeader,
    run_id: str,
    events: Sequence[Row],
    windows: Sequence[Row],
    ledger: Row,
    settings: RedisSettings,
) -> Write:
    """Return the write that publishes one segment: its events, its windows, the latest of each.

    Events are sent by ascending row, whatever their order here: Redis takes ascending ids only.
    """
    keys = StreamKeys.of(header.tenant, header.stream_id)
    encoded = [(row, row_json(row)) for row in sorted(events, key=lambda row: int(row["row"]))]
    commands = [_event(keys, header, row, text, settings) for row, text in encoded]
    commands += _windows(keys, windows, settings)
    commands.append(_latest(keys, header, run_id, encoded, ledger, settings))
    return Write(WriteKind.SEGMENT, header.key, tuple(commands))


def _event(
    keys: StreamKeys, header: SegmentHeader, row: Row, text: bytes, settings: RedisSettings
) -> Command:
    entry = event_id(header.epoch_start_ms, header.sequence, int(row["row"]))
    plain: list[Argument] = ["event_ms", unix_ms(row["event_at"]), "track_id", str(row["track_id"])]
    if row.get("participant_id") is not None:
        plain += ["participant_id", str(row["participant_id"])]
    head = ("XADD", keys.events, "MAXLEN", "~", settings.events_max, entry)
    return Command((*head, "event", text, *plain), rows=1)


def _windows(keys: StreamKeys, windows: Iterable[Row], settings: RedisSettings) -> list[Command]:
    by_size: dict[int, list[Row]] = {size: [] for size in keys.windows_order}
    for row in windows:
        by_size[int(row["window_s"])].append(row)
    commands = []
    for size, rows in by_size.items():
        for start in range(0, len(rows), WINDOWS_PER_CALL):
            part = rows[start : start + WINDOWS_PER_CALL]
            commands.append(_windows_of_size(keys, size, part, settings))
    return commands


def _windows_of_size(
    keys: StreamKeys, size_s: int, rows: Sequence[Row], settings: RedisSettings
) -> Command:
    position = keys.all().index(keys.windows_order[size_s]) + 1
    values: list[Argument] = [settings.windows_max, position]
    for row in rows:
        text = row_json(row, first="revision")
        values += [window_field(row), int(row["revision"]), unix_ms(row["start_at"]), text]
    return _script(scripts.WINDOWS, keys, settings, values, rows=len(rows))


def _latest(
    keys: StreamKeys,
    header: SegmentHeader,
    run_id: str,
    encoded: Iterable[tuple[Row, bytes]],
    ledger: Row,
    settings: RedisSettings,
) -> Command:
    newest = {str(row["track_id"]): text for row, text in encoded}
    rank = header.epoch_start_ms + header.sequence
    values: list[Argument] = [
        settings.tracks_max, rank, row_json(ledger), run_id, header.call_id,
    ]  # fmt: skip
    for track, text in newest.items():
        values += [track, text]
    return _script(scripts.LATEST, keys, settings, values)


def _script(
    text: str, keys: StreamKeys, settings: RedisSettings, values: Iterable[Argument], rows: int = 0
) -> Command:
    names = keys.all()
    expire_ms = settings.expire_after_s * 1000
    return Command(("EVAL", text, len(names), *names, expire_ms, *values), rows)
