"""The live view of streams in Redis: provisional, bounded, and never in the worker's way."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import RedisClusterException

from pipeline.live import writes
from pipeline.live.client import check, client_of, first_line
from pipeline.live.keys import StreamKeys
from pipeline.live.settings import RedisSettings
from pipeline.live.spool import Command, Spool, Write, WriteKind
from pipeline.live.transport import RedisAwayError, send
from schemas.segments import SegmentHeader

LOG = logging.getLogger("facestate.redis")
Row = Mapping[str, Any]

# Writes after which `state` says what it should without further words.
_LAST_WORDS = (WriteKind.BEGIN, WriteKind.END)
# Streams with something to tell `latest` about; beyond it the longest waiting is forgotten.
NOTES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What became of the rows (events and windows) of one segment.

    `already_there`: refused by Redis as a repetition. `failed`: refused for good, or dropped from
    a full spool. `spooled`: kept in memory until Redis answers again.
    """

    added: int
    already_there: int
    failed: int
    spooled: int = 0


@dataclass(slots=True)
class SinkCounts:
    """Counters over the sink's life, in rows; for metrics."""

    added: int = 0
    already_there: int = 0
    failed: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Note:
    """What `latest` of one stream has yet to be told."""

    is_stale: bool = False
    dropped: int = 0
    dropped_told: int = 0


