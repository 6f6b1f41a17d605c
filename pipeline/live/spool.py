"""What waits for Redis: writes in order, bounded in rows and bytes, the oldest rows giving way."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class WriteKind(StrEnum):
    """What a write is for; only segments carry rows."""

    BEGIN = "begin"
    SEGMENT = "segment"
    COMMITTED = "committed"
    END = "end"


Argument = bytes | str | int


@dataclass(frozen=True, slots=True)
class Command:
    """One Redis command, encoded; `rows` of the tables it carries."""

    args: tuple[Argument, ...]
    rows: int = 0

    @property
    def size_bytes(self) -> int:
        """Return what its arguments hold in memory, about."""
        return sum(len(a) if isinstance(a, bytes | str) else 8 for a in self.args)


@dataclass(slots=True)
class Write:
    """Commands for one stream that are sent in order; remembers how far they got."""

    kind: WriteKind
    stream: str
    commands: tuple[Command, ...]
    sent: int = 0
    attempts: int = 0
    added: int = 0
    already_there: int = 0
    failed: int = 0

    @property
    def rows(self) -> int:
        """Return the rows carried."""
        return sum(command.rows for command in self.commands)

    @property
    def rows_left(self) -> int:
        """Return the rows carried by commands that were not sent yet."""
        return sum(command.rows for command in self.commands[self.sent :])

    @property
    def size_bytes(self) -> int:
        """Return what the commands hold in memory, about."""
        return sum(command.size_bytes for command in self.commands)


class Spool:
    """A queue of writes; a write without rows (the begin of a run, …) weighs as one row."""

    def __init__(self, rows_max: int, bytes_max: int) -> None:
        self.rows_max = rows_max
        self.bytes_max = bytes_max
        self.rows = 0
        self.size_bytes = 0
        self._queue: deque[tuple[Write, int, int]] = deque()
        self._per_stream: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[Write]:
        return (write for write, _, _ in self._queue)

    def waiting(self, stream: str) -> int:
        """Return how many writes of `stream` wait."""
        return self._per_stream[stream]

    def head(self) -> Write:
        """Return the oldest write."""
        return self._queue[0][0]

    def push(self, write: Write) -> list[Write]:
        """Append a write and return those that had to go for it, oldest first."""
        self._make_obsolete(write)
        self._count(write, rows := max(1, write.rows), size := write.size_bytes, sign=1)
        self._queue.append((write, rows, size))
        evicted = []
        while self._queue and (self.rows > self.rows_max or self.size_bytes > self.bytes_max):
            evicted.append(self._evict())
        return evicted

    def pop(self) -> Write:
        """Remove and return the oldest write."""
        return self._remove_at(0)

    def _make_obsolete(self, write: Write) -> None:
        """Remove waiting writes that `write` replaces: at most one `committed` a stream waits."""
        if write.kind is not WriteKind.COMMITTED:
            return
        for index, (other, _, _) in enumerate(self._queue):
            if other.stream == write.stream and other.kind is WriteKind.COMMITTED:
                self._remove_at(index)
                return

    def forget(self, stream: str) -> None:
        """Drop what waits for `stream`: its keys are about to be deleted anyway."""
        for index in range(len(self._queue) - 1, -1, -1):
            if self._queue[index][0].stream == stream:
                self._remove_at(index)

    def _evict(self) -> Write:
        segments = (i for i, (w, _, _) in enumerate(self._queue) if w.kind is WriteKind.SEGMENT)
        return self._remove_at(next(segments, 0))

    def _remove_at(self, index: int) -> Write:
        write, rows, size = self._queue[index]
        del self._queue[index]
        self._count(write, rows, size, sign=-1)
        return write

    def _count(self, write: Write, rows: int, size: int, sign: int) -> None:
        self.rows += sign * rows
        self.size_bytes += sign * size
        self._per_stream[write.stream] += sign
        if not self._per_stream[write.stream]:
            del self._per_stream[write.stream]
