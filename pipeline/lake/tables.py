"""The Delta tables of one lake: scanning, and appends fenced by application transactions."""

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from pipeline.lake.layout import (
    PARTITIONS,
    STATISTICS_COLUMNS,
    TABLES,
    WRITER,
    delta_schema,
    polars_schema,
)
from schemas.errors import DiskFullError, FencedError, SinkError

# Other writers' commits may get in between; each attempt reads the table anew.
COMMIT_ATTEMPTS_MAX = 8
# With less space than a few commits take, none is begun: the native writer that meets a full disk
# in the middle of a file prints a backtrace of its own.
FREE_BYTES_MIN = 16 * 1024 * 1024


# Delta's writer takes a path for an address too: these it misreads or stumbles over.
REFUSED_CHARACTERS = frozenset('%[]^|<>"`{}\\')
PLAIN_CHARACTERS = "/~+&',()@!$*=:;"


@dataclass(frozen=True, slots=True)
class Advance:
    """The step of one application's transaction that a commit makes.

    `expected` is the version the table must hold (None: none yet) when the commit lands. `nonce`
    names the checkpoint that belongs to the commit, so that a reader finds the right one.
    """

    application: str
    expected: int | None
    version: int
    nonce: int


def new_nonce() -> int:
    """Return a random positive integer that fits a Delta transaction version."""
    return secrets.randbits(62)


class Lake:
    """The tables `frames`, `segments`, `windows`, `runs` and `tags` under `<root>/lake`."""

    def __init__(self, root: Path | str) -> None:
        """Take the output folder; nothing is created before the first write."""
        self.root = Path(root)
        self.folder = self.root / "lake"
        if refused := REFUSED_CHARACTERS.intersection(str(self.folder.absolute())):
            raise SinkError(
                "output", f"Delta tables cannot lie under a path with {' '.join(sorted(refused))}",
                str(self.folder), "give --out a folder without it",
            )  # fmt: skip

    def path(self, table: str) -> Path:
        """Return the folder of a table."""
        assert table in TABLES, table
        return self.folder / table

    def exists(self, table: str) -> bool:
        """Tell whether the table was ever written."""
        return DeltaTable.is_deltatable(str(self.path(table)))

    def scan(self, table: str) -> pl.LazyFrame:
        """Return the table as a lazy frame; one never written scans as empty."""
        if not self.exists(table):
            return pl.DataFrame(schema=polars_schema(table)).lazy()
        path = str(self.path(table))
        rows = pl.scan_delta(path) if _is_plain(path) else self._scan_files(table)
        # A lake written by an earlier version lacks the columns that came since.
        found = rows.collect_schema()
        added = {name: kind for name, kind in polars_schema(table).items() if name not in found}
        return rows.with_columns(**{n: pl.lit(None, dtype=kind) for n, kind in added.items()})

    def _scan_files(self, table: str) -> pl.LazyFrame:
        """Return the table from its list of files; polars cannot read it under such a path."""
        files = [self.path(table) / name for name in _file_names(self._handle(table))]
        schema = polars_schema(table)
        hive = {name: schema.pop(name) for name in PARTITIONS.get(table, [])}
        if not files:
            return pl.DataFrame(schema=polars_schema(table)).lazy()
        rows = pl.scan_parquet(
            files,
            schema=schema,
            hive_partitioning=bool(hive),
            hive_schema=hive or None,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
        )
        return rows.select(list(polars_schema(table)))

    def _handle(self, table: str) -> DeltaTable:
        return DeltaTable(str(self.path(table)))

    def standing(self, table: str, application: str) -> tuple[int | None, int | None]:
        """Return version and nonce of the application's last commit to the table."""
        handle = self._open(table)
        if handle is None:
            return None, None
        return _standing(handle, application)

    def append(self, table: str, rows: pl.DataFrame, advances: Sequence[Advance] = ()) -> None:
        """Append rows and advance transactions in one atomic commit.

        Raises FencedError if a transaction does not stand where it is expected, before or while
        the commit lands; then nothing was written. Raises SinkError where storage refuses.
        """

        def commit(handle: DeltaTable) -> None:
            write_deltalake(
                handle,
                rows,
                mode="append",
                schema_mode=None if _has_columns(handle, rows) else "merge",
                writer_properties=WRITER,
                commit_properties=_properties(advances),
            )

        self._commit(table, advances, commit)

    def delete(self, table: str, predicate: str, advance: Advance) -> None:
        """Delete the rows that match and advance the transaction in one atomic commit.

        Files that no longer belong to the table are then removed from disk, so that deleted
        scores are gone; a reader that began before may have to begin again.
        """

        def commit(handle: DeltaTable) -> None:
            before = handle.version()
            held.update(_file_names(handle))
            handle.delete(
                predicate, writer_properties=WRITER, commit_properties=_properties([advance])
            )
            # Delta makes no commit where nothing matches; the transaction must move all the same.
            if handle.version() == before:
                empty = pl.DataFrame(schema=polars_schema(table))
                write_deltalake(
                    handle, empty, mode="append", commit_properties=_properties([advance])
                )

        held: set[str] = set()
        self._commit(table, [advance], commit)
        for name in held - set(_file_names(self._handle(table))):
            (self.path(table) / name).unlink(missing_ok=True)

    def check_space(self) -> None:
        """Raise DiskFullError where the device has no room for a commit."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents)
                     if path.exists())  # fmt: skip
        usage = shutil.disk_usage(there)
        if usage.total > 0 and usage.free < FREE_BYTES_MIN:  # 0: not a device that tells
            raise _disk_full("commit", self.folder)

    def _commit(
        self, table: str, advances: Sequence[Advance], commit: Callable[[DeltaTable], None]
    ) -> None:
        self.check_space()
        for attempt in range(1, COMMIT_ATTEMPTS_MAX + 1):
            try:
                handle = self._open(table) or self._create(table)
                if attempt > 1 and _has_landed(handle, advances):
                    return
                _check_fence(table, handle, advances)
                commit(handle)
            except CommitFailedError as error:
                if attempt == COMMIT_ATTEMPTS_MAX:
                    raise SinkError(
                        f"commit to table {table}",
                        f"{attempt} attempts met other writers' commits",
                        str(error),
                        "start the same command again",
                    ) from error
            except (DeltaError, OSError) as error:
                raise _storage_error(table, self.folder, error) from error
            else:
                return

    def _open(self, table: str) -> DeltaTable | None:
        try:
            return DeltaTable(str(self.path(table)))
        except TableNotFoundError:
            return None

    def _create(self, table: str) -> DeltaTable:
        self.path(table).mkdir(parents=True, exist_ok=True)
        try:
            DeltaTable.create(
                str(self.path(table)),
                schema=delta_schema(table),
                mode="ignore",
                partition_by=PARTITIONS.get(table),
                configuration={
                    "delta.dataSkippingStatsColumns": STATISTICS_COLUMNS[table],
                    "delta.checkpointInterval": "100",
                },
            )
        except DeltaError:
            # Two first writers met; the table is there if the other one was faster.
            if not self.exists(table):
                raise
        return DeltaTable(str(self.path(table)))


def _is_plain(path: str) -> bool:
    """Tell whether polars reads a Delta table there: it takes a path for an encoded address."""
    return quote(path, safe=PLAIN_CHARACTERS) == path


def _file_names(handle: DeltaTable) -> list[str]:
    """Return the files of a table's snapshot, relative to its folder."""
    names = pl.DataFrame(handle.get_add_actions(flatten=True))["path"]
    return [unquote(name) for name in names]


