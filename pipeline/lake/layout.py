"""Table names, Delta and polars types, and how rows become stored columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from deltalake import ColumnProperties, WriterProperties
from deltalake.schema import ArrayType, Field, PrimitiveType, Schema, StructType

from schemas.columns import Column
from schemas.frames import FRAME_COLUMNS
from schemas.ledger import SEGMENT_COLUMNS
from schemas.runs import RUN_COLUMNS, TAG_COLUMNS
from schemas.windows import WINDOW_COLUMNS

TABLES: dict[str, tuple[Column, ...]] = {
    "frames": FRAME_COLUMNS,
    "segments": SEGMENT_COLUMNS,
    "windows": WINDOW_COLUMNS,
    "runs": RUN_COLUMNS,
    "tags": TAG_COLUMNS,
}
# The order in which a batch of segments is committed; the last table to stand is the slowest.
COMMIT_ORDER = ("frames", "segments", "windows")
PARTITIONS = {name: ["event_date"] for name in COMMIT_ORDER}
# Statistics of other columns prune nothing and would make every commit of the log longer.
STATISTICS_COLUMNS = {
    "frames": "call_id,run_id,event_at",
    "segments": "call_id,run_id,sequence",
    "windows": "call_id,run_id,window_s,start_at",
    "runs": "call_id",
    "tags": "call_id",
}

_POLARS: dict[str, pl.DataType] = {
    "string": pl.String(),
    "bool": pl.Boolean(),
    "int16": pl.Int16(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float32": pl.Float32(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "counts": pl.List(pl.Int16()),
    "scores": pl.List(pl.Struct({"name": pl.String(), "score": pl.Float32()})),
    "strings": pl.List(pl.String()),
}
_DELTA: dict[str, Any] = {
    "string": PrimitiveType("string"),
    "bool": PrimitiveType("boolean"),
    "int16": PrimitiveType("short"),
    "int32": PrimitiveType("integer"),
    "int64": PrimitiveType("long"),
    "float32": PrimitiveType("float"),
    "timestamp": PrimitiveType("timestamp"),
    "date": PrimitiveType("date"),
    "counts": ArrayType(PrimitiveType("short"), contains_null=True),
    "scores": ArrayType(
        StructType(
            [Field("name", PrimitiveType("string")), Field("score", PrimitiveType("float"))]
        ),
        contains_null=True,
    ),
    "strings": ArrayType(PrimitiveType("string"), contains_null=True),
}

# Values lie on small grids, so dictionaries and zstd do the work; statistics per column chunk
# would outweigh the data of a 30 s file.
WRITER = WriterProperties(
    compression="ZSTD",
    compression_level=15,
    default_column_properties=ColumnProperties(dictionary_enabled=True, statistics_enabled="NONE"),
    column_properties={
        name: ColumnProperties(dictionary_enabled=True, statistics_enabled="CHUNK")
        for name in ("call_id", "run_id", "event_at", "sequence", "window_s", "start_at")
    },
)


def polars_schema(table: str) -> dict[str, pl.DataType]:
    """Return column name -> polars type, in the table's order."""
    return {column.name: _POLARS[column.type] for column in TABLES[table]}


def delta_schema(table: str) -> Schema:
    """Return the Delta schema; nullable by type everywhere, as Delta's writers expect."""
    return Schema([Field(column.name, _DELTA[column.type]) for column in TABLES[table]])


def to_frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as a typed frame, stored values rounded to their columns' grids.

    Rows hold every column of the table (a missing key is the programmer's error), None for null;
    NaN becomes null.
    """
    columns = TABLES[table]
    schema = polars_schema(table)
    numbers = _numbers([column for column in columns if column.type == "float32"], rows)
    others = pl.DataFrame(
        {
            column.name: [row[column.name] for row in rows]
            for column in columns
            if column.type != "float32"
        },
        schema={name: kind for name, kind in schema.items() if name not in numbers.columns},
        strict=True,
    )
    return others.hstack(numbers).select(list(schema))


def _numbers(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the columns of numbers, rounded to their grids, as one block: there are hundreds."""
    block = np.array(
        [[row[column.name] for column in columns] for row in rows], dtype=np.float64
    ).reshape(len(rows), len(columns))  # None becomes NaN
    low = np.array([-np.inf if column.low is None else column.low for column in columns])
    high = np.array([np.inf if column.high is None else column.high for column in columns])
    step = np.array([column.step or 0.0 for column in columns])
    block = np.clip(block, low, high)
    gridded = step > 0
    block[:, gridded] = np.round(block[:, gridded] / step[gridded]) * step[gridded]
    stored = (block + 0.0).astype(np.float32)  # + 0.0 turns -0.0 into 0.0
    names = [column.name for column in columns]
    frame = pl.from_numpy(stored, schema=dict.fromkeys(names, pl.Float32), orient="row")
    return frame.fill_nan(None)
