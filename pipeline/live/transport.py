"""Sends a write to Redis in transactions, telling faults that pass from faults that stay."""

from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import RedisClusterException

from pipeline.live.spool import Command, Write

# Where Redis refuses an entry id: published before (or, by design, later than a newer segment).
REPEATED = "equal or smaller than the target stream top item"

_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.InvalidResponse,
    redis.OutOfMemoryError,
    redis.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    RedisClusterException,
    OSError,
)
_PASSING_WORDS = ("OOM command", "MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY Redis", "LOADING")


class RedisAwayError(Exception):
    """Redis is down, slow or full: the same write may succeed later."""


def send(client: redis.Redis, write: Write, batch_max: int, more: Sequence[Command] = ()) -> str:
    """Send what is left of `write`, then `more`, and count per row what became of it.

    Each batch is one MULTI/EXEC: it is applied wholly or not at all, so that a broken connection
    leaves nothing half-written and a repetition counts right. Returns the first lasting refusal,
    or an empty text; raises RedisAwayError, after which `write` remembers what was sent.
    """
    refusal = ""
    while write.sent < len(write.commands):
        batch = write.commands[write.sent : write.sent + batch_max]
        refusal = _send_batch(client, write, batch) or refusal
        write.sent += len(batch)
    if more:
        _, other = _execute(client, more)
        refusal = refusal or other
    return refusal


def _send_batch(client: redis.Redis, write: Write, batch: Sequence[Command]) -> str:
    results, refusal = _execute(client, batch)
    if not results:
        write.failed += sum(command.rows for command in batch)
        return refusal
    for command, result in zip(batch, results, strict=True):
        refusal = _count(write, command, result) or refusal
    return refusal


def _execute(client: redis.Redis, batch: Sequence[Command]) -> tuple[list[Any], str]:
    """Return the results, or none and the reason why the whole batch was refused."""
    try:
        pipeline: Any = client.pipeline(transaction=True)
        for command in batch:
            pipeline.execute_command(*command.args)
        results = list(pipeline.execute(raise_on_error=False))
    except _PASSING as error:
        raise RedisAwayError(str(error)) from error
    except redis.RedisError as error:
        _raise_if_passing(error)
        return [], str(error)
    for result in results:
        _raise_if_passing(result)
    return results, ""


def _raise_if_passing(result: object) -> None:
    if isinstance(result, _PASSING):
        raise RedisAwayError(str(result))
    if isinstance(result, Exception) and any(word in str(result) for word in _PASSING_WORDS):
        raise RedisAwayError(str(result))


def _count(write: Write, command: Command, result: Any) -> str:
    """Count the rows of one command; return the refusal if there is one."""
    if isinstance(result, Exception):
        if REPEATED in str(result):
            write.already_there += command.rows
            return ""
        write.failed += command.rows
        return str(result)
    if isinstance(result, list) and command.rows:
        stored, refused = (int(number) for number in result)
        write.added += stored
        write.already_there += refused
    else:
        write.added += command.rows
    return ""
