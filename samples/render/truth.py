"""Derive the truth table: what is visible of each person in each frame."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from schemas.names import AU_NAMES

from . import facekit
from .choreography import AU_SHAPES, FPS, Course
from .facekit import FaceKit

AUS = tuple(name.removeprefix("AU") for name in AU_NAMES)
COLUMNS = (
    "pts_ms",
    "participant",
    "is_present",
    "is_speaking",
    "expression",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "box_x1_px",
    "box_y1_px",
    "box_x2_px",
    "box_y2_px",
    *(f"AU{au}" for au in AUS),
)
PRESENT_SHARE_MIN = 0.35
BLINK_S_MAX = 0.5
JAW_DROP_FULL = 0.5
LIP_GAP_FULL_EYE_DISTANCES = 0.25
LID_SHUT_SHARE = 0.13
CHIN = 8


def face_vertices(kit: FaceKit) -> np.ndarray:
    """Return ids of the skin between hairline and chin, ear to ear, on the neutral head."""
    ids = np.unique(kit.parts["skin"])
    x, y, z = kit.neutral_cm[ids].T
    return ids[(np.abs(x) < 7.3) & (y > -7.9) & (y < 9.2) & (z > 3.0)]


def face_box_px(pixels: np.ndarray, width_px: int, height_px: int) -> tuple[np.ndarray, float]:
    """Return the box clipped to the tile and the share of its width that is inside."""
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    edge = (width_px, height_px)
    box = np.concatenate([np.clip(low, 0, edge), np.clip(high, 0, edge)])
    return box, float(max(0.0, box[2] - box[0]) / (high[0] - low[0]))


def still_aus(
    kit: FaceKit, neutral: np.ndarray, points: np.ndarray, shapes: dict[str, float]
) -> dict[str, float]:
    """Return the AUs of one frame (AU45 is left 0: it needs time)."""
    out = dict.fromkeys((f"AU{au}" for au in AUS), 0.0)
    for au, names in AU_SHAPES.items():
        out[au] = float(np.mean([shapes.get(name, 0.0) for name in names]))
    marks = kit.landmarks68
    eyes = neutral[marks[36:42]].mean(axis=0) - neutral[marks[42:48]].mean(axis=0)
    gap = facekit.lip_gap_cm(points, marks) - facekit.lip_gap_cm(neutral, marks)
    out["AU25"] = gap / np.linalg.norm(eyes) / LIP_GAP_FULL_EYE_DISTANCES
    drop = _jaw_share(kit, neutral, points)
    out["AU26"] = drop / JAW_DROP_FULL
    out["AU27"] = (drop - JAW_DROP_FULL) / (1 - JAW_DROP_FULL)
    lids = facekit.lid_gap_cm(points, marks) / facekit.lid_gap_cm(neutral, marks)
    out["AU43"] = (1 - lids) / (1 - LID_SHUT_SHARE) if shapes.get("eyeBlink", 0) > 0.02 else 0.0
    return {au: float(np.clip(value, 0, 1)) for au, value in out.items()}


def _jaw_share(kit: FaceKit, neutral: np.ndarray, points: np.ndarray) -> float:
    """Return the chin's way along the jawOpen shape, 1 = that shape at full weight."""
    chin = kit.landmarks68[CHIN]
    full = kit.expression[kit.expression_names.index("jawOpen")][chin]
    return float((points[chin] - neutral[chin]) @ full / (full @ full))


def mark_blinks(rows: list[dict]) -> None:
    """Copy AU43 into AU45 wherever a closure (above 0.1) lasts less than half a second."""
    closed = np.array([bool(row["is_present"]) and row["AU43"] > 0.1 for row in rows])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], closed.astype(int), [0]])))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if (end - start) / FPS < BLINK_S_MAX:
            for row in rows[start:end]:
                row["AU45"] = row["AU43"]


def row(course: Course, index: int, name: str, box: np.ndarray, share: float, aus: dict) -> dict:
    """Return one line of the table; a person out of the picture has only the first columns."""
    present = share >= PRESENT_SHARE_MIN
    line: dict = {
        "pts_ms": round(1000 * index / FPS),
        "participant": name,
        "is_present": int(present),
    }
    if not present:
        return line
    yaw, pitch, roll = course.angles_deg[index]
    line |= {
        "is_speaking": int(course.is_speaking[index]),
        "expression": course.expression[index],
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
    }
    line |= dict(zip(("box_x1_px", "box_y1_px", "box_x2_px", "box_y2_px"), box, strict=True))
    return line | aus


def write(path: Path, rows: list[dict]) -> None:
    """Write the table in time order, left before right, AUs to 0.01, empty where not visible."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for line in sorted(rows, key=lambda r: (r["pts_ms"], r["participant"])):
            writer.writerow({name: _cell(name, value) for name, value in line.items()})


def _cell(name: str, value: object) -> object:
    if not isinstance(value, (float, np.floating)):
        return value
    return f"{value + 0.0:.2f}" if name.startswith("AU") else f"{value + 0.0:.1f}"
