"""A wrong address, password or server is told at the start, in one line, without the password.

Method: real servers with passwords and users, closed doors, and doors with something else behind.
"""

import socket
import threading

import pytest

from pipeline.live.client import mask_url
from pipeline.live.redis_sink import RedisSink
from schemas.errors import SinkError
from tests.pipeline.live.redis_tools import (
    QUICK,
    Server,
    wheel_server,
)


def one_line(url: str) -> str:
    with pytest.raises(SinkError) as caught:
        RedisSink.open(url, QUICK)
    text = str(caught.value)
    assert "\n" not in text
    assert "s3cret" not in text
    return text


def test_a_wrong_password_is_told_without_showing_it(tmp_path):
    server = Server(tmp_path, wheel_server(), extra=("--requirepass", "right")).start()
    text = one_line(f"unix://:s3cret@{server.path}")
    assert "refuses the password" in text
    assert "***" in text
    assert "refuses the password" in one_line(server.url)
    RedisSink.open(f"unix://:right@{server.path}", QUICK).close(0)
    server.kill()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:6379", "not the address"),
        ("http://user:s3cret@localhost", "not the address"),
        ("redis://:s3cret@127.0.0.1:1", "cannot connect"),
        ("redis://:s3/cret@127.0.0.1", "malformed"),
        ("redis://127.0.0.1:99999", "malformed"),
        ("unix:///nowhere/at/all", "cannot connect"),
    ],
)
def test_a_wrong_address_is_told_in_one_line(url, told):
    assert told in one_line(url)


def _answer_once(reply: bytes) -> tuple[int, threading.Thread]:
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with door:
            caller, _ = door.accept()
            with caller:
                caller.recv(1024)
                caller.sendall(reply)
                caller.settimeout(2)
                while caller.recv(1024):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    return door.getsockname()[1], thread


@pytest.mark.parametrize(
    ("reply", "told"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not Redis"), (b"", "does not answer in time")],
)
def test_something_else_at_the_address_is_told(reply, told):
    port, thread = _answer_once(reply)
    assert told in one_line(f"redis://127.0.0.1:{port}")
    thread.join(5)


def test_a_user_without_rights_is_told(server, seen):
    seen.execute_command("ACL", "SETUSER", "guest", "on", ">s3cret", "+ping")
    assert "refuses" in one_line(f"unix://guest:s3cret@{server.path}")


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:pw@host", "redis://:***@host"),
        ("redis://me:p@w:x@host:1", "redis://me:***@host:1"),
        ("redis://pw@host", "redis://***@host"),
        ("unix:///tmp/s?db=1&password=pw", "unix:///tmp/s?db=1&password=***"),
    ],
)
def test_passwords_are_masked(url, masked):
    assert mask_url(url) == masked
