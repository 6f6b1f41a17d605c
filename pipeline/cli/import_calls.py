"""`facestate import`: a list of recordings becomes tables, resumable and parallel."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import analysis_options
from schemas.errors import InputError, escape_controls

if TYPE_CHECKING:
    from pipeline.importing.call_list import Listed

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
@analysis_options(
    live_view="the settings' address, else no live view",
    replace="Analyse every call anew, also those that an interrupted attempt finished.",
)
def command(call_list: Path, jobs: int | None, **options: Any) -> int:
    """Analyse every recording in CALLS.CSV; options stand in where a column is empty.

    Start the same command again after an interruption: finished calls are left alone, calls in
    hand go on where they stopped. With --replace it begins every call anew instead. The report
    says what was refused and why.
    """
    from pipeline.cli.running import (
        check_folder,
        check_names,
        dry_run,
        load,
        whose_of,
        without_redis,
    )
    from pipeline.cli.stopping import say_interrupted, stop_on_signal
    from pipeline.importing.call_list import read_list
    from pipeline.importing.imports import Import, counts, write_report
    from pipeline.logs import configure_logs
    from pipeline.reporting.progress import ImportBars
    from pipeline.wiring import wire

    settings = load(options)
    if options["redis_url"] == "none":
        settings = without_redis(settings)
    configure_logs(settings.logs)
    whose = whose_of(options, settings)
    check_names(whose, options, is_role_needed=False)
    check_folder(settings)
    listed = read_list(
        call_list,
        whose,
        options["tenant"],
        run_id=options["run_id"],
        is_replace=options["is_replace"],
    )
    if options["dry_run"]:
        code = _tell_refused(listed)
        with wire(settings, is_live_wanted=False) as wiring:
            todo = [item.job for item in listed if item.job is not None]
            return dry_run(todo, wiring, is_json=options["is_json"]) or code
    with stop_on_signal() as stopped:
        # Opened once before the pool, so that a fault of theirs is one error and not one per call.
        with wire(settings, is_live_wanted=settings.redis.url is not None) as wiring:
            model_id = wiring.scorer.model_id
        with ImportBars(len(listed)) as bars:
            work = Import(listed, settings, options["tenant"], model_id)
            reports = work.go(jobs or _core_count(), bars, stopped.is_set)
    path = write_report(Path(settings.output.folder), reports)
    found = counts(reports)
    if options["is_json"]:
        click.echo(json.dumps({"counts": dict(found), "report": str(path)}))
    else:
        click.echo(", ".join(f"{count} {state}" for state, count in sorted(found.items())))
        click.echo(f"report: {path}")
    if stopped.is_set() and found["not_done"]:
        say_interrupted(is_replace=options["is_replace"])
        return 130
    return InputError.exit_code if len(reports) > found["done"] + found["already_there"] else 0


def _core_count() -> int:
    """Return how many cores this process may use, which in a container are not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tell_refused(listed: "Sequence[Listed]") -> int:
    """Say which lines cannot be jobs; return the exit code that tells of them."""
    refused = [item for item in listed if item.job is None]
    for item in refused:
        click.echo(escape_controls(f"facestate: line {item.line}: {item.refusal}"), err=True)
    return InputError.exit_code if refused else 0
