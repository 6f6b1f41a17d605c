"""docs/settings.md: every setting with its default, its range, its meaning and its variable."""

from pipeline.groups import GROUPS, Group
from pipeline.markdown import grid
from pipeline.settings import FILE_NAME, FILE_VARIABLE, PREFIX, RESULT_GROUPS, allowed

INTRODUCTION = f"""\
# Settings

Generated from `pipeline/groups.py` by `python -m pipeline.docs docs/settings.md`.

A value comes from the last of these sources that gives one:

1. the defaults below;
2. a settings file: the one that `--settings` names, else the one that the variable
   `{FILE_VARIABLE}` names, else `./{FILE_NAME}` if it is there;
3. variables named `{PREFIX}<GROUP>__<KEY>`, with two underscores; an empty one counts as not set;
4. the command line: `--fps`, `--max-faces`, `--model`, `--out`, `--redis`, `--jurisdiction`.

A group, key or value that is not known is an error with exit code 2 that names its source.

These groups change what is computed, so that a video analysed with other values is another run:
{", ".join(f"`{name}`" for name in RESULT_GROUPS)}. The others change where results go and what is
told.

Two variables stand beside the settings: `FACESTATE_OUT` is the default of `--out`, and
`FACESTATE_WEIGHTS` names the folder of the model weights.
"""

EXAMPLE: dict[str, dict[str, str | float]] = {
    "analysis": {"fps": 10.0, "max_faces": 4},
    "output": {"folder": "/data/facestate"},
    "redis": {"url": "redis://127.0.0.1:6379/0", "expire_after_s": 7200},
    "policy": {"jurisdiction": "EU"},
    "logs": {"format": "json", "level": "info"},
}


def settings_page() -> str:
    """Return docs/settings.md."""
    groups = [_group_section(name, model) for name, model in GROUPS.items()]
    return "\n".join([INTRODUCTION, _example_section(), *groups])


def example_file() -> str:
    """Return an example of a settings file, as TOML."""
    return "\n".join(
        f"[{group}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
        for group, keys in EXAMPLE.items()
    )


def _example_section() -> str:
    return f"## An example of {FILE_NAME}\n\n```toml\n{example_file()}```\n"


def _group_section(name: str, model: type[Group]) -> str:
    head = ("key", "default", "allowed", "meaning", "variable")
    rows = [
        (
            f"`{key}`",
            "none" if field.default is None else f"`{_toml(field.default)}`",
            _range(name, key),
            field.description or "",
            f"`{PREFIX}{name.upper()}__{key.upper()}`",
        )
        for key, field in model.model_fields.items()
    ]
    return f"## `{name}`\n\n{model.__doc__}\n\n{grid(head, rows)}"


def _range(group: str, key: str) -> str:
    """Return what a key takes; of text only that it is text, its meaning stands beside."""
    text = allowed(group, key)
    return "text" if text.startswith("text (") else text


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"
