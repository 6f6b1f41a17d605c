"""Lists of recordings: a CSV file with a recording per line, its call, role, start and tags."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pipeline.jobs import Job
from pipeline.registrations import Whose
from pipeline.sources.resolve import resolve_inputs
from pipeline.starts import start_ms
from schemas.errors import FacestateError, InputError, SourceMissingError, UsageError, near_word
from schemas.names import is_name

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
OPTIONAL = tuple(name for name in COLUMNS if name != "path")
LIST_BYTES_MAX = 256 * 1024 * 1024
LINES_MAX = 1_000_000
TAG_COUNT_MAX = 64
TAG_LENGTH_MAX = 1024
# How like a column's name a tag's may be; a misspelt `role` must not become a tag in silence.
NEAR_COLUMN = 0.8


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
    text = _text_of(path)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        tag_names = _check_columns(path, reader.fieldnames)
        common = Common(path.parent, defaults, tenant, run_id, is_replace)
        return _without_doubles(list(_lines(reader, common, tag_names)))
    except csv.Error as error:
        raise InputError(
            "import", f"the list cannot be read after line {reader.line_num}: {error}", str(path),
            "close every quote and save it as CSV in UTF-8",
        ) from None  # fmt: skip


def _text_of(path: Path) -> str:
    remedy = "save it as CSV in UTF-8"
    try:
        if not path.exists():
            raise SourceMissingError("import", "there is no such list", str(path), "check the path")
        if not path.is_file():
            raise InputError("import", "the list is not a regular file", str(path), remedy)
        if path.stat().st_size > LIST_BYTES_MAX:
            raise InputError("import", "the list is larger than 256 MB", str(path), "split it")
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except OSError as error:
        text = f"the list cannot be read: {error.strerror}"
        raise InputError("import", text, str(path), "check its rights") from None
    except UnicodeDecodeError as error:
        text = f"the list is not UTF-8 text at byte {error.start}"
        raise InputError("import", text, str(path), remedy) from None
    except ValueError:
        raise SourceMissingError("import", "this cannot be a file's name", str(path)) from None
    if not text.strip():
        raise InputError("import", "the list is empty", str(path), "its first line names columns")
    return text


def _check_columns(path: Path, found: Sequence[str] | None) -> list[str]:
    """Return the tags' names; raises UsageError where the heading cannot be one."""
    names = list(found or [])
    if "path" not in names:
        hint = near_word("path", names)
        if len(names) == 1 and re.search(r"[;\t|]", names[0]):
            hint = "; are its columns separated by commas?"
        raise UsageError(
            "import", f"the list has no column 'path'{hint}", ", ".join(names),
            f"its first line must name columns: path, and of your choice {', '.join(OPTIONAL)}; "
            "any other column becomes a tag",
        )  # fmt: skip
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise UsageError("import", "a column stands twice in the list", doubles[0], "rename one")
    tags = [name for name in names if name not in COLUMNS]
    if len(tags) > TAG_COUNT_MAX:
        raise UsageError("import", f"the list has more than {TAG_COUNT_MAX} tags", len(tags))
    for name in tags:
        _check_tag_name(name, [known for known in COLUMNS if known not in names])
    return tags


def _check_tag_name(name: str, missing: list[str]) -> None:
    """Refuse what is no name, or one that seems to be a known column misspelt."""
    if not is_name(name):
        raise UsageError(
            "import", "a column's name may hold letters, digits, '.', '_' and '-'", name,
            "rename the column",
        )  # fmt: skip
    near = get_close_matches(name.lower(), missing, n=1, cutoff=NEAR_COLUMN)
    if near:
        raise UsageError(
            "import", f"column '{name}' is not known, did you mean '{near[0]}'?", None,
            "rename it; as a tag it needs a name less like that one",
        )  # fmt: skip


def _lines(reader: "csv.DictReader[str]", common: Common, tag_names: list[str]) -> Iterator[Listed]:
    for index, row in enumerate(reader):
        if index >= LINES_MAX:
            text = f"the list has more than {LINES_MAX} lines"
            raise InputError("import", text, None, "split it")
        line = reader.line_num
        path = (row.get("path") or "").strip()
        if None in row or None in row.values():
            yield Listed(line, path, None, {}, "the line has not as many fields as the first one")
            continue
        if any("\0" in value for value in row.values()):
            yield Listed(line, path, None, {}, "the line holds a NUL byte")
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
    if specs[0].is_live:
        raise UsageError("import", "a list holds recordings, not cameras", specs[0].name)
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    whose = _whose(given, common.defaults)
    job = Job(
        spec=specs[0],
        whose=whose,
        tenant=common.tenant,
        run_id=common.run_id,
        call_id=given["call_id"] or None,
        stream_id=given["stream_id"] or None,
        start_ms=start_ms(given["start"] or None),
        is_replace=common.is_replace,
        is_watched=False,
    )
    if not whose.role and not whose.regions:
        raise UsageError("policy", "nobody said whose faces these are", None,
                         "fill column role or regions, or say --role")  # fmt: skip
    # Names and policy are checked here, so that a wrong line is refused before hours of work.
    whose.registration(common.tenant, job.call_id or "call", job.stream_id or "stream")
    return job


def _whose(given: dict[str, str], defaults: Whose) -> Whose:
    """Return what a line says of its faces, the command line's options where it is silent."""
    count = given["max_faces"]
    if count and re.fullmatch(r"[0-9]{1,6}", count) is None:
        raise UsageError("import", "max_faces is not a whole number", count)
    is_told = bool(given["role"] or given["regions"])
    return Whose(
        role=given["role"] or defaults.role,
        # A line with a role of its own is about the whole picture.
        regions=tuple(given["regions"].split()) if is_told else defaults.regions,
        max_faces=int(count) if count else defaults.max_faces,
        jurisdiction=given["jurisdiction"] or defaults.jurisdiction,
        consent=given["consent"] or defaults.consent,
        participant_id=given["participant"] or defaults.participant_id,
    )


def _without_doubles(listed: list[Listed]) -> list[Listed]:
    """Refuse a line that names the call and stream, or else the recording, of an earlier one."""
    seen: dict[tuple[str, str], int] = {}
    checked = []
    for item in listed:
        job = item.job
        if job is None:
            checked.append(item)
            continue
        # A call without a name is named by its content; a NUL is in no name.
        call = job.call_id or f"\0{job.spec.location}"
        key = (call, job.stream_id or call)
        first = seen.setdefault(key, item.line)
        if first != item.line:
            what = "call and stream" if job.call_id else "recording"
            checked.append(replace(item, job=None, refusal=f"line {first} names the same {what}"))
        else:
            checked.append(item)
    return checked
