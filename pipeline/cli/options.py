"""Options that `run` and `import` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from schemas.names import Consent

Command = Callable[..., Any]


def analysis_options(live_view: str, replace: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options that `run` and `import` share.

    live_view: what happens without `--redis`. replace: what `--replace` does.
    """

    def add(command: Command) -> Command:
        for option in reversed(_options(live_view, replace)):
            command = option(command)
        return command

    return add


def _options(live_view: str, replace: str) -> list[Callable[[Command], Command]]:
    return [
        click.option("--role", help="Whose faces: customer, agent or performer."),
        click.option(
            "--regions",
            multiple=True,
            metavar="NAME=ROLE[@x1,y1,x2,y2]",
            help="Who is where in the picture; NAME left, right, top, bottom or whole needs no "
            "box. May be repeated.",
        ),
        click.option("--max-faces", type=click.IntRange(1, 32), help="Score at most so many."),
        click.option("--jurisdiction", help="Policy preset: default, EU or US-IL."),
        click.option(
            "--consent",
            default="unknown",
            show_default=True,
            help=f"What everybody shown agreed to: {', '.join(Consent)}. It holds for all faces "
            "of the picture; people who agreed to different things need a stream each.",
        ),
        click.option("--fps", type=float, help="Frames analysed per second of video [default: 5]."),
        click.option("--model", help="The scorer, see `facestate models` [default: blendshapes]."),
        click.option(
            "--out", type=click.Path(path_type=Path), envvar="FACESTATE_OUT",
            help="Folder of the tables [default: facestate-data].",
        ),
        click.option("--redis", "redis_url", help="Address of a Redis server for the live view, "
                     f"or `none` [default: {live_view}]."),
        click.option("--tenant", default="default", show_default=True, help="Whose tables."),
        click.option("--run-id", help="Name of this pass [default: from model and settings]."),
        click.option("--replace", "is_replace", is_flag=True, help=replace),
        click.option("--settings", "settings_file", type=click.Path(path_type=Path),
                     help="Settings file [default: ./facestate.toml if it is there]."),
        click.option("--json", "is_json", is_flag=True, help="Print the results as JSON."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    ]  # fmt: skip
