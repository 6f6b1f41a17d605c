"""Reads the repository's sources the way the house rules need them; imports none of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("schemas", "operators", "serving", "pipeline", "samples", "tests")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 399
TEXT_BYTES_MAX = 2 * 1024 * 1024

_SKIPPED_FOLDERS = {"__pycache__", "node_modules"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Written with character classes, so that this file does not break the rule it holds.
_MACHINE_PATHS = re.compile(r"(?<![\w.])(?:[/]work/|[/]root/|[/]tmp/v\b|[/]home/\w+/)")
_LOOSE_ENDS = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")


def sources() -> list[Path]:
    """Return every Python file of the rooms."""
    return sorted(
        path
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*.py")
        if not _SKIPPED_FOLDERS & set(path.parts)
    )


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text file that goes into version control, with its text."""
    folders = (*ROOMS, "docs", "infra", ".ci")
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*")]
    for path in (*paths, *REPOSITORY.glob("*")):
        if not path.is_file() or path.is_symlink() or _SKIPPED_FOLDERS & set(path.parts):
            continue
        if path.stat().st_size > TEXT_BYTES_MAX:
            continue
        body = path.read_bytes()
        if b"\0" not in body:
            yield path, body.decode("utf-8", errors="replace")


def shown(path: Path, line: int | None = None) -> str:
    """Return the path below the repository, with the line if there is one."""
    name = path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path
    return str(name) if line is None else f"{name}:{line}"


def long_functions(tree: ast.Module) -> list[tuple[int, str, int]]:
    """Return line, name and body length of functions beyond the limit, docstrings not counted."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > FUNCTION_LINES_MAX:
                found.append((node.lineno, node.name, length))
    return found


def undocumented(tree: ast.Module) -> list[tuple[int, str]]:
    """Return line and name of public functions, classes and methods without a docstring."""
    return list(_undocumented_in(tree.body))


def _undocumented_in(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    for node in body:
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not _is_overload(node):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            yield from _undocumented_in(node.body)


def _is_overload(node: ast.stmt) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(decorator) in ("overload", "override") for decorator in decorators)


def machine_paths(text: str) -> list[str]:
    """Return the absolute paths of a developer's machine in a text."""
    return _MACHINE_PATHS.findall(text)


def loose_ends(text: str) -> list[str]:
    """Return the marks of unfinished work in a text."""
    return _LOOSE_ENDS.findall(text)
