"""The demo behind `make demo`: analyse a video, print and draw its timeline, compare with truth."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from pipeline.cli.stopping import stop_on_signal
from pipeline.jobs import Job, Outcome, run_job
from pipeline.lake.tables import Lake
from pipeline.picture import draw_timeline
from pipeline.queries import RunRef, face_frames, resolve_call, summary
from pipeline.registrations import Whose
from pipeline.reporting.agreement import compare_with_truth
from pipeline.reporting.progress import Bars
from pipeline.reporting.report import print_summary, print_truth
from pipeline.reporting.truth import read_truth
from pipeline.settings import Settings, load_settings
from pipeline.sources.resolve import resolve_inputs
from pipeline.wiring import scorer_threads_alone, wire
from schemas.errors import AlreadyThereError, FacestateError

FOLDER = Path(__file__).parent
SAMPLE = FOLDER / "two_party_call.mp4"
TRUTH = FOLDER / "two_party_call_truth.csv"
REGIONS = ("left=performer", "right=performer")

READING = """\
import polars as pl
frames = pl.scan_delta("{tables}/frames").filter(call_id="{call}")
print(frames.select("event_at", "participant_id", "AU12", "AU06").collect())"""


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="?", type=Path, help="a video of your own")
    parser.add_argument("--role", default="customer", help="whose faces your own video shows")
    parser.add_argument("--out", type=Path, default=Path(".demo"))
    options = parser.parse_args()
    try:
        if options.input is None:
            show(Path(os.path.relpath(SAMPLE)), Whose(regions=REGIONS), options.out, TRUTH)
        else:
            print(f"faces are taken for role {options.role}; say ROLE=… for another")
            show(options.input, Whose(role=options.role), options.out, None)
    except FacestateError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def show(video: Path, whose: Whose, out: Path, truth: Path | None) -> None:
    """Analyse `video` unless that was done before, and show what came out."""
    console = Console()
    regions = [word for region in whose.regions for word in ("--regions", region)]
    faces = regions or ["--role", str(whose.role)]
    command = shlex.join(["facestate", "run", str(video), *faces, "--out", str(out)])
    console.print(f"$ {command}", style="bold", highlight=False, markup=False, soft_wrap=True)
    found = analyse(video, whose, out)
    if found is None:
        return
    lake = Lake(out)
    ref = resolve_call(lake, "default", *found)
    print_summary(console, summary(lake, ref))
    frames = face_frames(lake, ref)
    true_curves = None if truth is None else read_truth(truth)
    picture = draw_timeline(frames, ref, out / f"{ref.call_id}.png", truth=true_curves)
    if truth is not None:
        print_truth(console, compare_with_truth(frames, truth))
    _say_where(console, ref, lake, picture)


def analyse(video: Path, whose: Whose, out: Path) -> tuple[str, str] | None:
    """Return call and run of the video, or None if it was interrupted.

    What was analysed before for the same role is taken as it is, for another role replaced.
    """
    settings = load_settings(overrides={"output.folder": str(out)})
    job = Job(spec=resolve_inputs([str(video)])[0], whose=whose)
    with stop_on_signal() as stopped:
        try:
            outcome = _run(job, settings, stopped.is_set)
        except AlreadyThereError as there:
            if there.is_same:
                print("analysed before with the same model and settings: these are its results")
                return there.call_id, there.run_id
            print("analysed before for another role: replaced")
            outcome = _run(replace(job, is_replace=True), settings, stopped.is_set)
    if not outcome.is_finished:
        print("interrupted; make demo goes on where it stopped", file=sys.stderr)
        return None
    speed = outcome.duration_ms / 1000 / outcome.elapsed_s
    print(f"{outcome.duration_ms / 1000:.0f} s of video in {outcome.elapsed_s:.1f} s: {speed:.1f}x")
    return outcome.run.call_id, outcome.run.run_id


def _run(job: Job, settings: Settings, is_stopped: Callable[[], bool]) -> Outcome:
    with wire(settings, scorer_threads=scorer_threads_alone()) as wiring, Bars() as bars:
        return run_job(job, wiring, bars.of(job.spec.name), is_stopped)


def _say_where(console: Console, ref: RunRef, lake: Lake, picture: Path) -> None:
    lines = [
        "",
        f"picture   {picture}",
        f"tables    {lake.folder} (Delta: frames, windows, segments, runs)",
        f"timeline  .venv/bin/facestate timeline {ref.call_id} --out {lake.root} --window 5s",
        f"ledger    .venv/bin/facestate ledger {ref.call_id} --out {lake.root}",
        "in Python:",
        *READING.format(tables=lake.folder, call=ref.call_id).splitlines(),
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
