"""Lists of recordings: a CSV file with a recording per line, its call, role, start and tags."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.jobs import Job
from pipeline.registrations import Whose, check_name
from pipeline.sources.resolve import resolve_inputs
from pipeline.starts import start_ms
from schemas.errors import FacestateError, InputError, SourceMissingError, UsageError, near_word

COLUMNS = {
    "path": "the recording; relative to the list's folder",
    "call_id": "name of the call",
    "stream_id": "name of the camera or tile",
    "role": "customer, agent or performer",
    "regions": "as --regions, several separated by spaces",
    "participant": "who is shown, where the whole picture is one person's",
    "max_faces": "score at most so many",
    "jurisdiction": "policy preset",
    "consent": "given, refused or unknown",
    "start": "wall clock of the first frame, ISO 8601",
}
LIST_BYTES_MAX = 256 * 1024 * 1024
LINES_MAX = 1_000_000
TAG_COUNT_MAX = 64
TAG_LENGTH_MAX = 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list: a job with its tags, or the reason why it is none."""

    line: int
    path: str
    job: Job | None
    tags: dict[str, str]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Common:
    """What all lines of a list share."""

    folder: Path
    defaults: Whose
    tenant: str
    run_id: str | None
    is_replace: bool


def read_list(
    path: Path,
    defaults: Whose,
    tenant: str,
    *,
    run_id: str | None = None,
    is_replace: bool = False,
) -> list[Listed]:
    """Return the lines of a list in order.

    A line that cannot be a job carries its refusal; the others go on. Raises InputError where the
    file cannot be read, UsageError where its columns are wrong.
    """
    try:
        if path.stat().st_size > LIST_BYTES_MAX:
            raise InputError("import", "the list is larger than 256 MB", str(path), "split it")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            tag_names = _check_columns(path, reader.fieldnames)
            common = Common(path.parent, defaults, tenant, run_id, is_replace)
            listed = list(_lines(reader, common, tag_names))
    except FileNotFoundError:
        raise SourceMissingError("import", "there is no such list", str(path)) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            "import", f"the list cannot be read: {error}", str(path), "save it as CSV in UTF-8"
        ) from None
    return _without_doubles(listed)


def _check_columns(path: Path, found: Sequence[str] | None) -> list[str]:
    """Return the tags' names; raises UsageError where the heading cannot be one."""
    names = list(found or [])
    if "path" not in names:
        hint = near_word("path", names)
        raise UsageError(
            "import", f"the list has no column 'path'{hint}", ", ".join(names)[:200],
            f"its first line must name columns: path, and of your choice {', '.join(COLUMNS)}; "
            "any other column becomes a tag",
        )  # fmt: skip
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise UsageError("import", "a column stands twice in the list", doubles[0])
    tags = [name for name in names if name not in COLUMNS]
    if len(tags) > TAG_COUNT_MAX:
        raise UsageError("import", f"the list has more than {TAG_COUNT_MAX} tags", len(tags))
    for name in tags:
        check_name(name)
        if hint := near_word(name, [known for known in COLUMNS if known not in names]):
            raise UsageError(
                "import", f"column '{name}' is not known{hint}", str(path),
                "rename it; a tag needs a name of its own",
            )  # fmt: skip
    return tags


def _lines(reader: "csv.DictReader[str]", common: Common, tag_names: list[str]) -> Iterator[Listed]:
    for index, row in enumerate(reader):
        if index >= LINES_MAX:
            raise InputError(
                "import", f"the list has more than {LINES_MAX} lines", None, "split it"
            )
        line = reader.line_num
        path = (row.get("path") or "").strip()
        if None in row or None in row.values():
            yield Listed(line, path, None, {}, "the line has another number of fields")
            continue
        tags = {name: row[name].strip()[:TAG_LENGTH_MAX] for name in tag_names if row[name].strip()}
        try:
            yield Listed(line, path, _job(row, path, common), tags)
        except FacestateError as error:
            yield Listed(line, path, None, tags, str(error))


def _job(row: dict[str, str], path: str, common: Common) -> Job:
    if not path:
        raise UsageError("import", "the line names no recording")
    specs = resolve_inputs([path if "://" in path else str(common.folder / path)])
    if len(specs) != 1:
        raise UsageError("import", "a line must name one recording", path)
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if given["max_faces"] and not given["max_faces"].isdecimal():
        raise UsageError("import", "max_faces is not a whole number", given["max_faces"])
    whose = Whose(
        role=given["role"] or common.defaults.role,
        regions=tuple(given["regions"].split()) or common.defaults.regions,
        max_faces=int(given["max_faces"]) if given["max_faces"] else common.defaults.max_faces,
        jurisdiction=given["jurisdiction"] or common.defaults.jurisdiction,
        consent=given["consent"] or common.defaults.consent,
        participant_id=given["participant"] or common.defaults.participant_id,
    )
    job = Job(
        spec=specs[0],
        whose=whose,
        tenant=common.tenant,
        run_id=common.run_id,
        call_id=given["call_id"] or None,
        stream_id=given["stream_id"] or None,
        start_ms=start_ms(given["start"] or None),
        is_replace=common.is_replace,
    )
    # Names and policy are checked here, so that a wrong line is refused before hours of work.
    whose.registration(common.tenant, job.call_id or "call", job.stream_id or "stream")
    return job


def _without_doubles(listed: list[Listed]) -> list[Listed]:
    """Refuse a line that names the call and stream of an earlier one."""
    seen: dict[tuple[str, str], int] = {}
    checked = []
    for item in listed:
        job = item.job
        if job is None or job.call_id is None:
            checked.append(item)
            continue
        key = (job.call_id, job.stream_id or job.call_id)
        first = seen.setdefault(key, item.line)
        if first != item.line:
            text = f"line {first} names the same call and stream"
            item = Listed(item.line, item.path, None, item.tags, text)  # noqa: PLW2901
        checked.append(item)
    return checked
