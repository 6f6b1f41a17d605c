"""Redis never stops the worker, and what it missed arrives once and in order.

Method: a real redis-server that is killed, paused, filled and misused; the sink's only clock is
injected, so that waits take no time.
"""

import json
import threading
import time

import redis

from pipeline.live.redis_sink import PublishResult, RedisSink
from tests.pipeline.live.redis_tools import (
    EPOCH_MS,
    KEYS,
    QUICK,
    RUN,
    Server,
    client,
    event,
    expected_ids,
    free_port,
    header,
    ids,
    ledger,
    publish,
    server_on_path,
    wheel_server,
)


def test_a_server_killed_in_mid_publish_gets_everything_once_when_it_returns(
    server, sink, seen, clock
):
    done = threading.Event()
    threading.Thread(target=lambda: (time.sleep(0.15), server.kill(), done.set())).start()
    sequence = 0
    while not done.is_set() or sink.is_up:
        publish(sink, sequence)
        sequence += 1
    assert sink.spool.rows > 0
    assert sequence < 2000, "the bound of the event stream is not what this test is about"
    publish(sink, sequence)
    server.start()
    clock.now_s += 60
    while sink.spool:
        sink.tick()
    assert ids(seen) == expected_ids(range(sequence + 1))[-seen.xlen(KEYS.events) :]
    assert seen.xlen(KEYS.events) == 3 * (sequence + 1)
    assert sink.counts.failed == sink.counts.dropped == 0
    assert sink.is_up
    assert seen.hget(KEYS.latest, "state") == "live"


def test_a_kill_between_batches_loses_and_repeats_nothing(server, seen, clock):
    settings = QUICK.model_copy(update={"batch_max": 4})
    sink = RedisSink.open(server.url, settings)
    sink._clock = clock
    whole, sent = sink._client.pipeline, []

    def pipeline(**kwargs):
        sent.append(1)
        if len(sent) == 3:
            server.kill()
        return whole(**kwargs)

    sink._client.pipeline = pipeline
    result = publish(sink, 0, rows=12)
    assert (result.added, result.spooled) == (8, 5)
    server.start()
    clock.now_s += 60
    sink.tick()
    assert ids(seen) == expected_ids(range(1), rows=12)
    assert sink.counts.added == 13
    assert sink.counts.already_there == 0
    sink.close(0)


def test_while_redis_is_away_the_worker_waits_once_and_then_not_until_the_back_off_has_passed(
    server, sink, clock
):
    server.pause()
    began = time.monotonic()
    assert publish(sink, 0).spooled == 4
    assert 0.1 < time.monotonic() - began < 2
    began = time.monotonic()
    for sequence in range(1, 50):
        publish(sink, sequence)
    assert time.monotonic() - began < 0.5
    assert not sink.is_up
    server.go_on()


def test_waits_double_up_to_their_bound(server, sink, clock):
    server.kill()
    publish(sink, 0)
    waits = []
    for _ in range(9):
        waits.append(sink._retry_at_s - clock.now_s)
        clock.now_s = sink._retry_at_s
        sink.tick()
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_the_view_is_stale_while_it_is_caught_up_and_live_after(server, sink, seen, clock):
    server.kill()
    for sequence in range(3):
        publish(sink, sequence)
    server.start()
    clock.now_s += 60
    states = []
    run = sink._run
    sink._run = lambda write: (run(write), states.append(seen.hget(KEYS.latest, "state")))[0]
    sink.tick()
    assert states == ["stale", "stale", "live"]


def test_an_ended_stream_stays_ended_after_catching_up(server, sink, seen, clock):
    server.kill()
    publish(sink, 0)
    sink.end_stream("acme", "cam")
    sink.mark_committed("acme", "cam", 0, EPOCH_MS)
    server.start()
    clock.now_s += 60
    sink.tick()
    assert seen.hget(KEYS.latest, "state") == "ended"
    assert json.loads(seen.hget(KEYS.latest, "committed_through"))["sequence"] == 0


