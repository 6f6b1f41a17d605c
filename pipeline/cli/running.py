"""What `run` and `import` share: settings from options, dry runs and final reports."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click

from pipeline.jobs import Job, Plan, plan_job
from pipeline.progress import clock
from pipeline.registrations import Whose
from pipeline.settings import Settings, load_settings
from pipeline.sources.media import open_source
from pipeline.wiring import Wiring
from schemas.errors import FacestateError


def load(options: dict[str, Any]) -> Settings:
    """Return the settings with the command line's options on top."""
    url = options["redis_url"]
    return load_settings(
        options["settings_file"],
        overrides={
            "analysis.fps": options["fps"],
            "analysis.model": options["model"],
            "output.folder": None if options["out"] is None else str(options["out"]),
            "redis.url": None if url == "none" else url,
            "policy.jurisdiction": options["jurisdiction"],
        },
    )


def whose_of(options: dict[str, Any], settings: Settings) -> Whose:
    """Return what the options say of the faces."""
    return Whose(
        role=options["role"],
        regions=options["regions"],
        max_faces=options["max_faces"],
        jurisdiction=settings.policy.jurisdiction,
        consent=options["consent"],
    )


def dry_run(jobs: Sequence[Job], wiring: Wiring, *, is_json: bool) -> int:
    """Print what would be done for each job; return the exit code of the first that cannot."""
    code = 0
    found = []
    for job in jobs:
        try:
            with closing(open_source(job.spec, wiring.source_options)) as source:
                found.append(_described(plan_job(job, source, wiring), source.info))
        except FacestateError as error:
            click.echo(f"facestate: {job.spec.name}: {error}", err=True)
            code = code or error.exit_code
    if is_json:
        click.echo(json.dumps(found, indent=2))
        return code
    for item in found:
        faces = ", ".join(f"{r['participant_id']} ({r['role']})" for r in item["regions"])
        click.echo(
            f"{item['source']}: {item['codec']} {item['width_px']}x{item['height_px']}, "
            f"{item['duration'] or 'unknown length'}; call {item['call_id']}, "
            f"run {item['run_id']}, model {item['model_id']}; faces of {faces} under "
            f"{item['jurisdiction']}"
        )
    return code


def _described(plan: Plan, info: Any) -> dict[str, Any]:
    return {
        "source": info.name,
        "codec": info.codec,
        "width_px": info.width_px,
        "height_px": info.height_px,
        "duration": None if info.duration_ms is None else clock(info.duration_ms),
        "call_id": plan.run.call_id,
        "stream_id": plan.run.stream_id,
        "run_id": plan.run.run_id,
        "model_id": plan.plan.model_id,
        "jurisdiction": plan.registration.jurisdiction,
        "regions": [region.model_dump(mode="json") for region in plan.registration.regions],
    }
