"""The measurement behind the model card's figures on real faces: the pipeline on labelled clips.

Run as `python -m tests.bench.development --clips DIR [--json]`; some minutes. Every frame of every
clip goes through source, decoder, tracker, alignment, scorer and smoothing; labelled faces are
met by the overlap of boxes.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.detect import iou
from pipeline.analysis.worker import StreamWorker
from pipeline.jobs import Job, plan_job
from pipeline.registrations import Whose
from pipeline.settings import load_settings
from pipeline.sources.media import open_source
from pipeline.sources.resolve import resolve_inputs
from pipeline.wiring import Wiring, wire
from schemas.names import AU_NAMES, EMOTIONS
from schemas.scores import FaceScores, Scorer
from tests.bench.development_figures import (
    Labelled,
    Scores,
    au_figures,
    expression_figures,
    means_by_expression,
    neutral_figures,
    read_labels,
    smile_figures,
)
from tests.bench.development_text import lines

WARNING = (
    "Labels: one annotator, by eye, not certified FACS coding; frames of a clip are strongly\n"
    "correlated and people are few. For checking only, never for training or thresholds."
)
# Above every clip's own rate, so that every frame is analysed.
FPS = 120.0
IOU_MIN = 0.4
TIMED_CROPS = 50
WARM_CROPS = 5

Row = dict[str, Any]


class CropKeeper:
    """A scorer that hands on to another one and keeps the first crops for the timing."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.model_id = scorer.model_id
        self.crop_size_px = scorer.crop_size_px
        self.crops: list[NDArray[np.uint8]] = []

    def score(
        self, crops: NDArray[np.uint8], wants_affect: NDArray[np.bool_] | None = None
    ) -> FaceScores:
        self.crops += [crop.copy() for crop in crops[: TIMED_CROPS - len(self.crops)]]
        return self._scorer.score(crops, wants_affect)


def rows_of(path: Path, wiring: Wiring) -> list[Row]:
    """Return the rows of table `frames` for one clip; nothing is written."""
    (spec,) = resolve_inputs([str(path)])
    source = open_source(spec, wiring.source_options)
    try:
        planned = plan_job(Job(spec, Whose(role="performer")), source, wiring)
        worker = StreamWorker(wiring.worker_parts(planned.registration), planned.run, None)
        return [
            row
            for segment in source.segments(planned.identity)
            for row in worker.process(segment).frames
        ]
    finally:
        source.close()


def row_of(face: Labelled, rows: list[Row]) -> Row | None:
    """Return the row that shows a labelled face, None where the pipeline has none."""
    best, overlap = None, IOU_MIN
    for row in rows:
        box = tuple(row[f"box_{edge}_px"] for edge in ("x1", "y1", "x2", "y2"))
        if row["frame_index"] == face.frame_index and iou(box, face.box_xyxy_px) >= overlap:
            best, overlap = row, iou(box, face.box_xyxy_px)
    return best


def scores_of(rows: list[Row | None]) -> Scores:
    """Return the rows' scores as arrays; NaN where there is no row or no score."""

    def table(names: list[str]) -> NDArray[np.float64]:
        found = [[None if row is None else row[name] for name in names] for row in rows]
        return np.array(found, dtype=float)

    return Scores(
        raw=table([f"{name}_raw" for name in AU_NAMES]),
        final=table(list(AU_NAMES)),
        emotion=table([f"emotion_{name}_raw" for name in EMOTIONS]),
        smile_intensity=table(["AU12_intensity"])[:, 0],
    )


def speed(scorer: Scorer, crops: list[NDArray[np.uint8]]) -> dict[str, float]:
    """Return the median cost of one face in a call of its own, on one thread."""
    wall_ms, cpu_ms = [], []
    for crop in crops[:WARM_CROPS] + crops:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        scorer.score(crop[None])
        wall_ms.append(1000 * (time.perf_counter() - wall_s))
        cpu_ms.append(1000 * (time.process_time() - cpu_s))
    return {
        "faces": len(crops),
        "wall_ms_median": statistics.median(wall_ms[WARM_CROPS:]),
        "cpu_ms_median": statistics.median(cpu_ms[WARM_CROPS:]),
    }


def measure(clips: Path) -> dict[str, Any]:
    """Run the pipeline over all labelled clips and compare."""
    faces = read_labels(clips / "labels.csv")
    settings = load_settings(overrides={"analysis.fps": FPS}, environ={})
    found: dict[str, list[Row]] = {}
    with wire(settings, is_live_wanted=False) as wiring:
        keeper = CropKeeper(wiring.scorer)
        tapped = replace(wiring, scorer=keeper)
        for clip in dict.fromkeys(face.clip for face in faces):
            found[clip] = rows_of(clips / clip, tapped)
        timing = speed(wiring.scorer, keeper.crops)
    rows = [row_of(face, found[face.clip]) for face in faces]
    scores = scores_of(rows)
    states = Counter("not found" if row is None else row["reason"] or "scored" for row in rows)
    return {
        "model_id": keeper.model_id,
        "faces": len(faces),
        "people": len({face.person for face in faces}),
        "clips": len(found),
        "states": dict(states),
        "action_units": au_figures(faces, scores),
        "neutral": neutral_figures(faces, scores),
        "expressions": expression_figures(faces, scores),
        "means_by_expression": means_by_expression(faces, scores),
        "smile": smile_figures(faces, scores),
        "speed": timing,
        "warning": WARNING,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder with labels.csv")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.clips)
    text = json.dumps(result, indent=2) if options.json else "\n".join(lines(result))
    print(text)  # noqa: T201 - a tool at the command line


if __name__ == "__main__":
    main()
