"""Stores for tests: one small file of weights, wheels in a folder, addresses in memory."""

import hashlib
import io
import sys
import urllib.error
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from serving.store import ModelStore
from serving.weights import AddressOrigin, Origin, Weights, WheelOrigin

BODY = bytes(range(256)) * 20
WHEEL = WheelOrigin("tiny-weights", "1.0", "tiny_weights/data/tiny.onnx")
ADDRESS = AddressOrigin("https://example.org/tiny.onnx")


class Addresses:
    """Official addresses in memory; counts what is opened."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies = bodies
        self.opened: list[str] = []

    def __call__(self, url: str, timeout_s: float) -> AbstractContextManager[IO[bytes]]:
        self.opened.append(url)
        if url not in self.bodies:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(self.bodies[url])


def table(*origins: Origin, body: bytes = BODY) -> dict[str, Weights]:
    digest = hashlib.sha256(body).hexdigest()
    weights = Weights(
        "tiny", "tiny.onnx", digest, len(body), "MIT", "nobody", "tests", tuple(origins)
    )
    return {"tiny": weights}


def write_wheel(
    folder: Path, member: str = WHEEL.member, body: bytes = BODY, name: str = "tiny_weights"
) -> None:
    """Write the smallest wheel that pip takes; it asks for a Python that nobody has."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: >=9\n"
    wheel = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(member, body)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", wheel)
        archive.writestr(f"{info}/RECORD", "")


def fake_pip(tmp_path: Path, code: str) -> tuple[str, ...]:
    """Return a command that behaves as `code` does where pip would be started."""
    script = tmp_path / "fake_pip.py"
    script.write_text(code)
    return sys.executable, str(script)


def store(tmp_path: Path, *origins: Origin, **ways: object) -> ModelStore:
    ways = {"pip": (), "open_address": Addresses({}), **ways}
    return ModelStore(tmp_path / "models", table=table(*origins), **ways)  # type: ignore[arg-type]