def test_a_full_spool_gives_up_its_oldest_rows_and_says_how_many(server, seen, clock):
    settings = QUICK.model_copy(update={"spool_rows_max": 20})
    sink = RedisSink.open(server.url, settings)
    sink._clock = clock
    server.kill()
    for sequence in range(10):
        publish(sink, sequence)
        assert sink.spool.rows <= 20
    assert sink.counts.dropped == 20
    server.start()
    clock.now_s += 60
    sink.tick()
    assert ids(seen) == expected_ids(range(5, 10))
    assert seen.hget(KEYS.latest, "dropped_rows") == "20"
    assert seen.hget(KEYS.latest, "state") == "live"
    sink.close(0)


def test_a_fresh_pass_while_redis_is_away_drops_what_waits_for_the_old_one(
    server, sink, seen, clock
):
    publish(sink, 9)
    server.kill()
    publish(sink, 10)
    sink.begin_run("acme", "cam", "call1", "run2", is_resume=False)
    publish(sink, 0)
    server.start()
    clock.now_s += 60
    sink.tick()
    assert ids(seen) == expected_ids(range(1))
    assert seen.hget(KEYS.latest, "run_id") == "run2"


def test_closing_tries_once_more_and_tells_what_is_left(server, sink, caplog):
    server.kill()
    publish(sink, 0)
    assert sink.close(0.1) == 4
    assert "4 rows were not delivered" in caplog.text


def test_a_full_server_is_waited_for(server, sink, seen, clock):
    seen.config_set("maxmemory", "1")
    assert publish(sink, 0).spooled == 4
    seen.config_set("maxmemory", "0")
    clock.now_s += 60
    assert publish(sink, 1).spooled == 0
    assert ids(seen) == expected_ids(range(2))


def test_a_refusal_for_good_is_counted_and_does_not_hold_up_what_follows(sink, seen):
    seen.delete(KEYS.events)
    seen.set(KEYS.events, "not a stream")
    assert publish(sink, 0) == PublishResult(added=1, already_there=0, failed=3)
    assert "WRONGTYPE" in sink.last_error
    seen.delete(KEYS.events)
    assert publish(sink, 1) == PublishResult(added=4, already_there=0, failed=0)


def test_an_epoch_beyond_64_bits_is_refused_and_counted(sink):
    # Headers from outside are bounded far below; this one is built around the check.
    beyond = header(0).model_copy(update={"epoch_start_ms": 2**64})
    result = sink.publish_segment(beyond, RUN, [event(0, 0)], [], ledger(0))
    assert (result.failed, result.spooled) == (1, 0)


def test_a_write_that_breaks_a_server_which_answers_is_given_up(server, clock):
    settings = QUICK.model_copy(update={"attempts_max": 3})
    sink = RedisSink.open(server.url, settings)
    sink._clock = clock

    def broken(**kwargs):
        raise redis.ConnectionError("Connection closed by server")

    whole, sink._client.pipeline = sink._client.pipeline, broken
    publish(sink, 0)
    for _ in range(3):
        clock.now_s += 60
        sink.tick()
    assert (sink.counts.failed, len(sink.spool)) == (4, 0)
    sink._client.pipeline = whole
    clock.now_s += 60
    assert publish(sink, 1).added == 4
    sink.close(0)


def test_a_server_that_lost_everything_gets_names_and_state_again(sink, seen):
    publish(sink, 0)
    seen.flushall()
    publish(sink, 1)
    latest = seen.hgetall(KEYS.latest)
    assert (latest["run_id"], latest["call_id"], latest["state"]) == (RUN, "call1", "live")


def test_a_server_over_tcp_may_be_killed_the_same_way(tmp_path, clock):
    executable = server_on_path() or wheel_server()
    server = Server(tmp_path, executable, port=free_port()).start()
    sink = RedisSink.open(server.url, QUICK)
    sink._clock = clock
    publish(sink, 0)
    server.kill()
    publish(sink, 1)
    server.start()
    clock.now_s += 60
    publish(sink, 2)
    with client(server.url) as seen:
        assert ids(seen) == expected_ids(range(3))
    sink.close(0)
    server.kill()
