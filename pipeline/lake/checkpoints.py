"""Checkpoints: a stream's operator state, with the rows that the next commit owes the tables."""

import contextlib
import errno
import io
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.lake.layout import polars_schema
from schemas.errors import DiskFullError, SinkError
from schemas.names import is_name

FORMAT_VERSION = 1
# A checkpoint is read back into memory; whatever is larger was not written by us.
STATE_BYTES_MAX = 4 * 1024 * 1024
JSON_BYTES_MAX = 64 * 1024 * 1024

_NAME = re.compile(r"(\d{1,19})-(\d{1,19})\.")
VERSION_NEVER = 1 << 64
FOLDER_ATTEMPTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State after a batch of segments; `version` and `nonce` are those of the batch's commit."""

    version: int
    nonce: int
    state: dict[str, Any]
    owed: Mapping[str, pl.DataFrame] = field(default_factory=dict)


class CheckpointStore:
    """The checkpoints of one run over one stream, a folder inside the lake."""

    def __init__(self, lake_folder: Path, stream: tuple[str, str, str, str], kept: int = 4) -> None:
        """Take (tenant, call, stream, run); keep the `kept` newest checkpoints."""
        assert all(is_name(part) for part in stream), stream
        self._lake_folder = lake_folder
        self.folder = lake_folder.joinpath("_checkpoints", *stream)
        self._kept = kept

    def write(self, checkpoint: Checkpoint) -> int:
        """Write durably and return the size of the state in bytes.

        The owed rows come first and the state last, each by rename, so that a state file is
        complete whenever it is there.
        """
        text = json.dumps({"format": FORMAT_VERSION, "state": checkpoint.state}, allow_nan=True)
        packed = zlib.compress(text.encode(), level=6)
        stem = _stem(checkpoint.version, checkpoint.nonce)
        try:
            for table, rows in checkpoint.owed.items():
                self._put(f"{stem}.{table}.parquet", _packed(rows))
            self._put(f"{stem}.state", packed)
            self._forget_old(checkpoint.version)
        except OSError as error:
            raise _checkpoint_error(self.folder, error) from error
        return len(packed)

    def _put(self, name: str, content: bytes) -> None:
        """Write a file; another process may be removing folders that it left empty."""
        for attempt in range(1, FOLDER_ATTEMPTS_MAX + 1):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                _write_durably(self.folder / name, content)
            except FileNotFoundError:
                if attempt == FOLDER_ATTEMPTS_MAX:
                    raise
            else:
                return

    def read(self, version: int, nonce: int) -> Checkpoint:
        """Return the checkpoint of a commit; raises SinkError where it is missing or damaged."""
        path = self.folder / f"{_stem(version, nonce)}.state"
        try:
            if path.stat().st_size > STATE_BYTES_MAX:
                raise ValueError("larger than any checkpoint")
            content = _unpack(path.read_bytes())
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise _unusable(path, error) from error
        return Checkpoint(version, nonce, content["state"])

    def read_owed(self, version: int, nonce: int, table: str) -> pl.DataFrame:
        """Return the rows that a commit owes to `table`; raises as `read`."""
        path = self.folder / f"{_stem(version, nonce)}.{table}.parquet"
        try:
            return pl.read_parquet(path).match_to_schema(pl.Schema(polars_schema(table)))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unusable(path, error) from error

    def clear(self, version_max: int) -> None:
        """Remove the checkpoints up to a version, and the folders that this leaves empty.

        Those of a later version belong to whoever took over.
        """
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            if _version_of(path) <= version_max:
                path.unlink(missing_ok=True)
        folder = self.folder
        while folder != self._lake_folder:
            with contextlib.suppress(OSError):
                folder.rmdir()
            folder = folder.parent

    def _forget_old(self, version: int) -> None:
        """Keep the newest versions up to the one just written; the clock has no say in this."""
        versions = sorted({_version_of(path) for path in self.folder.glob("*.state")})
        older = [found for found in versions if found <= version]
        for path in self.folder.glob("*"):
            if _version_of(path) in older[: -self._kept]:
                path.unlink(missing_ok=True)


def _stem(version: int, nonce: int) -> str:
    return f"{version}-{nonce}"


def _version_of(path: Path) -> int:
    """Return the version in a checkpoint file's name; of any other file, one that is kept."""
    found = _NAME.match(path.name)
    return int(found[1]) if found else VERSION_NEVER


def _packed(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()


def _unusable(path: Path, error: Exception) -> SinkError:
    return SinkError(
        "resume", f"the checkpoint cannot be used: {error}", str(path),
        "analyse the call again with --replace",
    )  # fmt: skip


def _unpack(packed: bytes) -> dict[str, Any]:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(packed, JSON_BYTES_MAX)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("damaged or too large")
    content = json.loads(text)
    if not isinstance(content, dict) or content.get("format") != FORMAT_VERSION:
        raise ValueError("of another version of facestate")
    return content


def _write_durably(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _checkpoint_error(folder: Path, error: OSError) -> SinkError:
    if error.errno == errno.ENOSPC:
        return DiskFullError(
            "write checkpoint", "no space is left on the device", str(folder),
            "free some and start the same command again; nothing is half-written",
        )  # fmt: skip
    return SinkError(
        "write checkpoint", str(error), str(folder), "give --out a folder that you may write to"
    )
