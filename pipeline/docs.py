"""Writes the pages made of the sources: `python -m pipeline.docs docs/outputs.md docs/settings.md`.

This file holds the page of the outputs, made from the column lists.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.groups import RedisSettings
from pipeline.live.keys import KEY_DOCS, LATEST_DOCS
from pipeline.markdown import grid
from pipeline.settings_page import settings_page
from schemas import errors
from schemas.columns import Column
from schemas.frames import FRAME_COLUMNS
from schemas.ledger import SEGMENT_COLUMNS
from schemas.names import AU_MEANINGS, EMOTIONS, SIDED_AU_NAMES
from schemas.runs import RUN_COLUMNS, TAG_COLUMNS
from schemas.windows import WINDOW_COLUMNS

TABLES: dict[str, tuple[Column, ...]] = {
    "frames": FRAME_COLUMNS,
    "windows": WINDOW_COLUMNS,
    "segments": SEGMENT_COLUMNS,
    "runs": RUN_COLUMNS,
    "tags": TAG_COLUMNS,
}
ROWS = {
    "frames": "One row per tracked face and analysed frame.",
    "windows": "One row per window of 1, 10 or 60 s of event time, subject and revision. Rows are "
    "only appended: of one window the highest revision counts.",
    "segments": "The ledger: one row per segment of video. frames = analysed + not_sampled + "
    "corrupt + shed + dead_lettered; faces = scored + abstained + skipped.",
    "runs": "One row per turn of a pass over a stream; the newest row of a run counts.",
    "tags": "What the user's list said of a call; the newest value of a key counts.",
}

INTRODUCTION = """\
# What facestate writes

Generated from the column lists in `schemas` by `python -m pipeline.docs docs/outputs.md`.

Every number tells what a face **shows**: AU12 says that lip corners are pulled, `emotion_happiness`
that the face resembles that expression's prototype. None tells what a person feels or means.

- **Null is never 0.** Null means not observed: the face was not scored, its policy forbids it, or
  the model does not see that action unit. Each column says when it is null; where the list shows
  no reason, it never is.
- **Step** is the grid on which values are stored; half a step is the whole loss of storing.
- **Keys** are set in bold; together they name a row once (in `runs` and `tags` the newest row).
- Types: `timestamp` is microseconds in UTC, `counts` a list of integers, `scores` a list of
  {name, score}, `strings` a list of text.
- `AUxx` stands for each of the action units below, `<expression>` for each of
  """

EXIT_DONE = (
    ("0", "done"),
    ("1", "a check ran and failed (`facestate ledger`, `facestate doctor`)"),
)
EXIT_OTHER = (
    ("70", "an error of no other kind"),
    ("130", "interrupted; the same command goes on where it stopped"),
    ("141", "whoever read the output went away"),
)

# A branch of the tree that schemas.errors draws: its exit code and what it says.
_BRANCH = re.compile(r"^[├└]── \w+ +(\d+) +(.+)$", re.MULTILINE)
_AU = re.compile(r"^AU\d\d")
_EXPRESSION = re.compile(r"^emotion_(" + "|".join(EMOTIONS) + ")")


def outputs_page() -> str:
    """Return docs/outputs.md."""
    parts = [INTRODUCTION + ", ".join(EMOTIONS) + ".\n", _action_units()]
    parts += [_table_section(name) for name in TABLES]
    parts += [_redis_section(), _exit_section()]
    return "\n".join(parts)


def families(columns: Iterable[Column]) -> list[Column]:
    """Return the columns with those that differ in their AU or expression only made one.

    A family's members agree in everything shown; a member that does not stays a row of its own.
    """
    return list(dict.fromkeys(_as_family(column) for column in columns))


def _as_family(column: Column) -> Column:
    au = _AU.match(column.name)
    if au is not None:
        text = column.description.removeprefix(f"{AU_MEANINGS[au.group()]}: ")
        text = text.replace(au.group(), "AUxx")
        return replace(column, name=_AU.sub("AUxx", column.name), description=text)
    expression = _EXPRESSION.match(column.name)
    if expression is not None:
        word = expression.group(1)
        text = column.description.removeprefix(f"expression {word}: ")
        text = re.sub(rf"\b{word}\b", "<expression>", text)
        name = _EXPRESSION.sub("emotion_<expression>", column.name)
        return replace(column, name=name, description=text)
    return column


def _action_units() -> str:
    rows = [
        (name, meaning, "yes" if name in SIDED_AU_NAMES else "")
        for name, meaning in AU_MEANINGS.items()
    ]
    note = "AU45 is a closure shorter than 0.5 s; on a still picture closed eyes are AU43.\n"
    return "## Action units\n\n" + grid(("AU", "the face shows", "has a side"), rows) + "\n" + note


def _table_section(name: str) -> str:
    head = ("column", "type", "unit", "range", "step", "meaning", "null means")
    rows = grid(head, map(_cells, families(TABLES[name])))
    return f"## Table `{name}`\n\n{ROWS[name]}\n\n{rows}"


def _cells(column: Column) -> tuple[str, ...]:
    name = f"`{column.name}`"
    return (
        f"**{name}**" if column.is_key else name, column.type, column.unit, _range(column),
        "" if column.step is None else f"{column.step:g}", column.description, column.null,
    )  # fmt: skip


def _range(column: Column) -> str:
    low, high = column.low, column.high
    if low is None and high is None:
        return ""
    if high is None:
        return f"≥ {low:g}"
    return f"≤ {high:g}" if low is None else f"{low:g} … {high:g}"


def _redis_section() -> str:
    kept_s = RedisSettings().expire_after_s
    text = f"""\
## Redis: the live view

Provisional, within a second, and forgotten after the call; the tables hold the truth. The braces
are part of a key's name: they keep a stream's keys on one node of a cluster. All keys of a stream
expire together, `expire_after_s` ({kept_s} unless set) after its last write. A new run over a
stream replaces its keys. An entry whose id Redis refuses as not above the last one was published
before (or belongs to an epoch anchored earlier than one already published) and counts as already
there.
"""
    keys = grid(("key", "kind", "holds"), ((f"`{k.name}`", k.kind, k.holds) for k in KEY_DOCS))
    fields = grid(
        ("field of `latest`", "kind", "holds"),
        ((f"`{f.name}`", f.kind, f.holds) for f in LATEST_DOCS),
    )
    return f"{text}\n{keys}\n{fields}"


def _exit_section() -> str:
    branches = _BRANCH.findall(errors.__doc__ or "")
    text = "## Exit codes\n\nData goes to stdout, messages to stderr.\n\n"
    return text + grid(("code", "means"), (*EXIT_DONE, *branches, *EXIT_OTHER))


PAGES: dict[str, Callable[[], str]] = {"outputs.md": outputs_page, "settings.md": settings_page}


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(PAGES[path.name](), encoding="utf-8")