def _has_columns(handle: DeltaTable, rows: pl.DataFrame) -> bool:
    """Tell whether the table has just these columns; another version may have written it."""
    return set(rows.columns) == {field.name for field in handle.schema().fields}


def _standing(handle: DeltaTable, application: str) -> tuple[int | None, int | None]:
    version = handle.transaction_version(application)
    return version, handle.transaction_version(f"{application}#nonce")


def _properties(advances: Sequence[Advance]) -> CommitProperties:
    transactions = []
    for advance in advances:
        transactions.append(Transaction(advance.application, advance.version))
        transactions.append(Transaction(f"{advance.application}#nonce", advance.nonce))
    return CommitProperties(app_transactions=transactions)


def _has_landed(handle: DeltaTable, advances: Sequence[Advance]) -> bool:
    """Tell whether an earlier attempt landed though its answer was lost."""
    return bool(advances) and all(
        _standing(handle, advance.application) == (advance.version, advance.nonce)
        for advance in advances
    )


def _check_fence(table: str, handle: DeltaTable, advances: Sequence[Advance]) -> None:
    for advance in advances:
        found, _ = _standing(handle, advance.application)
        if found != advance.expected:
            raise FencedError(
                f"commit to table {table}", advance.application, advance.expected, found
            )


def _storage_error(table: str, folder: Path, error: Exception) -> SinkError:
    text = str(error)
    if "No space left" in text or "StorageFull" in text or "os error 28" in text:
        return _disk_full(f"commit to table {table}", folder)
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        return SinkError(
            f"commit to table {table}", "the folder is not writable", str(folder),
            "give --out a folder that you may write to",
        )  # fmt: skip
    return SinkError(f"commit to table {table}", "storage refused", text, "see `facestate doctor`")


def _disk_full(step: str, folder: Path) -> DiskFullError:
    return DiskFullError(
        step, "no space is left on the device", str(folder),
        f"free {FREE_BYTES_MIN >> 20} MB or more and start the same command again; nothing is "
        "half-written",
    )  # fmt: skip
