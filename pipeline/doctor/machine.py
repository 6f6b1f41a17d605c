"""Checks of the machine: Python, packages, codecs, cores, memory, GPU, clock."""

import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.doctor.findings import Finding, Patient, ok, problem, warning

PYTHONS = ((3, 11), (3, 12))
ROOMS = ("schemas", "operators", "serving", "pipeline")
PACKAGES = {
    "numpy": "numpy",
    "av": "av",
    "cv2": "opencv-python-headless",
    "ai_edge_litert.interpreter": "ai-edge-litert",
    "deltalake": "deltalake",
    "polars": "polars",
    "redis": "redis",
    "matplotlib": "matplotlib",
}
OPENCV_WHEELS = (
    "opencv-python", "opencv-python-headless", "opencv-contrib-python",
    "opencv-contrib-python-headless",
)  # fmt: skip
CODECS = ("h264", "hevc", "vp9", "mjpeg")
MEMORY_BYTES_MIN = 800 * 1024**2
CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")
GPU_TIMEOUT_S = 5.0
YEARS = range(2025, 2100)


def python(_: Patient, version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Check the version of Python."""
    text = f"{platform.python_version()} at {sys.executable}"
    if version in PYTHONS:
        return ok(text)
    return problem(
        f"{text}; facestate needs 3.11 or 3.12",
        "make an environment with one of them: `python3.12 -m venv .venv`, then install again",
    )


def installation(_: Patient, folders: dict[str, str] | None = None) -> Finding:
    """Check that no other package of the same name stands before one of ours."""
    folders = _room_folders() if folders is None else folders
    home = folders["pipeline"]
    strangers = [f"{room} from {place}" for room, place in folders.items() if place != home]
    if strangers:
        return problem(
            f"another package hides ours: {', '.join(strangers)}",
            "install facestate in an environment of its own, and unset PYTHONPATH",
        )
    return ok(f"facestate {metadata.version('facestate')} in {home}")


def packages(_: Patient, wanted: dict[str, str] | None = None) -> Finding:
    """Check that the packages that do the work can be imported."""
    versions, failures = [], {}
    for module, distribution in (wanted or PACKAGES).items():
        try:
            importlib.import_module(module)
            versions.append(f"{distribution} {metadata.version(distribution)}")
        except Exception as error:  # noqa: BLE001 - a broken package may raise anything
            failures[distribution] = str(error) or type(error).__name__
    if not failures:
        return ok(", ".join(versions))
    texts = [f"{name} cannot be used: {reason}" for name, reason in failures.items()]
    return problem("; ".join(texts), f"{_pip()} install --force-reinstall {' '.join(failures)}")


def opencv_wheels(_: Patient, installed: Iterable[str] | None = None) -> Finding:
    """Check that no two OpenCV wheels overwrite each other's files."""
    names = _installed() if installed is None else set(installed)
    found = [name for name in OPENCV_WHEELS if name in names]
    if len(found) < 2:
        return ok(found[0] if found else "none of the usual wheels; OpenCV comes from elsewhere")
    return problem(
        f"{' and '.join(found)} lie in the same folder and overwrite each other",
        f"{_pip()} uninstall -y {' '.join(found)} && "
        f"{_pip()} install --force-reinstall opencv-python-headless",
    )


def codecs(_: Patient, available: Iterable[str] | None = None) -> Finding:
    """Check that PyAV can decode the usual codecs."""
    if available is None:
        import av

        available = av.codecs_available
    missing = sorted(set(CODECS) - set(available))
    if not missing:
        return ok(", ".join(CODECS))
    return problem(
        f"PyAV was built without {', '.join(missing)}",
        f"{_pip()} install --force-reinstall --only-binary=:all: av",
    )


def cores(_: Patient) -> Finding:
    """Say how many cores this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ok(f"{usable} of {os.cpu_count()} usable, {platform.machine()}")


def memory(_: Patient, available_bytes: int | None = None) -> Finding:
    """Check that a run fits into the free memory, or into the container's limit."""
    if available_bytes is None:
        available_bytes = min(_available_bytes(), _cgroup_bytes())
    text = f"{available_bytes / 1e9:.1f} GB free"
    if available_bytes >= MEMORY_BYTES_MIN:
        return ok(text)
    return warning(
        f"{text}; a run takes up to {MEMORY_BYTES_MIN / 1e9:.1f} GB",
        "end other programs, or raise the container's limit",
    )


def gpu(_: Patient, which: Callable[[str], str | None] = shutil.which) -> Finding:
    """Say which GPU is seen; none is needed."""
    program = which("nvidia-smi")
    if program is None:
        return ok("none seen; the CPU decodes and scores")
    try:
        done = subprocess.run(
            [program, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, errors="replace", timeout=GPU_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return warning("nvidia-smi does not answer", "`nvidia-smi` shows what the driver says")
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        return warning("nvidia-smi sees no GPU", "`nvidia-smi` shows what the driver says")
    return ok("; ".join(lines))


def clock(_: Patient, now: datetime | None = None) -> Finding:
    """Check that the clock is set: event time and the expiry of live keys hang on it."""
    now = datetime.now(UTC) if now is None else now
    if now.year in YEARS:
        return ok(now.isoformat(timespec="seconds"))
    return problem(
        f"it shows {now.isoformat(timespec='seconds')}", "`timedatectl set-ntp true` sets it"
    )


def _room_folders() -> dict[str, str]:
    rooms = {room: importlib.import_module(room) for room in ROOMS}
    return {room: str(Path(str(module.__file__)).parents[1]) for room, module in rooms.items()}


def _pip() -> str:
    return f"{sys.executable} -m pip"


def _installed() -> set[str]:
    names = (dist.metadata["Name"] for dist in metadata.distributions())
    return {name.lower().replace("_", "-") for name in names if name}


def _available_bytes() -> int:
    psutil: Any = importlib.import_module("psutil")
    return int(psutil.virtual_memory().available)


def _cgroup_bytes() -> int:
    """Return the container's limit, or a number beyond any memory where there is none."""
    try:
        text = CGROUP_MEMORY.read_text().strip()
    except OSError:
        return sys.maxsize
    return int(text) if text.isdigit() else sys.maxsize
