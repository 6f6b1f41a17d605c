"""The size of the tables per hour of one face, from rows that do not repeat themselves.

A looped video's rows repeat and pack better than any real hour. So the cost of a row is taken
from one pass over a video, the cost of a file from a file of one row, and both are added up.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.lake.tables import Lake
from schemas.windows import WINDOW_SIZES_S

TABLES = ("frames", "windows")
MIB = 1024 * 1024


@dataclass(frozen=True)
class TableSize:
    """What one table costs: a file with next to nothing in it, and each further row."""

    file_bytes: float
    row_bytes: float


def measure_tables(lake: Lake, folder: Path) -> dict[str, TableSize]:
    """Return the costs of the tables that hold a face's rows, written as the product does."""
    return {table: _measure(lake.scan(table).collect(), table, folder) for table in TABLES}


def mib_per_face_hour(
    sizes: dict[str, TableSize], fps: float, commits_per_face_hour: float
) -> float:
    """Return the size of an hour of one face with its share of the commits' files."""
    rows = {"frames": fps * 3600, "windows": 2 * sum(3600 / size for size in WINDOW_SIZES_S)}
    total = sum(sizes[table].row_bytes * rows[table] for table in TABLES)
    files = commits_per_face_hour * sum(size.file_bytes for size in sizes.values())
    return (total + files) / MIB


def _measure(rows: pl.DataFrame, table: str, folder: Path) -> TableSize:
    one = _file_bytes(rows.head(1), table, folder / f"{table}-one")
    everything = _file_bytes(rows, table, folder / f"{table}-all")
    return TableSize(one, (everything - one) / max(1, len(rows) - 1))


def _file_bytes(rows: pl.DataFrame, table: str, folder: Path) -> int:
    lake = Lake(folder)
    lake.append(table, rows)
    return sum(path.stat().st_size for path in lake.path(table).rglob("*.parquet"))
