"""The demo behind `make demo`: analyse a video, print and draw its timeline, compare with truth."""

import argparse
import os
import sys
import threading
from pathlib import Path

from rich.console import Console

from pipeline.jobs import Job, run_job
from pipeline.lake.tables import Lake
from pipeline.picture import draw_timeline
from pipeline.queries import RunRef, face_frames, resolve_call, summary
from pipeline.registrations import Whose
from pipeline.reporting.agreement import compare_with_truth
from pipeline.reporting.progress import Bars
from pipeline.reporting.report import print_summary, print_truth
from pipeline.reporting.truth import read_truth
from pipeline.settings import load_settings
from pipeline.sources.resolve import resolve_inputs
from pipeline.wiring import scorer_threads_alone, wire
from schemas.errors import AlreadyThereError, FacestateError

FOLDER = Path(__file__).parent
SAMPLE = FOLDER / "two_party_call.mp4"
TRUTH = FOLDER / "two_party_call_truth.csv"
REGIONS = ("left=performer", "right=performer")

READING = """\
import polars as pl
frames = pl.scan_delta("{tables}/frames").filter(pl.col("call_id") == "{call}")
print(frames.select("event_at", "participant_id", "AU06", "AU12", "emotion_happiness").collect())"""


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="?", type=Path, help="a video of your own")
    parser.add_argument("--role", default="customer", help="whose faces your own video shows")
    parser.add_argument("--out", type=Path, default=Path(".demo"))
    options = parser.parse_args()
    video = options.input or SAMPLE
    whose = Whose(role=options.role) if options.input else Whose(regions=REGIONS)
    try:
        show(video, whose, options.out, TRUTH if options.input is None else None)
    except FacestateError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def show(video: Path, whose: Whose, out: Path, truth: Path | None) -> None:
    """Analyse `video` unless that was done before, and show what came out."""
    console = Console()
    shown = Path(os.path.relpath(video))
    faces = " ".join(f"--regions {region}" for region in whose.regions) or f"--role {whose.role}"
    command = f"$ facestate run {shown} {faces} --out {out}"
    console.print(command, style="bold", highlight=False, markup=False, soft_wrap=True)
    call_id, run_id = analyse(video, whose, out)
    lake = Lake(out)
    ref = resolve_call(lake, "default", call_id, run_id)
    print_summary(console, summary(lake, ref))
    frames = face_frames(lake, ref)
    true_curves = None if truth is None else read_truth(truth)
    picture = draw_timeline(frames, ref, out / f"{call_id}.png", truth=true_curves)
    if truth is not None:
        print_truth(console, compare_with_truth(frames, truth))
    _say_where(console, ref, lake, picture)


def analyse(video: Path, whose: Whose, out: Path) -> tuple[str, str]:
    """Return call and run of the video; one that was analysed before is taken as it is."""
    settings = load_settings(overrides={"output.folder": str(out)})
    job = Job(spec=resolve_inputs([str(video)])[0], whose=whose)
    stopped = threading.Event()
    try:
        with wire(settings, scorer_threads=scorer_threads_alone()) as wiring, Bars() as bars:
            outcome = run_job(job, wiring, bars.of(job.spec.name), stopped.is_set)
    except AlreadyThereError as there:
        print("analysed before with the same model and settings: these are its results")
        return there.call_id, there.run_id
    speed = outcome.duration_ms / 1000 / outcome.elapsed_s
    print(f"{outcome.duration_ms / 1000:.0f} s of video in {outcome.elapsed_s:.1f} s: {speed:.1f}x")
    return outcome.run.call_id, outcome.run.run_id


def _say_where(console: Console, ref: RunRef, lake: Lake, picture: Path) -> None:
    lines = [
        "",
        f"picture   {picture}",
        f"tables    {lake.folder} (Delta: frames, windows, segments, runs, tags)",
        f"timeline  facestate timeline {ref.call_id} --out {lake.root} --window 5s",
        f"ledger    facestate ledger {ref.call_id} --out {lake.root}",
        "in Python:",
        *READING.format(tables=lake.folder, call=ref.call_id).splitlines(),
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
