"""Checks of what is read and written: settings, output folder, tables, Redis."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.doctor.findings import Finding, Patient, ok, problem, warning
from schemas.errors import SinkError

SPACE_BYTES_LOW = 1_000_000_000
SPACE_BYTES_MIN = 100_000_000
# A face's hour of tables; see the design's bound on storage.
FACE_HOUR_BYTES = 4_000_000
TABLE_FILES_MAX = 1000
OTHER_FOLDER = "choose another folder with --out, or set output.folder"


class Server(Protocol):
    """A Redis server that was started for the check."""

    url: str
    executable: str

    def stop(self) -> None:
        """End it."""


def settings(patient: Patient) -> Finding:
    """Check that the settings can be read."""
    if patient.settings_error is not None:
        error = patient.settings_error
        given = "" if error.given is None else f" (given {error.given})"
        return problem(f"{error.happened}{given}", error.remedy or "correct it")
    source = patient.settings_file
    return ok(f"valid, {source}" if source else "valid, no settings file")


def folder(patient: Patient) -> Finding:
    """Check that the output folder can be written, or made."""
    path = _folder(patient)
    if path is None:
        return ok(f"{patient.settings.output.folder} is remote; not tried")
    if path.exists() and not path.is_dir():
        return problem(f"{path} is not a folder", OTHER_FOLDER)
    existing = _existing(path)
    if not existing.is_dir():
        return problem(f"{path} cannot be made, {existing} is not a folder", OTHER_FOLDER)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return problem(f"{existing} cannot be written: {error.strerror}", OTHER_FOLDER)
    return ok(f"{path} can be {'written' if existing == path else 'made'}")


def space(patient: Patient) -> Finding:
    """Check that the disk under the output folder has room."""
    path = _folder(patient)
    if path is None:
        return ok("the output folder is remote; not measured")
    free_bytes = shutil.disk_usage(_existing(path)).free
    hours = free_bytes // FACE_HOUR_BYTES
    text = f"{free_bytes / 1e9:.1f} GB, room for about {hours:,} hours of one face"
    if free_bytes < SPACE_BYTES_MIN:
        return problem(text, f"free space, or {OTHER_FOLDER}")
    if free_bytes < SPACE_BYTES_LOW:
        return warning(text, f"free space, or {OTHER_FOLDER}")
    return ok(text)


def tables(patient: Patient) -> Finding:
    """Check that existing tables can be read: their log, their columns, their newest files."""
    path = _folder(patient)
    if path is None:
        return ok("the output folder is remote; not read")
    from pipeline.lake.layout import TABLES
    from pipeline.lake.tables import Lake

    lake = Lake(path)
    there = [name for name in TABLES if lake.path(name).exists()]
    faults = [fault for name in there if (fault := _table_fault(lake.path(name), name))]
    if faults:
        return problem(
            "; ".join(faults),
            f"bring back {lake.folder} from a copy, or {OTHER_FOLDER} and analyse again",
        )
    return ok(f"{', '.join(there)} in {lake.folder}" if there else "none yet")


def redis(patient: Patient, start: Callable[[], Server | None] | None = None) -> Finding:
    """Check that Redis answers, or that a server of this machine's own starts and answers."""
    if url := patient.settings.redis.url:
        return _answer(url, url, "start it there, or unset redis.url to use the embedded server")
    server = (start or _start_embedded)()
    if server is None:
        return warning(
            "no address set and no redis-server 6.2 found; runs go without the live view",
            "set redis.url, or install redis-server 6.2 or newer",
        )
    try:
        return _answer(server.url, f"{server.executable}, started for each run", "set redis.url")
    finally:
        server.stop()


def _start_embedded() -> Server | None:
    from pipeline.live.embedded import start_embedded

    return start_embedded()


def _answer(url: str, place: str, remedy: str) -> Finding:
    from pipeline.live.client import check, client_of
    from pipeline.live.settings import RedisSettings

    client = client_of(url, RedisSettings())
    try:
        check(client, url)
        version = client.info("server").get("redis_version")
    except SinkError as error:
        return problem(f"{error.happened}: {place}", error.remedy or remedy)
    finally:
        client.close()
    return ok(f"{version} at {place}")


def _folder(patient: Patient) -> Path | None:
    text = patient.settings.output.folder
    return None if "://" in text else Path(text).absolute()


def _existing(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists."""
    return next(p for p in (path, *path.parents) if p.exists())


def _table_fault(path: Path, name: str) -> str:
    from deltalake import DeltaTable

    from pipeline.lake.layout import TABLES

    if not any(path.iterdir()):
        return ""
    try:
        table = DeltaTable(str(path))
        present = {field.name for field in table.schema().fields}
        files = table.file_uris()
    except Exception as error:  # noqa: BLE001 - a damaged log raises many kinds
        return f"table {name} cannot be read: {_first_line(error)}"
    missing = [column.name for column in TABLES[name] if column.name not in present]
    if missing:
        return f"table {name} has no column {missing[0]} (of {len(missing)} missing)"
    gone = [file for file in files[:TABLE_FILES_MAX] if not os.access(file, os.R_OK)]
    return f"table {name} lacks {len(gone)} of its {len(files)} files" if gone else ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
