"""The `facestate` command: finds the subcommand and turns errors into one line and an exit code."""

import importlib
import os
import sys
from typing import NoReturn

import click

from schemas.errors import FacestateError, near_word

# Command -> module and one-line help; modules are imported only when their command runs.
COMMANDS = {
    "run": ("pipeline.cli.run", "Analyse videos, cameras or streams into a timeline."),
    "import": ("pipeline.cli.import_calls", "Analyse a list of recordings, resumable."),
    "timeline": ("pipeline.cli.timeline", "Show what the faces of a call showed over time."),
    "ledger": ("pipeline.cli.ledger", "Show that every frame and face of a call adds up."),
    "export": ("pipeline.cli.export", "Write a call's frames in the layout of other tools."),
    "models": ("pipeline.cli.models", "List model weights, or fetch them into the cache."),
    "doctor": ("pipeline.cli.doctor", "Check everything that can be wrong on this machine."),
}

EXIT_CODES = """\b
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 unusable input,
4 already analysed, 5 tables or Redis refused, 6 taken over by another
process, 7 model weights missing or altered, 8 not found, 130 interrupted."""


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command `name`, or return None if there is none."""
        if name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the near word where a command does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = near_word(args[0], list(COMMANDS))
            raise click.UsageError(f"there is no command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="facestate")
def group() -> None:
    """Turn video of people into timelines of facial action units and expression."""


def main() -> NoReturn:
    """Run the command line; every error of ours ends in one line on stderr."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("facestate: interrupted; start the same command again to go on", err=True)
        code = 130
    except FacestateError as error:
        from pipeline.logs import mask_secrets

        click.echo(mask_secrets(f"facestate: {error}"), err=True)
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code if isinstance(code, int) else 0)
