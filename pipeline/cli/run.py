"""`facestate run`: videos, cameras or streams become timelines."""

from pathlib import Path
from typing import Any

import click

from pipeline.cli.options import analysis_options
from schemas.errors import FacestateError

EXAMPLE = """\b
Examples:
  facestate run call.mp4 --role customer
  facestate run recordings/ --regions left=customer --regions right=agent --jurisdiction EU
  facestate run rtsp://camera.local/stream --role customer --max-faces 1 --call-id desk-7
  facestate run webcam:0 --role performer --fps 10 --out demo-data"""


@click.command(epilog=EXAMPLE)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@analysis_options
@click.option("--call-id", help="Name of the call [default: from the file's content].")
@click.option("--stream-id", help="Name of the camera or tile [default: the call's].")
@click.option("--start", help="Wall clock of the first frame, such as 2026-03-01T09:30:00Z.")
@click.option(
    "--metrics",
    "metrics_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write counters to this file at the end, in Prometheus' text format.",
)
def command(inputs: tuple[str, ...], **options: Any) -> int:
    """Analyse INPUTs: files, folders, globs, pictures, raw H.264, rtsp://… or webcam:0.

    Results go to Redis at once and to tables under --out. Start the same command again after an
    interruption: it goes on where it stopped. A second run over the same video is refused unless
    you say --replace or --run-id.
    """
    from pipeline.cli.results import report
    from pipeline.cli.running import dry_run, load, whose_of
    from pipeline.cli.stopping import stop_on_signal
    from pipeline.jobs import Job, Outcome, run_job
    from pipeline.logs import configure_logs
    from pipeline.progress import Bars
    from pipeline.registrations import parse_role
    from pipeline.sources.resolve import resolve_inputs
    from pipeline.starts import start_ms
    from pipeline.wiring import wire

    settings = load(options)
    configure_logs(settings.logs)
    if not options["regions"]:
        parse_role(options["role"])
    whose = whose_of(options, settings)
    specs = resolve_inputs(inputs)
    if options["call_id"] and len(specs) > 1 and not options["stream_id"]:
        raise click.UsageError("--call-id with several inputs needs one input at a time")
    jobs = [
        Job(
            spec=spec,
            whose=whose,
            tenant=options["tenant"],
            call_id=options["call_id"],
            stream_id=options["stream_id"],
            run_id=options["run_id"],
            start_ms=start_ms(options["start"]),
            is_replace=options["is_replace"],
        )
        for spec in specs
    ]
    is_live_wanted = options["redis_url"] != "none" and not options["dry_run"]
    code = 0
    outcomes: list[Outcome] = []
    with wire(settings, is_live_wanted=is_live_wanted) as wiring, stop_on_signal() as stopped:
        if options["dry_run"]:
            return dry_run(jobs, wiring, is_json=options["is_json"])
        with Bars() as bars:
            for job in jobs:
                if stopped.is_set():
                    break
                try:
                    outcomes.append(run_job(job, wiring, bars.of(job.spec.name), stopped.is_set))
                except FacestateError as error:
                    if len(jobs) == 1:
                        raise
                    bars.say(f"facestate: {job.spec.name}: {error}")
                    code = code or error.exit_code
        if options["metrics_file"] is not None:
            wiring.metrics.write_text(options["metrics_file"])
    report(outcomes, Path(settings.output.folder), is_json=options["is_json"])
    return 130 if stopped.is_set() else code
