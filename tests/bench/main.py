"""The benchmark behind the README's figures: speed, memory, first row and size of the tables.

Run as `python -m tests.bench.main [--video FILE] [--minutes 60] [--json]`. Every figure comes
from `facestate run` as a whole process, observed from outside.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import polars as pl
import psutil

from pipeline.lake.tables import Lake
from tests.bench.size import measure_tables, mib_per_face_hour

SAMPLE = Path("samples/two_party_call.mp4")
REPEATS = 3
POLL_S = 0.1
ANALYSIS_FPS = 5.0
# Most calls are shorter than an hour, and each brings files of its own.
CALL_MINUTES = 5.0
MIB = 1024 * 1024


@dataclass(frozen=True)
class Measured:
    """One run of the command; memory is that of the process and its children."""

    video_s: float
    elapsed_s: float
    first_row_s: float
    memory_peak_mib: float
    memory_at_quarter_mib: float
    memory_at_end_mib: float
    tables_mib: float
    faces_h: float
    commit_count: int
    out: Path

    @property
    def speed(self) -> float:
        """Return seconds of video per second, start of the process included."""
        return self.video_s / self.elapsed_s

    @property
    def mib_per_face_hour(self) -> float:
        """Return the size of the lake's folder per hour of one face."""
        return self.tables_mib / self.faces_h

    @property
    def commits_per_face_hour(self) -> float:
        """Return the commits per hour of one face: the faces of a call share its commits."""
        return self.commit_count / self.faces_h


def looped(video: Path, minutes: float, folder: Path) -> Path:
    """Write `video` again and again by stream copy until `minutes` are full; return the file."""
    target = folder / f"looped-{minutes:g}min.mp4"
    with av.open(str(video)) as source, av.open(str(target), "w") as sink:
        stream = source.streams.video[0]
        out = sink.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.pts is not None]
        span = max(packet.pts + packet.duration for packet in packets)
        rounds = max(1, round(minutes * 60 / float(span * stream.time_base)))
        for turn in range(rounds):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.pts is None:
                    continue
                packet.pts += turn * span
                packet.dts += turn * span
                packet.stream = out
                sink.mux(packet)
    return target


def measure(video: Path, folder: Path) -> Measured:
    """Run `facestate run` on `video` once and observe it."""
    out = folder / f"out-{time.monotonic_ns()}"
    command = [
        sys.executable, "-m", "pipeline.cli", "run", str(video), "--out", str(out),
        "--role", "performer", "--json",
    ]  # fmt: skip
    log = out.with_suffix(".log")
    started_s = time.monotonic()
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        memory, first_row_s = _observe(process, out, started_s)
    elapsed_s = time.monotonic() - started_s
    if process.returncode != 0:
        raise SystemExit(f"facestate run failed:\n{log.read_text()}")
    lake = Lake(out)
    segments = lake.scan("segments").collect()
    frames = lake.scan("frames").select(pl.len()).collect().item()
    fps = lake.scan("runs").select("analysis_fps").collect().item(0, 0)
    video_s = (segments["last_pts_ms"].max() - segments["first_pts_ms"].min()) / 1000
    size = sum(path.stat().st_size for path in lake.folder.rglob("*") if path.is_file())
    return Measured(
        video_s=video_s,
        elapsed_s=elapsed_s,
        first_row_s=first_row_s,
        memory_peak_mib=max(memory),
        memory_at_quarter_mib=memory[len(memory) // 4],
        memory_at_end_mib=memory[-max(5, len(memory) // 50)],
        tables_mib=size / MIB,
        faces_h=frames / fps / 3600,
        commit_count=len(list((lake.path("frames") / "_delta_log").glob("*.json"))) - 1,
        out=out,
    )


def _observe(
    process: "subprocess.Popen[bytes]", out: Path, started_s: float
) -> tuple[list[float], float]:
    """Return the memory in MiB at regular times, and when the first row could be read."""
    memory: list[float] = []
    first_row_s = float("nan")
    watched = psutil.Process(process.pid)
    first_commit = out / "lake" / "frames" / "_delta_log" / f"{1:020d}.json"
    while process.poll() is None:
        try:
            parts = [watched, *watched.children(recursive=True)]
            memory.append(sum(part.memory_info().rss for part in parts) / MIB)
        except psutil.NoSuchProcess:
            pass
        if first_row_s != first_row_s and first_commit.is_file():
            first_row_s = time.monotonic() - started_s
        time.sleep(POLL_S)
    return memory, first_row_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=SAMPLE)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the long video")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.pop("FACESTATE_OUT", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = [measure(options.video, folder) for _ in range(REPEATS)]
        long = measure(looped(options.video, options.minutes, folder), folder)
        call = measure(looped(options.video, CALL_MINUTES, folder), folder)
        sizes = measure_tables(Lake(short[0].out), folder)
        face_hour_mib, call_face_hour_mib = (
            mib_per_face_hour(sizes, ANALYSIS_FPS, run.commits_per_face_hour)
            for run in (long, call)
        )
    result = {
        "cores": os.cpu_count(),
        "video": options.video.name,
        "short_video_s": short[0].video_s,
        "short_speed_median": statistics.median(run.speed for run in short),
        "first_row_s_median": statistics.median(run.first_row_s for run in short),
        "long": {name: value for name, value in asdict(long).items() if name != "out"},
        "long_speed": long.speed,
        "looped_mib_per_face_hour": long.mib_per_face_hour,
        "commits_per_face_hour": long.commits_per_face_hour,
        "mib_per_face_hour": face_hour_mib,
        "call_minutes": CALL_MINUTES,
        "call_commits": call.commit_count,
        "call_looped_mib_per_face_hour": call.mib_per_face_hour,
        "call_mib_per_face_hour": call_face_hour_mib,
    }
    if options.json:
        print(json.dumps(result, indent=2))  # noqa: T201 - a tool at the command line
        return
    for name, value in _lines(result, long, call):
        print(f"{name:<66} {value}")  # noqa: T201 - a tool at the command line


def _lines(result: dict[str, Any], long: Measured, call: Measured) -> list[tuple[str, str]]:
    of_long = f"one call of {long.video_s / 60:.0f} min"
    of_call = f"calls of {CALL_MINUTES:g} min"
    return [
        ("cores", f"{result['cores']}"),
        ("short video, process start included", f"{result['short_speed_median']:.1f}x real time"),
        ("first row readable after", f"{result['first_row_s_median']:.2f} s"),
        (f"{long.video_s / 60:.0f} min video", f"{long.speed:.1f}x real time"),
        ("peak memory", f"{long.memory_peak_mib:.0f} MiB"),
        ("memory at a quarter and at the end",
         f"{long.memory_at_quarter_mib:.0f} and {long.memory_at_end_mib:.0f} MiB"),
        (f"commits of {of_long}", f"{long.commit_count}"),
        (f"tables per face-hour, {of_long}, rows that do not repeat",
         f"{result['mib_per_face_hour']:.2f} MiB"),
        (f"tables per face-hour, {of_long}, looped", f"{long.mib_per_face_hour:.2f} MiB"),
        (f"commits per call, {of_call}", f"{call.commit_count}"),
        (f"tables per face-hour, {of_call}, rows that do not repeat",
         f"{result['call_mib_per_face_hour']:.2f} MiB"),
        (f"tables per face-hour, {of_call}, looped", f"{call.mib_per_face_hour:.2f} MiB"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