class RedisSink:
    """Publishes to Redis from one thread; what cannot be delivered waits in a bounded spool.

    No method but `open` raises for Redis's sake. Order per stream is kept: while anything waits,
    everything new queues behind it. Each call spends at most the timeouts of one failure, then
    nothing until the back-off has passed; catching up takes at most `drain_s_max` a call.
    """

    def __init__(
        self,
        client: redis.Redis,
        settings: RedisSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings or RedisSettings()
        self.counts = SinkCounts()
        self.is_up = True
        self.last_error = ""
        self.spool = Spool(self.settings.spool_rows_max, self.settings.spool_bytes_max)
        self._client = client
        self._clock = clock
        self._notes: dict[str, _Note] = {}
        self._backoff_s = 0.0
        self._retry_at_s = float("-inf")

    @classmethod
    def open(cls, url: str, settings: RedisSettings | None = None) -> "RedisSink":
        """Connect and check once; raises SinkError in one line, the password masked."""
        bounds = settings or RedisSettings()
        client = client_of(url, bounds)
        check(client, url)
        return cls(client, bounds)

    def begin_run(
        self, tenant: str, stream: str, call_id: str, run_id: str, *, is_resume: bool
    ) -> None:
        """Open a pass over a stream; rows of any other pass over it are deleted.

        A fresh pass deletes the stream's keys, a resumed one only if they are another run's.
        Raises NameRefusedError for what is not a name.
        """
        write = writes.begin(tenant, stream, call_id, run_id, self.settings, is_resume=is_resume)
        if not is_resume:
            self.spool.forget(write.stream)
            self._notes.pop(write.stream, None)
        self._submit(write)

    def publish_segment(
        self,
        header: SegmentHeader,
        run_id: str,
        events: Sequence[Row],
        windows: Sequence[Row],
        ledger: Row,
    ) -> PublishResult:
        """Publish the rows of one segment: `frames` and `windows` rows, and its ledger row.

        May be repeated after a crash: rows that Redis holds are counted, not stored again.
        """
        write = writes.segment(header, run_id, events, windows, ledger, self.settings)
        return self._submit(write)

    def mark_committed(
        self, tenant: str, stream: str, sequence: int, event_ms: int, epoch: int = 0
    ) -> None:
        """Say how far the tables reach."""
        values = {"committed_through": writes.committed_json(epoch, sequence, event_ms)}
        kind = WriteKind.COMMITTED
        self._submit(writes.fields(kind, tenant, stream, values, self.settings))

    def end_stream(self, tenant: str, stream: str) -> None:
        """Say that nothing follows; the keys live on for `expire_after_s`."""
        self._submit(
            writes.fields(WriteKind.END, tenant, stream, {"state": "ended"}, self.settings)
        )

    def tick(self) -> None:
        """Catch up if something waits and the back-off has passed; call it when idle."""
        if self.spool:
            self._drain(self.settings.drain_s_max)

    def close(self, wait_s: float = 5.0) -> int:
        """Try once more to deliver what waits, for at most `wait_s`; return the rows left."""
        self._retry_at_s = float("-inf")
        self._drain(wait_s)
        left = sum(write.rows_left for write in self.spool)
        if left:
            LOG.warning("redis: %d rows were not delivered; the tables hold them", left)
        self._client.close()
        return left

    def _submit(self, write: Write) -> PublishResult:
        """Send at once if nothing waits, else queue behind what does and catch up."""
        if self.spool or not self._may_try() or not self._run(write):
            self._enqueue(write)
            self._drain(self.settings.drain_s_max)
        is_waiting = any(waiting is write for waiting in self.spool)
        spooled = write.rows_left if is_waiting else 0
        done = write.added + write.already_there + write.failed
        lost = write.rows - done - spooled
        return PublishResult(write.added, write.already_there, write.failed + lost, spooled)

    def _enqueue(self, write: Write) -> None:
        for gone in self.spool.push(write):
            rows = gone.rows_left
            self.counts.dropped += rows
            if rows:
                self._notes.setdefault(gone.stream, _Note()).dropped += rows
        while len(self._notes) > NOTES_MAX:
            del self._notes[next(iter(self._notes))]

    def _may_try(self) -> bool:
        return self._clock() >= self._retry_at_s

    def _drain(self, budget_s: float) -> None:
        if not self._may_try():
            return
        end_s = self._clock() + budget_s
        while self.spool and self._clock() <= end_s:
            if not self._run(self.spool.head()):
                return
            self.spool.pop()

    def _run(self, write: Write) -> bool:
        """Send one write; return False where it has to wait."""
        if not self.is_up and not self._answers():
            return False
        before = (write.added, write.already_there, write.failed)
        try:
            refusal = send(self._client, write, self.settings.batch_max, self._news(write))
        except RedisAwayError as error:
            self._went_away(error)
            write.attempts += 1
            if is_waiting := write.attempts < self.settings.attempts_max:
                refusal = ""
            else:
                refusal = f"given up after {write.attempts} attempts: {error}"
                write.failed += write.rows_left
        else:
            is_waiting = False
            self._came_back()
            self._told(write)
        self._add_counts(write, before)
        if refusal:
            self._note_refusal(refusal)
        return not is_waiting

    def _answers(self) -> bool:
        """Ask a server that was away whether it is back, before a write is risked on it."""
        try:
            self._client.ping()
        except (redis.RedisError, RedisClusterException, OSError) as error:
            self._went_away(error)
            return False
        return True

    def _went_away(self, error: Exception) -> None:
        """Wait longer before the next attempt; say so once."""
        low, high = self.settings.backoff_s_min, self.settings.backoff_s_max
        self._backoff_s = min(high, max(low, 2 * self._backoff_s))
        self._retry_at_s = self._clock() + self._backoff_s
        self.last_error = first_line(error)
        if self.is_up:
            LOG.warning("redis: does not take rows, the tables go on: %s", self.last_error)
        self.is_up = False

    def _came_back(self) -> None:
        if not self.is_up:
            LOG.warning("redis: takes rows again, %d rows are caught up", self.spool.rows)
        self.is_up = True
        self._backoff_s = 0.0
        self._retry_at_s = float("-inf")

    def _note_refusal(self, refusal: str) -> None:
        """Remember a lasting refusal; it is logged when its text changes, not per row."""
        if refusal != self.last_error:
            LOG.error("redis: refused rows for good, the tables hold them: %s", refusal)
        self.last_error = refusal

    def _add_counts(self, write: Write, before: tuple[int, int, int]) -> None:
        self.counts.added += write.added - before[0]
        self.counts.already_there += write.already_there - before[1]
        self.counts.failed += write.failed - before[2]

    def _has_backlog(self, write: Write) -> bool:
        """Tell whether more of the stream waits behind `write`."""
        is_head = bool(self.spool) and self.spool.head() is write
        return self.spool.waiting(write.stream) > int(is_head)

    def _news(self, write: Write) -> list[Command]:
        """Return the command that tells `latest` what changed about its freshness, if anything."""
        note = self._notes.get(write.stream, _Note())
        values: dict[str, str | int | bytes] = {}
        if note.dropped != note.dropped_told:
            values["dropped_rows"] = note.dropped
        has_backlog = self._has_backlog(write)
        if write.kind not in _LAST_WORDS and has_backlog != note.is_stale:
            values["state"] = "stale" if has_backlog else "live"
        if not values:
            return []
        keys = StreamKeys.of(*write.stream.split("/"))
        return [writes.fields_command(keys, values, self.settings)]

    def _told(self, write: Write) -> None:
        """Remember what `latest` of the stream knows; forget the stream when all is well."""
        has_backlog = write.kind not in _LAST_WORDS and self._has_backlog(write)
        note = self._notes.pop(write.stream, _Note())
        if has_backlog or (note.dropped and write.kind is not WriteKind.END):
            note.is_stale, note.dropped_told = has_backlog, note.dropped
            self._notes[write.stream] = note
