"""What `run` and `import` share: settings from options, dry runs and final reports."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from operators.policy import PRESETS
from pipeline.jobs import Job, Outcome, Plan, plan_job, run_job
from pipeline.lake.tables import Lake
from pipeline.logs import mask_secrets
from pipeline.metrics import Metrics
from pipeline.registrations import Whose, check_name, one_of
from pipeline.reporting.progress import Bars
from pipeline.reporting.words import clock
from pipeline.settings import Settings, load_settings
from pipeline.sources.media import open_source
from pipeline.sources.resolve import SourceSpec, resolve_inputs
from pipeline.wiring import Wiring
from schemas.errors import DiskFullError, FacestateError, InputError, SinkError, escape_controls
from schemas.names import Role


def load(options: dict[str, Any]) -> Settings:
    """Return the settings with the command line's options on top."""
    url = options["redis_url"]
    if options["jurisdiction"] is not None:
        one_of("--jurisdiction", options["jurisdiction"], list(PRESETS))
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


def without_redis(settings: Settings) -> Settings:
    """Return the settings without the address of a Redis server."""
    redis = settings.redis.model_copy(update={"url": None})
    return settings.model_copy(update={"redis": redis})


def whose_of(options: dict[str, Any], settings: Settings) -> Whose:
    """Return what the options say of the faces."""
    return Whose(
        role=options["role"],
        regions=options["regions"],
        max_faces=options["max_faces"] or settings.analysis.max_faces,
        jurisdiction=settings.policy.jurisdiction,
        consent=options["consent"],
    )


def check_names(whose: Whose, options: dict[str, Any], *, is_role_needed: bool = True) -> None:
    """Refuse names and policies that no job could be made of, before anything is opened."""
    if whose.role is None and not whose.regions and not is_role_needed:
        whose = replace(whose, role=str(Role.CUSTOMER))  # each line says its own
    names = [options.get(name) for name in ("call_id", "stream_id")]
    call_id, stream_id = ("unnamed" if name is None else name for name in names)
    whose.registration(options["tenant"], call_id, stream_id)
    if options["run_id"] is not None:
        check_name(options["run_id"])


def check_folder(settings: Settings) -> None:
    """Refuse a folder for the tables that cannot be one, before any work is done."""
    folder = Path(settings.output.folder)
    remedy = "give --out a folder that you may write to"
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise SinkError(
                "output", f"'{there.name}' is a file, not a folder", str(folder), remedy
            )
        if not os.access(there, os.W_OK | os.X_OK):
            raise SinkError("output", "the folder may not be written", str(folder), remedy)
    except (OSError, ValueError) as error:
        text = f"the folder cannot be used: {getattr(error, 'strerror', None) or error}"
        raise SinkError("output", text, str(folder), remedy) from None
    Lake(folder).check_space()


def check_metrics_file(path: Path | None) -> None:
    """Refuse a file for the metrics whose folder is not there, before any work is done."""
    if path is not None and not path.absolute().parent.is_dir():
        raise SinkError("metrics", "there is no such folder", str(path), "name one that is there")


@contextmanager
def with_metrics(metrics: Metrics, path: Path | None) -> Iterator[None]:
    """Write the metrics to `path` at the end, also after an error, which then is the one told."""
    try:
        yield
    except BaseException:
        with suppress(SinkError):
            _write_metrics(metrics, path)
        raise
    _write_metrics(metrics, path)


def _write_metrics(metrics: Metrics, path: Path | None) -> None:
    if path is not None:
        metrics.write_text(path)


def find_inputs(texts: Sequence[str]) -> tuple[list[SourceSpec], int]:
    """Return the sources that `texts` name, each once, and the exit code of what names none.

    One text that names nothing raises; among several it is told on stderr and the rest goes on.
    """
    if len(texts) == 1:
        return _resolve(texts[0]), 0
    found: dict[str, SourceSpec] = {}
    code = 0
    for text in texts:
        try:
            found |= {spec.location: spec for spec in _resolve(text)}
        except FacestateError as error:
            complain(error)
            code = code or error.exit_code
    return list(found.values()), code


def _resolve(text: str) -> list[SourceSpec]:
    if text.lower().endswith(".csv"):
        raise InputError(
            "find inputs", "a list of recordings is no video", text, "use `facestate import`"
        )
    return resolve_inputs([text])


def complain(error: FacestateError) -> None:
    """Tell an error of one input on stderr, where others go on."""
    click.echo(mask_secrets(f"facestate: {error}"), err=True)


def run_all(
    jobs: Sequence[Job], wiring: Wiring, bars: Bars, is_stopped: Callable[[], bool]
) -> tuple[list[Outcome], int]:
    """Run jobs one after another; return what became of them and the first error's exit code.

    One job's error raises; among several it is told and the rest goes on, unless no space is left.
    """
    outcomes: list[Outcome] = []
    code = 0
    for job in jobs:
        if is_stopped():
            break
        try:
            outcomes.append(run_job(job, wiring, bars.of(job.spec.name), is_stopped))
        except FacestateError as error:
            if len(jobs) == 1:
                raise
            name = "" if job.spec.name in str(error) else f"{job.spec.name}: "
            bars.say(mask_secrets(f"facestate: {name}{error}"))
            code = code or error.exit_code
            if isinstance(error, DiskFullError):
                break
    return outcomes, code


def dry_run(jobs: Sequence[Job], wiring: Wiring, *, is_json: bool) -> int:
    """Print what would be done for each job; return the exit code of the first that cannot."""
    code = 0
    found = []
    for job in jobs:
        try:
            with closing(open_source(job.spec, wiring.source_options)) as source:
                found.append(_described(plan_job(job, source, wiring), source.info))
        except FacestateError as error:
            complain(error)
            code = code or error.exit_code
    if is_json:
        click.echo(json.dumps(found, indent=2))
        return code
    for item in found:
        faces = ", ".join(f"{r['participant_id']} ({r['role']})" for r in item["regions"])
        click.echo(
            f"{escape_controls(item['source'])}: {item['codec']} "
            f"{item['width_px']}x{item['height_px']}, "
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
        "duration": None if info.duration_ms is None else clock(info.duration_ms / 1000),
        "call_id": plan.run.call_id,
        "stream_id": plan.run.stream_id,
        "run_id": plan.run.run_id,
        "model_id": plan.plan.model_id,
        "jurisdiction": plan.registration.jurisdiction,
        "regions": [region.model_dump(mode="json") for region in plan.registration.regions],
    }
