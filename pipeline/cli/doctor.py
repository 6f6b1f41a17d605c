"""`facestate doctor`: check everything that can be wrong on this machine."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from pydantic import ValidationError

from pipeline.cli import common
from pipeline.doctor import CheckState, Patient, Result, has_problem, run_checks
from pipeline.reporting.words import counted
from pipeline.settings import Settings, load_settings, settings_file
from schemas.errors import SettingsError

NAME_WIDTH = 14
COLOURS = {CheckState.OK: "green", CheckState.WARNING: "yellow", CheckState.PROBLEM: "red"}

EXAMPLES = """\b
Examples:
  facestate doctor
  facestate doctor --out /data/calls --redis redis://127.0.0.1:6379 --json
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--out",
    metavar="FOLDER",
    help=f"Output folder to check.  [default: ${common.OUT_VARIABLE}, else the settings]",
)
@click.option("--redis", "redis_url", metavar="URL", help="Redis server to check.")
@click.option(
    "--settings", "file", metavar="FILE", type=click.Path(path_type=Path), help="Settings file."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of lines.")
@click.pass_context
def command(
    ctx: click.Context, out: str | None, redis_url: str | None, file: Path | None, is_json: bool
) -> None:
    """Check everything that can be wrong on this machine.

    One line each, with the command that mends it. Ends with code 1 if there is a problem;
    warnings do not count. Nothing is changed, and no network but the given Redis is used.
    """
    patient = _patient(file, out, redis_url)
    results = []
    for result in run_checks(patient, before=_announce):
        results.append(result)
        if not is_json:
            _print(result)
    if is_json:
        content = {
            "has_problem": has_problem(results),
            "checks": [{**asdict(r), "took_ms": round(r.took_ms, 1)} for r in results],
        }
        click.echo(json.dumps(content, indent=2))
    else:
        click.echo(_summary(results))
    ctx.exit(1 if has_problem(results) else 0)


def _patient(file: Path | None, out: str | None, redis_url: str | None) -> Patient:
    """Return what to examine; options are looked at even where the settings cannot be read."""
    options = {"output.folder": common.told_folder(out), "redis.url": redis_url}
    try:
        return Patient(load_settings(file, overrides=options), settings_file(file))
    except SettingsError as error:
        return Patient(_options_alone(options), settings_file(file), error)


def _options_alone(options: dict[str, str | None]) -> Settings:
    values: dict[str, dict[str, str]] = {}
    for name, value in options.items():
        group, _, key = name.partition(".")
        if value is not None:
            values[group] = {key: value}
    try:
        return Settings.model_validate(values)
    except ValidationError:
        return Settings()


def _announce(name: str) -> None:
    """Show on a terminal which check is at work, so that one that crashes has a name."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K… {name}\r", nl=False, err=True)


def _print(result: Result) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    state = click.style(f"{result.state:<8}", fg=COLOURS[result.state])
    click.echo(f"{state} {result.name:<{NAME_WIDTH}} {result.text}  [{result.took_ms:.0f} ms]")
    if result.remedy:
        click.echo(f"{'':8} {'':{NAME_WIDTH}} -> {result.remedy}")


def _summary(results: list[Result]) -> str:
    problems = sum(r.state is CheckState.PROBLEM for r in results)
    warnings = sum(r.state is CheckState.WARNING for r in results)
    seconds = sum(r.took_ms for r in results) / 1000
    said = f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}"
    return f"{counted(len(results), 'check')} in {seconds:.1f} s: {said}"
