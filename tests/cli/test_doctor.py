"""Goal: `facestate doctor` prints a line per check and ends with the code that was said.

Method: the command runs in process in an empty folder, with weights at hand.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.doctor import command
from pipeline.doctor import CHECKS


@pytest.fixture
def healthy(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder with the weights at hand and no settings."""
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(weights.resolve()))
    for name in [name for name in os.environ if name.startswith("FACESTATE_") and "__" in name]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_a_healthy_machine_ends_with_code_0_and_a_line_per_check(healthy: Path) -> None:
    result = doctor()
    assert result.exit_code == 0, result.stdout
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert len(lines) == len(CHECKS) + 1
    for check, line in zip(CHECKS, lines, strict=False):
        assert line.split()[0] in {"ok", "warning"}
        assert line.split(maxsplit=1)[1].startswith(check.name)
        assert line.endswith(" ms]")
    assert "0 problems" in lines[-1]
    assert list(healthy.iterdir()) == []


def test_detector_and_scorer_run_in_less_than_two_seconds(healthy: Path) -> None:
    checks = {c["name"]: c for c in json.loads(doctor("--json").stdout)["checks"]}
    assert checks["detector"]["took_ms"] + checks["scorer"]["took_ms"] < 2000
    assert "score 0." in checks["detector"]["text"]
    assert "scored the drawn face" in checks["scorer"]["text"]


def test_a_problem_ends_with_code_1_and_stands_with_its_remedy(healthy: Path) -> None:
    (healthy / "facestate.toml").write_text("[analysis]\nfsp = 3\n")
    (healthy / "file").write_text("")
    result = doctor("--out", "file")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if " settings " in line)
    assert lines[at].startswith("problem")
    assert "did you mean 'fps'" in lines[at]
    assert lines[at + 1].strip().startswith("-> ")
    assert any(line.startswith("problem  output folder") for line in lines)


def test_the_folder_is_the_one_that_the_other_commands_use(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (healthy / "facestate.toml").write_text('[output]\nfolder = "from-file"\n')

    def folder(*arguments: str) -> str:
        checks = json.loads(doctor("--json", *arguments).stdout)["checks"]
        text = next(c["text"] for c in checks if c["name"] == "output folder")
        return Path(str(text).removesuffix(" can be made")).name

    assert folder() == "from-file"
    monkeypatch.setenv("FACESTATE_OUT", "from-variable")
    assert folder() == "from-variable"
    assert folder("--out", "told") == "told"


def test_one_problem_is_one_problem(healthy: Path) -> None:
    (healthy / "file").write_text("")
    last = doctor("--out", "file").stdout.splitlines()[-1]
    assert ": 1 problem, " in last


def test_as_json_every_check_has_state_text_remedy_and_time(healthy: Path) -> None:
    result = doctor("--json", "--redis", "redis://127.0.0.1:9")
    content = json.loads(result.stdout)
    assert result.exit_code == 1
    assert content["has_problem"] is True
    assert [c["name"] for c in content["checks"]] == [check.name for check in CHECKS]
    for check in content["checks"]:
        assert set(check) == {"name", "state", "text", "remedy", "took_ms"}
        assert bool(check["remedy"]) == (check["state"] != "ok")


def test_the_python_that_runs_is_the_one_that_is_named(healthy: Path) -> None:
    assert sys.executable in doctor().stdout


@pytest.mark.parametrize("package", ["numpy", "cv2", "polars", "redis"])
def test_a_package_that_is_missing_is_a_finding_and_no_crash(healthy: Path, package: str) -> None:
    blocked = f"import sys; sys.modules[{package!r}] = None"
    code = f"{blocked}; from pipeline.cli.doctor import command; command()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = next(line for line in done.stdout.splitlines() if " packages " in line)
    assert line.startswith("problem")
    assert package in line
