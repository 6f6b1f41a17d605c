"""`facestate run`: videos, cameras or streams become timelines."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import analysis_options
from pipeline.starts import start_ms
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pipeline.jobs import Job
    from pipeline.registrations import Whose
    from pipeline.sources.resolve import SourceSpec

EXAMPLE = """\b
Examples:
  facestate run call.mp4 --role customer
  facestate run recordings/ --regions left=customer --regions right=agent --jurisdiction EU
  facestate run rtsp://camera.local/stream --role customer --max-faces 1 --call-id desk-7
  facestate run webcam:0 --role performer --fps 10 --out demo-data"""


@click.command(epilog=EXAMPLE)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@analysis_options(
    live_view="the settings' address, else a server of this machine's own",
    replace="Replace an earlier pass.",
)
@click.option("--call-id", help="Name of the call [default: from the file's content].")
@click.option("--stream-id", help="Name of the camera or tile [default: the call's].")
@click.option("--start", help="Wall clock of the first frame, such as 2026-03-01T09:30:00Z.")
@click.option(
    "--metrics",
    "metrics_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write counters to this file at the end, in Prometheus' text format; after an error or "
    "an interruption too.",
)
def command(inputs: tuple[str, ...], **options: Any) -> int:
    """Analyse INPUTs: files, folders, globs, pictures, raw H.264, rtsp://… or webcam:0.

    Results go to Redis at once and to tables under --out. Start the same command again after an
    interruption: it goes on where it stopped. A second run over the same video is refused unless
    you say --replace or --run-id.
    """
    from pipeline.cli.results import report
    from pipeline.cli.running import (
        check_folder,
        check_metrics_file,
        check_names,
        dry_run,
        find_inputs,
        load,
        run_all,
        whose_of,
        with_metrics,
    )
    from pipeline.cli.stopping import say_interrupted, stop_on_signal
    from pipeline.logs import configure_logs
    from pipeline.reporting.progress import Bars
    from pipeline.wiring import scorer_threads_alone, wire

    settings = load(options)
    configure_logs(settings.logs)
    whose = whose_of(options, settings)
    check_names(whose, options)
    check_folder(settings)
    check_metrics_file(options["metrics_file"])
    start = start_ms(options["start"])
    specs, code = find_inputs(inputs)
    if options["call_id"] and len(specs) > 1:
        raise UsageError(
            "--call-id", "several inputs cannot all be one call's", len(specs),
            "give one input at a time, or a list of them to `facestate import`",
        )  # fmt: skip
    jobs = [_job(spec, whose, start, options) for spec in specs]
    if not jobs:
        return code
    is_live_wanted = options["redis_url"] != "none" and not options["dry_run"]
    with (
        stop_on_signal() as stopped,
        wire(
            settings, is_live_wanted=is_live_wanted, scorer_threads=scorer_threads_alone()
        ) as wiring,
    ):
        if options["dry_run"]:
            return dry_run(jobs, wiring, is_json=options["is_json"]) or code
        with with_metrics(wiring.metrics, options["metrics_file"]), Bars() as bars:
            outcomes, job_code = run_all(jobs, wiring, bars, stopped.is_set)
    report(outcomes, Path(settings.output.folder), is_json=options["is_json"])
    is_cut_short = sum(outcome.is_finished for outcome in outcomes) < len(jobs)
    if stopped.is_set() and is_cut_short:
        say_interrupted(is_replace=options["is_replace"])
        return 130
    return code or job_code


def _job(spec: "SourceSpec", whose: "Whose", start: int | None, options: dict[str, Any]) -> "Job":
    from pipeline.jobs import Job

    return Job(
        spec=spec,
        whose=whose,
        tenant=options["tenant"],
        call_id=options["call_id"],
        stream_id=options["stream_id"],
        run_id=options["run_id"],
        start_ms=start,
        is_replace=options["is_replace"],
    )
