"""What `run` prints when it has finished: a table per call, or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pipeline.jobs import Outcome
from pipeline.lake.tables import Lake
from pipeline.queries import resolve_call, summary
from pipeline.reporting.report import print_summary


def report(outcomes: Sequence[Outcome], folder: Path, *, is_json: bool) -> None:
    """Print the results of finished runs on stdout and where they lie on stderr."""
    lake = Lake(folder)
    if is_json:
        click.echo(json.dumps([_described(outcome) for outcome in outcomes], indent=2))
        return
    console = Console()
    for outcome in outcomes:
        if not outcome.is_finished:
            continue
        run = outcome.run
        console.rule(f"call {run.call_id}", style="dim")
        print_summary(
            console, summary(lake, resolve_call(lake, run.tenant, run.call_id, run.run_id))
        )
    if outcomes:
        click.echo(f"tables: {lake.folder}", err=True)
    if finished := [outcome.run.call_id for outcome in outcomes if outcome.is_finished]:
        click.echo(f"next:   facestate timeline {finished[-1]} --out {folder}", err=True)


def _described(outcome: Outcome) -> dict[str, Any]:
    run = asdict(outcome.run)
    rest = {name: value for name, value in asdict(outcome).items() if name != "run"}
    return {**run, **rest}
