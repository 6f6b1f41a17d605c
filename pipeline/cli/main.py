"""The `facestate` command: finds the subcommand and turns errors into one line and an exit code."""

import contextlib
import errno
import importlib
import io
import os
import signal
import sys
from typing import NoReturn

import click

from pipeline.cli.stopping import say_interrupted
from schemas.errors import DiskFullError, FacestateError, near_word

PROGRAM = "facestate"
READER_GONE = 141  # what a shell says of a program that SIGPIPE ended
COMPLETE_VARIABLE = "_FACESTATE_COMPLETE"

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
process, 7 model weights missing or altered, 8 not found, 130 interrupted,
141 the reader of the output went away."""


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
    """Run the command line of this process and leave with its exit code."""
    open_standard_streams()
    if COMPLETE_VARIABLE in os.environ:
        group.main(prog_name=PROGRAM)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(execute(sys.argv[1:]))


def execute(args: list[str]) -> int:
    """Run one command line; every error of ours ends in one line on stderr and an exit code."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        with group.make_context(PROGRAM, list(args), color=color) as context:
            result = group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _tell(_usage_line(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say_interrupted()
        return 130
    except FacestateError as error:
        _tell(str(error))
        return error.exit_code
    except SystemExit:  # how rich leaves when the reader of standard output went away
        return READER_GONE
    except OSError as error:
        return _output_lost(error)
    return result if isinstance(result, int) else 0


def open_standard_streams() -> None:
    """Make stdin, stdout and stderr usable where the caller has closed them.

    Otherwise the next file that is opened, a table perhaps, would get their number, and whatever
    is printed would end up in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - as long as we run
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold bytes that are no text, and a terminal may know few characters.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _usage_line(error: click.ClickException) -> str:
    """Return click's message as one line that names the command and its help."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else PROGRAM
    return f"{path.removeprefix(PROGRAM).strip() or 'command line'}: {message}; see `{path} --help`"


def _tell(text: str) -> None:
    from pipeline.logs import mask_secrets
    from schemas.errors import escape_controls

    with contextlib.suppress(BrokenPipeError):  # nobody reads; the exit code still tells
        click.echo(escape_controls(mask_secrets(f"{PROGRAM}: {text}")), err=True)


def _output_lost(error: OSError) -> int:
    """Say why standard output could not be written; any other fault of the system is a bug."""
    is_pipe = isinstance(error, BrokenPipeError)
    if not is_pipe and (error.errno != errno.ENOSPC or error.filename is not None):
        raise error
    # What is still buffered would fail once more at the end of the interpreter.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if is_pipe:
        return READER_GONE
    _tell("output: no space is left where standard output goes; the tables are not affected")
    return DiskFullError.exit_code
