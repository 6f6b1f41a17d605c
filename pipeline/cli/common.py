"""What several commands share: where the tables are, which run is meant, where output goes."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.settings import load_settings
from schemas.errors import DiskFullError, NotFoundError, SinkError, UsageError, near_word

# `doctor` must start where one of these cannot be imported.
if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from pipeline.lake.tables import Lake

OUT_VARIABLE = "FACESTATE_OUT"
DEFAULT_TENANT = "default"
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600}

Command = TypeVar("Command", bound=Callable[..., Any])


def out_option(command: Command) -> Command:
    """Add `--out FOLDER` (also `--lake`): the folder that holds the tables."""
    option = click.option(
        "--out", "--lake", "out", metavar="FOLDER",
        type=click.Path(path_type=Path, file_okay=False),
        callback=lambda _context, _option, told: output_folder(told),
        help=f"Folder that holds the tables.  [default: ${OUT_VARIABLE}, else the settings' "
             "output.folder, else facestate-data]",
    )  # fmt: skip
    return option(command)


def told_folder(told: Path | str | None) -> str | None:
    """Return the folder that `--out` or $FACESTATE_OUT names; None leaves it to the settings."""
    return str(told) if told else os.environ.get(OUT_VARIABLE) or None


def output_folder(told: Path | str | None = None) -> Path:
    """Return the folder of the tables: `--out`, $FACESTATE_OUT, the settings, facestate-data.

    The settings are read only where nothing else names it. Raises SettingsError.
    """
    named = told_folder(told)
    return Path(load_settings().output.folder) if named is None else Path(named).expanduser()


def tenant_option(command: Command) -> Command:
    """Add `--tenant NAME`."""
    option = click.option("--tenant", metavar="NAME", default=DEFAULT_TENANT, show_default=True,
                          help="Customer of the installation.")  # fmt: skip
    return option(command)


def run_options(command: Command) -> Command:
    """Add what names a run: argument CALL, `--run-id`, `--tenant` and `--out`."""
    run_id = click.option("--run-id", metavar="NAME", default=None,
                          help="The pass to read.  [default: the newest]")  # fmt: skip
    return click.argument("call")(run_id(tenant_option(out_option(command))))


def output_option(command: Command) -> Command:
    """Add `--output FILE`."""
    option = click.option("--output", "-o", metavar="FILE", default=None,
                          type=click.Path(path_type=Path, dir_okay=False),
                          help="Write here instead of to standard output.")  # fmt: skip
    return option(command)


def open_lake(out: Path) -> "Lake":
    """Return the lake in a folder; NotFoundError where there are no tables."""
    from pipeline.lake.tables import Lake

    lake = Lake(out)
    if not lake.exists("runs"):
        raise NotFoundError(
            "tables", "there are no tables in this folder", str(out),
            f"name the folder with --out or {OUT_VARIABLE}, or make tables with "
            "`facestate run VIDEO --role ROLE`",
        )  # fmt: skip
    return lake


def parse_seconds(text: str) -> int:
    """Return whole seconds of a text like `10s`, `1m` or `2h`; UsageError for anything else."""
    match = re.fullmatch(r"([0-9]{1,6})\s*(s|m|min|h)", text.strip())
    if match and int(match[1]) > 0:
        return int(match[1]) * _UNITS_S[match[2]]
    raise UsageError("timeline", "a window is a whole number of seconds, minutes or hours", text,
                     "write it like 10s, 1m or 1h")  # fmt: skip


def pick_format(wanted: str | None, output: Path | None, allowed: tuple[str, ...]) -> str:
    """Return the format: as told, else by the output's ending, else the first allowed."""
    if wanted is not None:
        return wanted
    ending = output.suffix.removeprefix(".").lower() if output else ""
    if output is None:
        return allowed[0]
    if ending in allowed:
        return ending
    hint = near_word(ending, list(allowed))
    raise UsageError("output", f"this ending names no format{hint}", output.name,
                     f"say --format {' or '.join(allowed)}")  # fmt: skip


def check_binary(output: Path | None, kind: str) -> None:
    """Refuse to write binary data onto a terminal, before any work is done."""
    if output is None and sys.stdout.isatty():
        raise UsageError("output", f"{kind} is binary and does not go to a terminal",
                         remedy=f"say --output FILE.{kind}")  # fmt: skip


def say(text: str) -> None:
    """Write a message to standard error."""
    click.echo(f"facestate: {text}", err=True)


def data_console() -> "Console":
    """Return a console on standard output that adds no colour of its own to numbers."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def write_text(text: str, output: Path | None) -> None:
    """Write text to a file, whole or not at all, or to standard output."""
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_bytes(text.encode() if text.endswith("\n") else f"{text}\n".encode(), output)


def write_bytes(data: bytes, output: Path | None) -> None:
    """Write bytes to a file, whole or not at all, or to standard output.

    Raises SinkError (DiskFullError) where the file cannot be written.
    """
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(output)
    except OSError as error:
        raise output_error(output, error) from error
    finally:
        part.unlink(missing_ok=True)
    say(f"wrote {output}")


def output_error(output: Path, error: OSError) -> SinkError:
    """Return the error that says why `output` cannot be written."""
    if error.errno == errno.ENOSPC:
        return DiskFullError("output", "no space is left on the device", str(output),
                             "free some and start again")  # fmt: skip
    return SinkError(
        "output", f"the file cannot be written: {error.strerror or error}", str(output),
        "name a file in a folder that exists and may be written",
    )  # fmt: skip


def parquet_bytes(frame: "pl.DataFrame") -> bytes:
    """Return a frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
