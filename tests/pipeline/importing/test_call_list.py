"""Goal: a list of recordings becomes jobs with tags; a wrong line is refused and the rest goes on.

Method: small CSV files beside an empty file that stands for a recording; nothing is opened.
"""

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.importing.call_list import Listed, read_list
from pipeline.registrations import Whose
from schemas.errors import FacestateError, InputError, SourceMissingError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    return tmp_path


def listed(folder: Path, text: str | bytes, whose: Whose | None = None) -> list[Listed]:
    path = folder / "calls.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_list(path, whose or Whose(role="customer"), "default")


def only(items: list[Listed]) -> Listed:
    assert len(items) == 1
    return items[0]


def test_a_path_alone_is_enough_and_is_relative_to_the_list(folder):
    item = only(listed(folder, "path\na.mp4\n"))
    assert item.job is not None
    assert item.job.spec.location == str(folder / "a.mp4")
    assert not item.job.is_watched
    assert (item.line, item.path, item.tags) == (2, "a.mp4", {})


def test_other_columns_become_tags_and_empty_ones_do_not(folder):
    item = only(listed(folder, "path,campaign,team\na.mp4, spring ,\n"))
    assert item.tags == {"campaign": "spring"}


def test_a_line_overrides_what_the_options_say(folder):
    text = (
        "path,call_id,stream_id,role,max_faces,jurisdiction,consent,start,participant\n"
        "a.mp4,c1,s1,agent,2,EU,given,2026-03-01,anna\nb.mp4,,,,,,,,\n"
    )
    whose = Whose(role="customer", max_faces=5, consent="unknown", jurisdiction="US-IL")
    first, second = (item.job for item in listed(folder, text, whose))
    assert first is not None
    assert second is not None
    assert (first.call_id, first.stream_id, first.start_ms) == ("c1", "s1", 1_772_323_200_000)
    assert first.whose == Whose("agent", (), 2, "EU", "given", "anna")
    assert (second.call_id, second.start_ms, second.whose) == (None, None, whose)


