"""`facestate import`: a list of recordings becomes tables, resumable and parallel."""

import json
import os
from pathlib import Path
from typing import Any

import click

from pipeline.cli.options import analysis_options

EXAMPLE = """\b
Example:
  printf 'path,call_id,role,start,campaign\\n' >calls.csv
  printf 'a.mp4,call-1,customer,2026-03-01T09:30:00Z,spring\\n' >>calls.csv
  facestate import calls.csv --out demo-data

Columns: path (needed), call_id, stream_id, role, regions, participant, max_faces,
jurisdiction, consent, start. Every other column becomes a tag of the call."""


@click.command(epilog=EXAMPLE)
@click.argument("call_list", type=click.Path(path_type=Path), metavar="CALLS.CSV")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes [default: one per core].")
@analysis_options
def command(call_list: Path, jobs: int | None, **options: Any) -> int:
    """Analyse every recording in CALLS.CSV; options stand in where a column is empty.

    Start the same command again after an interruption: finished calls are left alone, calls in
    hand go on where they stopped. The report says what was refused and why.
    """
    from pipeline.call_list import read_list
    from pipeline.cli.running import dry_run, load, whose_of
    from pipeline.cli.stopping import stop_on_signal
    from pipeline.imports import Import, counts, write_report
    from pipeline.logs import configure_logs
    from pipeline.progress import ImportBars
    from pipeline.wiring import wire

    settings = load(options)
    configure_logs(settings.logs)
    listed = read_list(
        call_list,
        whose_of(options, settings),
        options["tenant"],
        run_id=options["run_id"],
        is_replace=options["is_replace"],
    )
    if options["dry_run"]:
        for item in listed:
            if item.job is None:
                click.echo(f"facestate: line {item.line}: {item.refusal}", err=True)
        with wire(settings, is_live_wanted=False) as wiring:
            todo = [item.job for item in listed if item.job is not None]
            return dry_run(todo, wiring, is_json=options["is_json"])
    check_weights(settings)
    with stop_on_signal() as stopped, ImportBars(len(listed)) as bars:
        reports = Import(listed, settings, options["tenant"]).go(
            jobs or os.cpu_count() or 1, bars, stopped.is_set
        )
    path = write_report(Path(settings.output.folder), reports)
    found = counts(reports)
    if options["is_json"]:
        click.echo(json.dumps({"counts": dict(found), "report": str(path)}))
    else:
        click.echo(", ".join(f"{count} {state}" for state, count in sorted(found.items())))
        click.echo(f"report: {path}")
    if stopped.is_set():
        return 130
    return 3 if found["refused"] or found["failed"] else 0


def check_weights(settings: Any) -> None:
    """Open the models once, so that missing weights are one error and not one per call."""
    from pipeline.wiring import wire

    with wire(settings, is_live_wanted=False):
        pass
