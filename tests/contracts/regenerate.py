"""Writes the golden JSON Schemas anew: `python -m tests.contracts.regenerate`."""

import json
from pathlib import Path

from pydantic import BaseModel

from schemas.frames import FrameEvent
from schemas.ledger import LedgerRow
from schemas.registration import Registration
from schemas.runs import RunRow, TagRow
from schemas.segments import DeadLetter, SegmentHeader
from schemas.windows import WindowSummary

GOLDEN = Path(__file__).parent / "golden"

MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        SegmentHeader, Registration, FrameEvent, WindowSummary, LedgerRow, DeadLetter, RunRow,
        TagRow,
    )
}  # fmt: skip


def schema_text(model: type[BaseModel]) -> str:
    """Return a model's JSON Schema as the golden file holds it."""
    return json.dumps(model.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every golden file; the difference in version control is the change of contract."""
    GOLDEN.mkdir(exist_ok=True)
    for name, model in MODELS.items():
        (GOLDEN / f"{name}.json").write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    main()
