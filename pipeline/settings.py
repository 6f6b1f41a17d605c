"""The settings, read from a file, the environment and the command line.

Sources in rising order: defaults; the settings file; variables `FACESTATE_<GROUP>__<KEY>`; the
command line. A value is checked where it is read, so that an error names its source.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from operators.policy import PRESETS
from pipeline.groups import GROUPS, Settings
from schemas.errors import SettingsError, near_word

__all__ = ["Settings", "allowed", "load_settings", "result_hash", "settings_file"]

FILE_NAME = "facestate.toml"
FILE_VARIABLE = "FACESTATE_SETTINGS"
PREFIX = "FACESTATE_"
FILE_BYTES_MAX = 1024 * 1024
HASH_LENGTH = 16

RESULT_GROUPS = ("analysis", "tracking", "quality", "windows", "policy")
"""Groups that change what is computed; the others change where it goes and how it is told."""


def load_settings(
    file: Path | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return the settings from all sources.

    file: what `--settings` names; None means $FACESTATE_SETTINGS, else `facestate.toml` in
        `folder` (the current one) if it is there.
    overrides: dotted names such as `analysis.fps` from the command line; None means not given.
    environ: the environment; an empty variable counts as not set.

    Raises SettingsError, one line that names the source, the key and the allowed values.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, dict[str, object]] = {}
    path = settings_file(file, environ, folder)
    if path is not None:
        _take_file(values, path)
    _take_environment(values, environ)
    for name, value in (overrides or {}).items():
        group, _, key = name.partition(".")
        assert group in GROUPS, name
        if value is not None:
            plain = os.fspath(value) if isinstance(value, os.PathLike) else value
            _take(values, group, key, plain, "the command line")
    return Settings.model_validate(values)


def settings_file(
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Path | None:
    """Return the settings file that counts, or None; one that is named need not exist."""
    environ = os.environ if environ is None else environ
    if file is not None:
        return file
    if named := environ.get(FILE_VARIABLE):
        return Path(named)
    usual = (folder or Path()) / FILE_NAME
    return usual if usual.exists() else None


def result_hash(settings: Settings) -> str:
    """Return 16 hex digits that differ wherever two settings may give different results."""
    chosen = {name: getattr(settings, name).model_dump() for name in RESULT_GROUPS}
    text = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def _take_file(values: dict[str, dict[str, object]], path: Path) -> None:
    where = f"file {path}"
    for group, content in _read_file(path).items():
        if not isinstance(content, dict):
            owners = [name for name, model in GROUPS.items() if group in model.model_fields]
            hint = f"[{owners[0]}]" if owners else f"a group: {', '.join(GROUPS)}"
            raise SettingsError(
                "settings",
                f"{where}: key '{group}' stands in no group",
                None,
                f"put it under {hint}",
            )
        for key, value in content.items():
            _take(values, group, key, value, where)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
        if len(body) > FILE_BYTES_MAX:
            raise SettingsError("settings", "the file is larger than 1 MB", str(path))
        return tomllib.loads(body.decode("utf-8"))
    except FileNotFoundError:
        raise SettingsError("settings", "there is no such file", str(path)) from None
    except OSError as error:
        text = f"the file cannot be read: {error.strerror}"
        raise SettingsError("settings", text, str(path)) from None
    except tomllib.TOMLDecodeError as error:
        text = f"the file is not TOML: {error}"
        raise SettingsError("settings", text, str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("settings", "the file is not UTF-8 text", str(path)) from None
    except RecursionError:
        raise SettingsError("settings", "the file is nested too deeply", str(path)) from None


def _take_environment(values: dict[str, dict[str, object]], environ: Mapping[str, str]) -> None:
    once = {
        f"{PREFIX}{group}_{key}".upper(): f"{PREFIX}{group}__{key}".upper()
        for group, model in GROUPS.items()
        for key in model.model_fields
    }
    for name, text in environ.items():
        if name in once and text:
            raise SettingsError(
                "settings", f"variable {name} is not known, did you mean {once[name]}?"
            )
        # Orchestrators put variables of their own, such as FACESTATE_PORT, beside ours.
        if name.startswith(PREFIX) and "__" in name and text:
            group, _, key = name.removeprefix(PREFIX).lower().partition("__")
            _take(values, group, key, text, f"variable {name}")


def _take(
    values: dict[str, dict[str, object]], group: str, key: str, value: object, where: str
) -> None:
    """Check one value and keep it; text from the environment is read as what the key holds."""
    if group not in GROUPS:
        hint = near_word(group, list(GROUPS))
        raise SettingsError(
            "settings", f"{where}: there is no group '{group}'{hint}", None,
            f"groups are {', '.join(GROUPS)}",
        )  # fmt: skip
    model = GROUPS[group]
    keys = list(model.model_fields)
    if key not in keys:
        hint = near_word(key, keys)
        raise SettingsError(
            "settings", f"{where}: group '{group}' has no key '{key}'{hint}", None,
            f"keys are {', '.join(keys)}",
        )  # fmt: skip
    try:
        if where.startswith("variable "):
            checked = model.model_validate_strings({key: value})
        else:
            checked = model.model_validate({key: value})
    except ValidationError:
        raise _refused(group, key, value, where) from None
    values.setdefault(group, {})[key] = getattr(checked, key)


def _refused(group: str, key: str, value: object, where: str) -> SettingsError:
    is_secret = not GROUPS[group].model_fields[key].repr
    given = "(not shown)" if is_secret else value
    kind = "text " if isinstance(value, str) and not where.startswith("variable ") else ""
    text = f"{where}: {group}.{key} cannot be this {kind}value"
    return SettingsError("settings", text, given, f"allowed is {allowed(group, key)}")


def allowed(group: str, key: str) -> str:
    """Say in words which values a key takes."""
    schema = GROUPS[group].model_json_schema()["properties"][key]
    schema = {**schema, **next((s for s in schema.get("anyOf", []) if s["type"] != "null"), {})}
    if group == "policy" and key == "jurisdiction":
        return f"one of {', '.join(PRESETS)}"
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "string":
        return f"text ({schema['description']})"
    kind = {"integer": "a whole number", "number": "a number"}[schema["type"]]
    over = "above" if "exclusiveMinimum" in schema else "from"
    low = schema.get("exclusiveMinimum", schema.get("minimum"))
    return f"{kind} {over} {low:.12g} to {schema['maximum']:.12g}"
