"""Goal: a log line is one line, holds its fields, and shows no secret and no control character.

Method: logs go to a string; loggers are put back as they were after each test.
"""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.groups import LogSettings
from pipeline.logs import MESSAGE_LENGTH_MAX, bind, configure_logs, mask_secrets
from schemas.errors import escape_controls
from tests.log_tools import loggers_put_back


@pytest.fixture(autouse=True)
def untouched_loggers() -> Iterator[None]:
    with loggers_put_back():
        yield


def configured(form: str = "text", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    settings = LogSettings.model_validate({"format": form, "level": level})
    configure_logs(settings, stream)
    return stream


LOGGER = logging.getLogger("pipeline.analysis.worker")


def test_a_text_line_has_time_level_logger_message_and_fields() -> None:
    stream = configured()
    bind(LOGGER, call_id="c1", sequence=7).info("decoded %d frames", 50)
    time, rest = stream.getvalue().split(" ", 1)
    assert datetime.fromisoformat(time).tzinfo is not None
    assert rest == "INFO    pipeline.analysis.worker: decoded 50 frames (call_id=c1 sequence=7)\n"


def test_a_json_line_has_the_same_as_an_object() -> None:
    stream = configured("json")
    bind(LOGGER, call_id="c1", stream_id="s", sequence=7).warning("late")
    content = json.loads(stream.getvalue())
    assert datetime.fromisoformat(content.pop("ts")).tzinfo is not None
    assert content == {
        "level": "warning", "logger": "pipeline.analysis.worker", "message": "late",
        "call_id": "c1", "stream_id": "s", "sequence": 7,
    }  # fmt: skip


def test_bound_fields_add_up_and_those_of_the_call_win() -> None:
    stream = configured("json")
    outer = bind(LOGGER, call_id="c1", sequence=1)
    inner = bind(outer, sequence=2)
    inner.info("a")
    inner.info("b", extra={"sequence": 3})
    outer.info("c")
    LOGGER.info("d", extra={"call_id": "direct"})
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("sequence") for line in found] == [2, 3, 1, None]
    assert [line["call_id"] for line in found] == ["c1", "c1", "c1", "direct"]


def test_values_of_one_message_are_fields_of_it_without_secrets() -> None:
    stream = configured("json")
    values = {"rows": 3, "source": "rtsp://u:hush@h/x", "gap_ms": None}
    bind(LOGGER, sequence=7).info("commit", extra={"values": values})
    content = json.loads(stream.getvalue())
    assert (content["sequence"], content["rows"]) == (7, 3)
    assert content["source"] == "rtsp://***@h/x"
    assert "gap_ms" not in content


def test_levels_hold_for_our_rooms_and_others_are_heard_from_warning_on() -> None:
    stream = configured(level="debug")
    LOGGER.debug("ours")
    logging.getLogger("chatty.library").info("theirs")
    logging.getLogger("chatty.library").warning("their warning")
    text = stream.getvalue()
    assert "ours" in text
    assert "their warning" in text
    assert "theirs" not in text.replace("their warning", "")


def test_at_level_error_warnings_of_others_are_silent_too() -> None:
    stream = configured(level="error")
    LOGGER.warning("ours")
    logging.getLogger("chatty.library").warning("theirs")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_and_does_not_double() -> None:
    first, second = configured(), configured("json")
    LOGGER.info("once")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_without_a_stream_messages_go_to_the_stderr_of_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure_logs(LogSettings(level="info"))
    for _ in range(2):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        LOGGER.info("here")
        assert "here" in stream.getvalue()


# Secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://user:pass@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://user:p@ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://user:pa/ss@cam/live", "rtsp://***@cam/live"),
        ("redis://:pass@h:6379/0", "redis://***@h:6379/0"),
        ("rediss://token@h", "rediss://***@h"),
        ("two rtsp://a:b@c and redis://:d@e.", "two rtsp://***@c and redis://***@e."),
        ("'rtsp://a:b@c'", "'rtsp://***@c'"),
        ("https://h/v?token=abc&t=1", "https://h/v?token=***&t=1"),
        ("https://h/v?a=1&Password=abc", "https://h/v?a=1&Password=***"),
        ("https://b.s3/v?X-Amz-Signature=abc", "https://b.s3/v?X-Amz-Signature=***"),
        ("rtsp://cam:554/stream@2", "rtsp://cam:554/stream@2"),
        ("https://h/@user and mail a@b.c", "https://h/@user and mail a@b.c"),
        ("no address, a = b@c", "no address, a = b@c"),
    ],
)
def test_secrets_in_addresses_are_masked_and_nothing_else(text: str, expected: str) -> None:
    assert mask_secrets(text) == expected


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1)
    .filter(lambda word: not set(word) & set("/?#'\"@:"))
    .map(lambda word: f"S3CRET{word}")
)
def test_no_password_survives_masking(password: str) -> None:
    assert "S3CRET" not in mask_secrets(f"opening rtsp://user:{password}@cam:554/live failed")


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_in_arguments_fields_and_tracebacks(form: str) -> None:
    stream = configured(form)
    url = "rtsp://user:hunter2@cam/live"
    try:
        raise OSError(f"cannot open {url}")
    except OSError:
        bind(LOGGER, step=url).exception("source %s failed", url)
    text = stream.getvalue()
    assert "hunter2" not in text
    assert text.count("rtsp://***@cam/live") >= 3


def test_masking_leaves_the_record_as_it_was_for_other_handlers() -> None:
    configured()
    records: list[logging.LogRecord] = []
    keeper = logging.Handler()
    keeper.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(keeper)
    LOGGER.info("opened %s", "rtsp://a:b@c")
    assert (records[0].msg, records[0].args) == ("opened %s", ("rtsp://a:b@c",))


def test_a_long_message_is_cut_without_leaving_half_a_password() -> None:
    stream = configured()
    url = "rtsp://user:hunter2secret@cam"
    for room in range(40):
        LOGGER.info("%s", "x" * (MESSAGE_LENGTH_MAX - 1 - room) + " " + url)
    text = stream.getvalue()
    assert "hunter" not in text
    assert max(map(len, text.splitlines())) < MESSAGE_LENGTH_MAX + 100


# Control characters


@given(st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    assert escape_controls(text).isprintable()


def test_escaping_keeps_ordinary_text_of_any_script() -> None:
    assert escape_controls("Grüße, 顔 ok") == "Grüße, 顔 ok"
    assert escape_controls("a\nb\x1b[2J\udc80") == "a\\nb\\x1b[2J\\udc80"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_hostile_name_cannot_forge_a_line(form: str) -> None:
    stream = configured(form)
    name = "x\n2026-01-01T00:00:00.000Z ERROR   pipeline: forged\x1b[2J\r\u2028"
    bind(LOGGER, step=name).warning("refused %s", name)
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text


def test_a_traceback_in_text_is_indented_and_in_json_a_field() -> None:
    for form in ("text", "json"):
        stream = configured(form)
        try:
            raise ValueError("first\nERROR forged")
        except ValueError:
            LOGGER.exception("failed")
        lines = stream.getvalue().splitlines()
        if form == "text":
            assert all(line.startswith("    | ") for line in lines[1:])
            assert "    | ERROR forged" in lines
        else:
            assert len(lines) == 1
            assert "ValueError: first\nERROR forged" in json.loads(lines[0])["error"]
