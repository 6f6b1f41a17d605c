"""A real redis-server, a client that looks on, and a sink whose clock moves when told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pipeline.live.redis_sink import RedisSink
from tests.pipeline.live.redis_tools import QUICK, RUN, Clock, Server, client, wheel_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path, wheel_server()).start()
    yield running
    running.kill()


@pytest.fixture
def seen(server: Server) -> Iterator[redis.Redis]:
    with client(server.url) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink(server: Server, clock: Clock) -> Iterator[RedisSink]:
    opened = RedisSink.open(server.url, QUICK)
    opened._clock = clock
    opened.begin_run("acme", "cam", "call1", RUN, is_resume=False)
    yield opened
    opened.close(0)
