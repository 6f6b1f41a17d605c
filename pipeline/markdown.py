"""Tables in Markdown, for the pages that are generated."""

from collections.abc import Iterable, Sequence


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; no cell can break its row."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(_escaped, line)) + " |\n" for line in lines)


def _escaped(cell: str) -> str:
    """Keep a cell one cell; `<…>` outside code would vanish as an unknown HTML tag."""
    if "`" not in cell:
        cell = cell.replace("<", "&lt;")
    return cell.replace("|", "\\|")
