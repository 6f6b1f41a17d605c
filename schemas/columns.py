"""Column definitions: one list per table makes the pydantic model, the table and the docs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

ColumnType = Literal[
    "string", "bool", "int16", "int32", "int64", "float32", "timestamp", "date", "counts", "scores",
    "strings",
]  # fmt: skip

_PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "bool": bool,
    "int16": int,
    "int32": int,
    "int64": int,
    "float32": float,
    "timestamp": datetime,
    "date": date,
    "counts": list[int],
    "scores": list["NamedScore"],
    "strings": list[str],
}


class NamedScore(BaseModel):
    """One score that an adapter's own label set adds."""

    model_config = ConfigDict(frozen=True)

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, range and what null means.

    `step` is the grid that stored values are rounded to (None = stored as computed); it is the
    whole loss of storing. An empty `null` means that the column is never null.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    null: str = ""
    step: float | None = None
    is_key: bool = False

    @property
    def is_nullable(self) -> bool:
        """Tell whether the column may be null."""
        return bool(self.null)


def row_model(name: str, doc: str, columns: Iterable[Column]) -> type[BaseModel]:
    """Return a frozen pydantic model with one field per column, ignoring unknown fields."""
    fields: dict[str, Any] = {}
    for column in columns:
        kind = _PYTHON_TYPES[column.type]
        constraint: dict[str, Any] = {"ge": column.low, "le": column.high}
        bounds = {key: value for key, value in constraint.items() if value is not None}
        text = f"{column.description} [{column.unit}]" if column.unit else column.description
        if column.is_nullable:
            fields[column.name] = (kind | None, Field(None, description=text, **bounds))
        else:
            fields[column.name] = (kind, Field(description=text, **bounds))
    config = ConfigDict(frozen=True, extra="ignore")
    return create_model(name, __config__=config, __doc__=doc, **fields)
