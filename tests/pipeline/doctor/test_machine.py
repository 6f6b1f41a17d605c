"""Goal: a fault of the machine is one line with the command that mends it.

Method: each check is given the fault, and this machine for comparison.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.doctor import CheckState, Patient, machine

OK, WARNING, PROBLEM = CheckState.OK, CheckState.WARNING, CheckState.PROBLEM
ANYBODY = Patient()


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10), PROBLEM), ((3, 11), OK), ((3, 12), OK), ((3, 13), PROBLEM)],
)
def test_python_is_3_11_or_3_12(version: tuple[int, int], state: CheckState) -> None:
    finding = machine.python(ANYBODY, version)
    assert finding.state is state
    assert bool(finding.remedy) == (state is PROBLEM)


def test_a_package_that_hides_one_of_ours_is_named() -> None:
    folders = {"schemas": "/theirs", "operators": "/ours", "serving": "/ours", "pipeline": "/ours"}
    finding = machine.installation(ANYBODY, folders)
    assert finding.state is PROBLEM
    assert "schemas from /theirs" in finding.text
    assert machine.installation(ANYBODY).state is OK


def test_a_package_that_cannot_be_imported_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_wheel.py").write_text("raise OSError('libGL.so.1 is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    finding = machine.packages(ANYBODY, {"numpy": "numpy", "broken_wheel": "broken-wheel"})
    assert finding.state is PROBLEM
    assert "broken-wheel cannot be used: libGL.so.1 is missing" in finding.text
    assert finding.remedy.endswith("install --force-reinstall broken-wheel")


def test_two_opencv_wheels_side_by_side_are_a_problem() -> None:
    both = ["opencv-python", "numpy", "opencv-python-headless"]
    finding = machine.opencv_wheels(ANYBODY, both)
    assert finding.state is PROBLEM
    assert "uninstall -y opencv-python opencv-python-headless" in finding.remedy
    assert machine.opencv_wheels(ANYBODY, both[1:]).state is OK
    assert machine.opencv_wheels(ANYBODY).state is OK


def test_a_missing_codec_is_named() -> None:
    finding = machine.codecs(ANYBODY, {"h264", "vp9", "mjpeg"})
    assert finding.state is PROBLEM
    assert "without hevc" in finding.text
    assert machine.codecs(ANYBODY).state is OK


def test_little_memory_is_a_warning() -> None:
    assert machine.memory(ANYBODY, 500_000_000).state is WARNING
    assert machine.memory(ANYBODY, 4_000_000_000).state is OK


def test_a_containers_limit_counts_as_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CGROUP_MEMORY", limit)
    limit.write_text("268435456\n")
    assert machine.memory(ANYBODY).text.startswith("0.3 GB")
    limit.write_text("max\n")
    assert not machine.memory(ANYBODY).text.startswith("0.3 GB")


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo 'NVIDIA H200, 570.1'", OK, "NVIDIA H200, 570.1"),
        ("exit 9", WARNING, "sees no GPU"),
        ("sleep 30", WARNING, "does not answer"),
    ],
)
def test_a_gpu_is_named_and_a_broken_driver_is_a_warning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    state: CheckState,
    words: str,
) -> None:
    monkeypatch.setattr(machine, "GPU_TIMEOUT_S", 0.5)
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nexec {script}\n" if "echo" not in script
                       else f"#!/bin/sh\n{script}\n")  # fmt: skip
    program.chmod(0o755)
    finding = machine.gpu(ANYBODY, lambda _: str(program))
    assert finding.state is state
    assert words in finding.text


def test_no_gpu_is_fine() -> None:
    assert machine.gpu(ANYBODY, lambda _: None).state is OK


@pytest.mark.parametrize(("year", "state"), [(1970, PROBLEM), (2026, OK), (2107, PROBLEM)])
def test_a_clock_that_is_not_set_is_a_problem(year: int, state: CheckState) -> None:
    assert machine.clock(ANYBODY, datetime(year, 1, 1, tzinfo=UTC)).state is state
