"""The user's words name the sources they should, and passwords stay out of names.

Method: small folders and tables of texts; nothing is opened.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sources.resolve import SourceKind, SourceSpec, redacted, resolve_inputs
from schemas.errors import InputError, SourceMissingError, SourceRejectedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a.MOV", "notes.txt", "deep/c.264", "deep/d.jpg", "deep/e.gif", "x/y.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(texts: list[str], root: Path) -> list[str]:
    return [os.path.relpath(spec.name, root) for spec in resolve_inputs(texts)]


def test_a_folder_gives_its_videos_and_stills_sorted_and_deep(folder: Path) -> None:
    expected = ["a.MOV", "b.mp4", "deep/c.264", "deep/d.jpg", "deep/e.gif"]
    assert names([str(folder)], folder) == expected


def test_a_glob_is_expanded_in_order(folder: Path) -> None:
    assert names([f"{folder}/**/*.[gm]*"], folder) == ["b.mp4", "deep/e.gif"]


def test_a_glob_may_name_folders(folder: Path) -> None:
    assert names([f"{folder}/d*"], folder) == ["deep/c.264", "deep/d.jpg", "deep/e.gif"]


def test_a_file_named_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "call[1].mp4").write_bytes(b"x")
    assert names([f"{folder}/call[1].mp4"], folder) == ["call[1].mp4"]


def test_a_named_file_is_taken_whatever_its_suffix(folder: Path) -> None:
    assert names([f"{folder}/notes.txt"], folder) == ["notes.txt"]


def test_an_input_named_twice_is_one_source(folder: Path) -> None:
    assert names([f"{folder}/b.mp4", str(folder), f"{folder}/deep/../b.mp4"], folder) == [
        "b.mp4",
        "a.MOV",
        "deep/c.264",
        "deep/d.jpg",
        "deep/e.gif",
    ]


@pytest.mark.parametrize("text", ["nowhere.mp4", "no*where", "", "a\0b"])
def test_what_is_not_there_is_missing(text: str) -> None:
    with pytest.raises(SourceMissingError):
        resolve_inputs([text])


def test_a_folder_without_video_is_missing_video(folder: Path) -> None:
    with pytest.raises(SourceMissingError, match="the folder holds no video"):
        resolve_inputs([str(folder / "x")])


def test_too_many_files_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.resolve.FILES_MAX", 4)
    with pytest.raises(SourceRejectedError, match="more than 4 files"):
        resolve_inputs([str(folder)])


@pytest.mark.parametrize("text", ["webcam", "webcam:0", "/dev/video0"])
def test_a_webcam_has_several_names(text: str) -> None:
    assert resolve_inputs([text]) == [SourceSpec(SourceKind.WEBCAM, "webcam:0", "/dev/video0")]
    assert resolve_inputs([text])[0].is_live


def test_an_rtsp_source_shows_neither_user_nor_password() -> None:
    url = "rtsp://ann:s3cret@camera.example:8554/live?token=abc"
    (spec,) = resolve_inputs([url])
    assert spec.kind is SourceKind.RTSP
    assert spec.location == url
    assert spec.name == "rtsp://camera.example:8554/live"
    for secret in ("ann", "s3cret", "abc"):
        assert secret not in repr(spec)


def test_other_addresses_are_refused_with_the_near_word() -> None:
    with pytest.raises(InputError, match="did you mean 'rtsp") as caught:
        resolve_inputs(["rtps://ann:s3cret@camera/1"])
    assert "s3cret" not in str(caught.value)


def test_an_address_that_cannot_be_read_is_not_shown() -> None:
    assert "s3cret" not in redacted("rtsp://ann:s3cret@[::1/x")


@pytest.fixture
def locked(folder: Path) -> Iterator[Path]:
    """Give a folder within the folder that this process may not read."""
    inner = folder / "locked"
    inner.mkdir()
    (inner / "f.mp4").write_bytes(b"x")
    inner.chmod(0)
    folder.chmod(0o755)
    was = os.geteuid()
    if was == 0:
        for parent in (folder.parent, folder.parent.parent):
            parent.chmod(0o711)
        os.seteuid(65534)
    yield folder
    os.seteuid(was)
    inner.chmod(0o755)


def test_a_folder_that_cannot_be_read_becomes_a_source_that_fails(locked: Path) -> None:
    found = names([str(locked)], locked)
    assert found == ["a.MOV", "b.mp4", "deep/c.264", "deep/d.jpg", "deep/e.gif", "locked"]
