"""What crosses a process keeps its shape: schemas equal their golden files, old messages are read.

Method: the models' JSON Schemas are compared with tests/contracts/golden; from each golden file the
smallest message its writer could send is built, and today's model must read it.
"""

import json
from typing import Any

import jsonschema
import pytest

from tests.contracts.regenerate import GOLDEN, MODELS, schema_text

HINT = (
    "a contract changed: if that is meant, run `python -m tests.contracts.regenerate`, look at the "
    "difference and say in CHANGELOG.md what readers and writers must know"
)
EXAMPLES = {
    "^[A-Za-z0-9._-]{1,128}$": "cam-1",
    "^[0-9a-f]{64}$": "0" * 64,
    "^[A-Za-z-]{2,32}$": "default",
}
FORMATS = {"date-time": "2023-11-14T22:13:20Z", "date": "2023-11-14"}

each_model = pytest.mark.parametrize("name", sorted(MODELS))


def golden(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def example(part: dict[str, Any], root: dict[str, Any]) -> Any:
    """Return the smallest value that a part of a schema allows."""
    if "$ref" in part:
        return example(root["$defs"][part["$ref"].rsplit("/", 1)[1]], root)
    if "enum" in part:
        return part["enum"][0]
    if part["type"] == "object":
        return {k: example(part["properties"][k], root) for k in part.get("required", ())}
    if part["type"] == "array":
        items = part.get("prefixItems") or [part["items"]] * part.get("minItems", 0)
        return [example(item, root) for item in items]
    if part["type"] == "string":
        return (
            EXAMPLES[part["pattern"]] if "pattern" in part else FORMATS.get(part.get("format"), "")
        )
    return False if part["type"] == "boolean" else part.get("minimum", 0)


@each_model
def test_a_schema_equals_its_golden_file(name):
    assert (GOLDEN / f"{name}.json").read_text(encoding="utf-8") == schema_text(MODELS[name]), HINT


def test_every_golden_file_has_its_model():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MODELS)


@each_model
def test_a_message_with_the_required_fields_only_is_read(name):
    schema = golden(name)
    message = example(schema, schema)
    for field in schema.get("required", ()):
        assert field in message
    if name == "Registration":
        message["regions"] = [{"participant_id": "anna", "role": "customer"}]
    jsonschema.validate(message, schema)
    read = MODELS[name].model_validate_json(json.dumps(message))
    jsonschema.validate(json.loads(read.model_dump_json()), schema)


@each_model
def test_a_golden_schema_refuses_what_lacks_a_required_field(name):
    schema = golden(name)
    errors = jsonschema.Draft202012Validator(schema).iter_errors({})
    missing = {error.message.split("'")[1] for error in errors if error.validator == "required"}
    assert missing == set(schema["required"])
    assert missing


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"Registration"}))
def test_a_field_from_the_future_is_ignored(name):
    schema = golden(name)
    message = example(schema, schema) | {"a_field_from_the_future": {"of": [1, "any", None]}}
    read = MODELS[name].model_validate_json(json.dumps(message))
    assert not hasattr(read, "a_field_from_the_future")


@pytest.mark.parametrize("name", ["SegmentHeader", "DeadLetter"])
def test_a_message_of_a_later_schema_version_is_read(name):
    schema = golden(name)
    message = example(schema, schema) | {"schema_version": 2, "new_in_2": True}
    assert MODELS[name].model_validate(message).schema_version == 2  # type: ignore[attr-defined]
