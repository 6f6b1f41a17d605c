"""What `run` prints when it has finished: a table per call, or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from pipeline.jobs import Outcome
from pipeline.lake.tables import Lake
from pipeline.queries import CallSummary, FaceSummary, resolve_call, summary
from pipeline.reporting.report import print_summary
from pipeline.reporting.words import printable

DIGITS = 4
# Figures of the machinery, which say nothing of the call.
LEFT_OUT = ("run", "checkpoint_bytes_max")


def report(outcomes: Sequence[Outcome], folder: Path, *, is_json: bool) -> None:
    """Print the results of finished runs on stdout and where they lie on stderr."""
    lake = Lake(folder)
    if is_json:
        said = [described(outcome, _summary(lake, outcome)) for outcome in outcomes]
        click.echo(json.dumps(said, indent=2))
        return
    console = Console()
    for outcome in outcomes:
        if not outcome.is_finished:
            continue
        call = _summary(lake, outcome)
        name = printable(call.ref.source_name)
        console.rule(Text(f"{name} · call {call.ref.call_id}"), style="dim")
        print_summary(console, call)
    if outcomes:
        click.echo(f"tables: {lake.folder}", err=True)
    if finished := [outcome.run.call_id for outcome in outcomes if outcome.is_finished]:
        click.echo(f"next:   facestate timeline {finished[-1]} --out {folder}", err=True)


def _summary(lake: Lake, outcome: Outcome) -> CallSummary:
    run = outcome.run
    return summary(lake, resolve_call(lake, run.tenant, run.call_id, run.run_id))


def described(outcome: Outcome, call: CallSummary) -> dict[str, Any]:
    """Return one call as plain JSON: the run, what became of it, and what each face showed.

    The faces of a run that is not finished are those of what is committed so far.
    """
    rest = {name: value for name, value in asdict(outcome).items() if name not in LEFT_OUT}
    faces = sorted(call.participants, key=lambda face: face.first_s)
    said = {
        **asdict(outcome.run),
        "source": call.ref.source_name,
        "jurisdiction": call.ref.jurisdiction,
        **rest,
        "faces": [_face(face) for face in faces],
    }
    return {name: _rounded(value) for name, value in said.items()}


def _face(face: FaceSummary) -> dict[str, Any]:
    dominant = face.dominant
    return {
        "who": face.who,
        "role": face.role,
        "policy": face.policy,
        "track_count": face.track_count,
        "on_screen_s": face.seconds,
        "scored_share": face.scored_share,
        "dominant": None if dominant is None else dict(zip(("name", "share"), dominant,
                                                           strict=True)),
        "peaks": [{"time_s": peak.time_s, "name": peak.name, "value": peak.value,
                   "aus": dict(peak.aus)} for peak in face.peaks],
        "strongest_aus": [asdict(au) for au in face.strongest],
        "speaking_share": face.speaking_share,
        "abstained": face.abstained,
        "skipped": face.skipped,
    }  # fmt: skip


def _rounded(value: Any) -> Any:
    """Return plain JSON with every float rounded; float32 scores have no more digits to tell."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
