"""Checkpoints: a stream's operator state, with the rows that the next commit owes the tables."""

import contextlib
import errno
import json
import os
import re
import zlib
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
# Small tables that follow `frames` in a commit and are recovered from here.
OWED_TABLES = ("segments", "windows")

_NAME = re.compile(r"(\d{1,19})-(\d{1,19})\.state")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State after a batch of segments; `version` and `nonce` are those of the batch's commit."""

    version: int
    nonce: int
    state: dict[str, Any]
    owed: dict[str, pl.DataFrame] = field(default_factory=dict)


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
        stem = f"{checkpoint.version}-{checkpoint.nonce}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for table, rows in checkpoint.owed.items():
                path = self.folder / f"{stem}.{table}.parquet"
                rows.write_parquet(path, compression="zstd", statistics=False)
            _write_durably(self.folder / f"{stem}.state", packed)
            self._forget_old()
        except OSError as error:
            raise _checkpoint_error(self.folder, error) from error
        return len(packed)

    def read(self, version: int, nonce: int) -> Checkpoint:
        """Return the checkpoint of a commit; raises SinkError where it is missing or damaged."""
        stem = f"{version}-{nonce}"
        path = self.folder / f"{stem}.state"
        try:
            if path.stat().st_size > STATE_BYTES_MAX:
                raise ValueError("larger than any checkpoint")
            content = _unpack(path.read_bytes())
            owed = {
                table: pl.read_parquet(self.folder / f"{stem}.{table}.parquet").match_to_schema(
                    pl.Schema(polars_schema(table))
                )
                for table in OWED_TABLES
            }
        except (OSError, ValueError, KeyError, zlib.error, pl.exceptions.PolarsError) as error:
            raise SinkError(
                "resume", f"the checkpoint cannot be used: {error}", str(path),
                "analyse the call again with --replace",
            ) from error  # fmt: skip
        return Checkpoint(version, nonce, content["state"], owed)

    def clear(self) -> None:
        """Remove all checkpoints of a finished run, and the folders they leave empty."""
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            path.unlink(missing_ok=True)
        folder = self.folder
        while folder != self._lake_folder:
            with contextlib.suppress(OSError):
                folder.rmdir()
            folder = folder.parent

    def _forget_old(self) -> None:
        states = sorted(
            (path for path in self.folder.glob("*.state") if _NAME.fullmatch(path.name)),
            key=lambda path: path.stat().st_mtime_ns,
        )
        for state in states[: -self._kept]:
            for path in self.folder.glob(f"{state.stem}.*"):
                path.unlink(missing_ok=True)


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