def test_regions_of_a_line_stand_for_those_of_the_options_and_so_does_its_role(folder):
    text = 'path,regions,role\na.mp4,left=customer right=agent,\nb.mp4,,performer\n"./a.mp4",,\n'
    whose = Whose(regions=("whole=customer",))
    found = [item.job.whose for item in listed(folder, text, whose)[:2] if item.job]
    assert found == [Whose(regions=("left=customer", "right=agent")), Whose(role="performer")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_are_read(folder, end):
    text = end.join(["path,campaign", '"a.mp4","x, ""y"""', "b.mp4,z", ""])
    items = listed(folder, b"\xef\xbb\xbf" + text.encode())
    assert [(item.job is not None, item.tags["campaign"]) for item in items] == [
        (True, 'x, "y"'), (True, "z"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("path,role", "a.mp4", "fields"),
        ("path,role", "a.mp4,customer,more", "fields"),
        ("path,role", ",customer", "names no recording"),
        ("path,role", "nothere.mp4,customer", "no such file"),
        ("path,role", "a.mp4,custmer", "did you mean 'customer'?"),
        ("path,role", "a.mp4,unknown", "must be one of"),
        ("path,regions", "a.mp4,nonsense", "--regions"),
        ("path,start", "a.mp4,yesterday", "is not a time"),
        ("path,jurisdiction", "a.mp4,EUX", "did you mean 'EU'?"),
        ("path,consent", "a.mp4,yes", "must be one of"),
        ("path,max_faces", "a.mp4,0", "from 1 to 32"),
        ("path,max_faces", "a.mp4,many", "whole number"),
        ("path,max_faces", "a.mp4," + "9" * 5000, "whole number"),
        ("path,call_id", "a.mp4,x/y", "'x/y'"),
        ("path,call_id", 'a.mp4,"x\ny"', r"'x\ny'"),
        ("path,stream_id", "a.mp4,..", "'..'"),
        ("path,participant", "a.mp4,a b", "'a b'"),
        ("path,campaign", "a.mp4,x\0y", "NUL"),
        ("path", "webcam:0", "no such file"),
        ("path", "/dev/video0", "not cameras"),
        ("path", "rtsp://user:secret@host/x", "not cameras"),
        ("path", "http://user:secret@host/x", "'http' are not read"),
        ("path", "*.mp4", "one recording"),
        ("path", "x" * 5000, "no such file"),
    ],
)
def test_a_wrong_line_is_refused_with_its_reason_and_the_next_one_goes_on(
    folder, header, line, words
):
    good = "b.mp4" + "," * header.count(",")
    wrong, right = listed(folder, f"{header}\n{line}\n{good}\n")
    assert wrong.job is None
    assert words in wrong.refusal
    assert wrong.refusal.isprintable()
    assert "secret" not in wrong.refusal
    assert right.job is not None


def test_a_line_without_a_role_is_refused_unless_the_options_have_one(folder):
    assert "column role" in only(listed(folder, "path\na.mp4\n", Whose())).refusal


def test_a_line_about_the_call_or_recording_of_an_earlier_one_is_refused(folder):
    text = "path,call_id,stream_id\na.mp4,c,\na.mp4,c,\nb.mp4,c,other\nb.mp4,,\n./b.mp4,,\n"
    assert [item.refusal for item in listed(folder, text)] == [
        "", "line 2 names the same call and stream", "", "", "line 5 names the same recording",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("file,role", "no column 'path'"),
        ("Path,role", "did you mean 'Path'?"),
        ("path;role;tag", "separated by commas?"),
        ("path\trole", "separated by commas?"),
        ("path,role,role", "stands twice"),
        ("path,rol", "did you mean 'role'?"),
        ("path,Jurisdction", "did you mean 'jurisdiction'?"),
        ("path,my tag", "'my tag'"),
        ("path,", "column's name"),
        ("path," + ",".join(f"tag{number}" for number in range(65)), "more than 64 tags"),
    ],
)
def test_a_wrong_heading_refuses_the_list_before_any_line(folder, header, words):
    with pytest.raises(UsageError) as caught:
        listed(folder, f"{header}\na.mp4\n")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n\n", "empty"),
        (b"path\n\xff.mp4\n", "UTF-8"),
        ("path\na.mp4\n".encode("utf-16"), "UTF-8"),
        (b'path,tag\na.mp4,"open\nb.mp4,x\n', "close every quote"),
        (b'path,tag\na.mp4,"x"y\n', "close every quote"),
        (b"path\n" + b"x" * 200_000, "field larger"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_error(folder, body, words):
    with pytest.raises(InputError) as caught:
        listed(folder, body)
    assert words in str(caught.value)


def test_what_is_no_file_is_no_list(folder):
    for path, kind in ((folder / "none.csv", SourceMissingError), (folder, InputError),
                       (Path("/dev/zero"), InputError), (Path("a\0b"), InputError)):  # fmt: skip
        with pytest.raises(kind):
            read_list(path, Whose(role="customer"), "default")


def test_a_heading_alone_is_a_list_of_nothing(folder):
    assert listed(folder, "path,role\n") == []


@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: (
    "path,role,tag\n" + text).encode("utf-8", "surrogatepass"))))  # fmt: skip
def test_whatever_the_bytes_are_only_our_errors_come_out(tmp_path_factory, body):
    folder = tmp_path_factory.getbasetemp()
    try:
        said = [item.refusal for item in listed(folder, body) if item.job is None]
    except FacestateError as error:
        said = [str(error)]
    assert all(text and text.isprintable() for text in said)


def test_a_long_list_is_read_in_linear_time(folder):
    def took_s(count: int) -> float:
        lines = "".join(
            f"a.mp4,call-{n},spring\n" for n in random.Random(1).sample(range(10**6), count)
        )
        began_s = time.process_time()
        assert all(item.job for item in listed(folder, "path,call_id,campaign\n" + lines))
        return time.process_time() - began_s

    # Quadratic would be 64 times; the best of three, since machines are busy and garbage collected.
    assert min(took_s(8000) for _ in range(3)) < 32 * min(took_s(1000) for _ in range(3)) + 0.1


def test_a_list_the_user_may_not_read_says_so(folder):
    (folder / "calls.csv").write_text("path\n")
    (folder / "calls.csv").chmod(0)
    if os.access(folder / "calls.csv", os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(InputError, match="rights"):
        read_list(folder / "calls.csv", Whose(role="customer"), "default")
