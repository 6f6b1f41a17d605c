"""Command line: `python -m samples.render --facekit PATH --out samples/`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from .call import render

RATE_KBPS = 480


def main() -> None:
    """Read the arguments, render, say what was written."""
    parser = argparse.ArgumentParser(prog="python -m samples.render", description=__doc__)
    parser.add_argument("--facekit", type=Path, required=True, help="path of ict_facekit.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for video and table")
    parser.add_argument("--step", type=int, default=1, help="draw every n-th frame (a preview)")
    parser.add_argument(
        "--rate-kbps", type=int, default=RATE_KBPS, help="mean bit rate: 480 makes 1.8 MB in 30 s"
    )
    args = parser.parse_args()
    start_s = time.monotonic()
    video = render(args.facekit, args.out, args.step, args.rate_kbps)
    took_s = time.monotonic() - start_s
    print(f"{video}: {video.stat().st_size} bytes, rendered in {took_s:.0f} s")


if __name__ == "__main__":
    main()
