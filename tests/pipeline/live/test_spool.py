"""The spool is bounded in rows and in bytes, keeps order, and gives up the oldest rows first.

Method: Hypothesis pushes and pops against plain sums; memory is measured with tracemalloc.
"""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.settings import RedisSettings
from pipeline.live.spool import Command, Spool, Write, WriteKind
from pipeline.live.writes import segment
from tests.pipeline.live.redis_tools import RUN, event, header, ledger, window


def write(kind: WriteKind = WriteKind.SEGMENT, stream: str = "a/b", rows: int = 1) -> Write:
    return Write(kind, stream, tuple(Command(("XADD", b"x" * 10), rows=1) for _ in range(rows)))


kinds = st.sampled_from(list(WriteKind))
pushes = st.tuples(kinds, st.sampled_from(["a/a", "a/b", "a/c"]), st.integers(1, 9))


def check_sums(spool: Spool) -> None:
    assert spool.rows == sum(max(1, waiting.rows) for waiting in spool)
    assert spool.size_bytes == sum(waiting.size_bytes for waiting in spool)
    assert len(spool) == len(list(spool))
    for stream in ("a/a", "a/b", "a/c"):
        assert spool.waiting(stream) == sum(waiting.stream == stream for waiting in spool)


@given(st.lists(st.one_of(pushes, st.just("pop"), st.just("forget")), max_size=60))
def test_its_sums_are_right_and_its_bounds_hold_after_every_step(steps):
    spool = Spool(rows_max=20, bytes_max=250)
    for step in steps:
        if step == "pop" and len(spool):
            spool.pop()
        elif step == "forget":
            spool.forget("a/b")
            assert spool.waiting("a/b") == 0
        elif not isinstance(step, str):
            spool.push(write(step[0], step[1], step[2]))
        check_sums(spool)
        assert spool.rows <= 20
        assert spool.size_bytes <= 250


@given(st.lists(st.integers(1, 30), min_size=1, max_size=30))
def test_what_was_pushed_is_either_waiting_in_order_or_was_given_up(sizes):
    spool = Spool(rows_max=25, bytes_max=10**9)
    pushed = [write(rows=size) for size in sizes]
    gone = [old for one in pushed for old in spool.push(one)]
    kept = [spool.pop() for _ in range(len(spool))]
    assert [id(one) for one in gone + kept] == [id(one) for one in pushed]


def test_rows_give_way_before_the_begin_and_the_end_of_a_stream():
    spool = Spool(rows_max=4, bytes_max=10**9)
    spool.push(Write(WriteKind.BEGIN, "a/b", ()))
    spool.push(write(rows=2))
    spool.push(Write(WriteKind.END, "a/b", ()))
    [gone] = spool.push(write(rows=2))
    assert gone.kind is WriteKind.SEGMENT
    assert [waiting.kind for waiting in spool] == ["begin", "end", "segment"]


def test_of_a_streams_commits_only_the_newest_waits():
    spool = Spool(rows_max=100, bytes_max=10**9)
    spool.push(Write(WriteKind.COMMITTED, "a/c", ()))
    for _ in range(10):
        spool.push(newest := Write(WriteKind.COMMITTED, "a/b", ()))
    assert [waiting is newest for waiting in spool] == [False, True]


def test_its_bytes_are_near_what_memory_it_takes():
    settings = RedisSettings()
    spool = Spool(10**6, bytes_max=300_000)
    rows = [event(0, row) for row in range(10)]
    windows = [window(0, size_s=size) for size in (1, 10)]
    tracemalloc.start()
    for sequence in range(15):
        spool.push(segment(header(sequence), RUN, rows, windows, ledger(sequence), settings))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 250_000 < spool.size_bytes <= 300_000
    assert taken < 2 * spool.bytes_max
