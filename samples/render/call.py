"""Render both people of the call in parallel, mix, encode and write the truth."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import facekit, truth
from .actor import Actor
from .choreography import FRAMES_COUNT, SCRIPTS, Course, crease_strengths, play
from .geometry import Camera, Pose, placed
from .people import PEOPLE, Person
from .video import VideoWriter

TILE_WIDTH_PX, TILE_HEIGHT_PX = 640, 720
CAMERA = Camera((0.0, 1.0, 76.0), 1085.0, TILE_WIDTH_PX, TILE_HEIGHT_PX)
PIVOT_CM = np.array([0.0, -6.0, -1.0])
NOISE_SIGMA = 1.1
FRAME_S_MAX = 120


def weights_of(names: tuple[str, ...], course: Course, index: int) -> np.ndarray:
    """Return the 57 shape weights of a frame; a track without side drives both sides."""
    out = np.zeros(len(names))
    for k, name in enumerate(names):
        both_sides = name.removesuffix("_L").removesuffix("_R")
        track = course.shapes.get(name, course.shapes.get(both_sides))
        out[k] = 0.0 if track is None else track[index]
    return out


def pose_of(course: Course, index: int) -> Pose:
    """Return where the person and their head are in a frame."""
    body = placed(*course.place_cm[index], course.lean_rad[index], 0.0)
    return Pose(np.radians(course.angles_deg[index]), PIVOT_CM, body, course.breath[index])


def tiles(facekit_path: Path, person: Person, frames: range) -> Iterator[tuple[np.ndarray, dict]]:
    """Yield each frame's tile and truth line (boxes still in tile pixels)."""
    kit = facekit.load(facekit_path)
    actor, course = Actor(kit, person, CAMERA), play(SCRIPTS[person.name])
    skin = truth.face_vertices(kit)
    for index in frames:
        points = actor.shape(weights_of(kit.expression_names, course, index))
        pose = pose_of(course, index)
        shapes = {name: track[index] for name, track in course.shapes.items()}
        box, share = truth.face_box_px(
            CAMERA.project_px(pose.world(points[skin])), TILE_WIDTH_PX, TILE_HEIGHT_PX
        )
        box[[0, 2]] += TILE_WIDTH_PX * (person.name == "right")
        aus = truth.still_aus(kit, actor.neutral, points, shapes)
        line = truth.row(course, index, person.name, box, share, aus)
        yield actor.frame(points, pose, crease_strengths(shapes)), line


def _send(facekit_path: Path, person: Person, frames: range, queue: multiprocessing.Queue) -> None:
    # One thread of the software renderer per process: two people fill two cores.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    for item in tiles(facekit_path, person, frames):
        queue.put(item)


def _start(context, facekit_path: Path, person: Person, frames: range):
    queue = context.Queue(maxsize=8)
    worker = context.Process(target=_send, args=(facekit_path, person, frames, queue), daemon=True)
    worker.start()
    return queue


def grain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a camera's noise: stronger in the dark, softened as a webcam's own filter does."""
    noise = rng.normal(0, NOISE_SIGMA, image.shape[:2])[..., None]
    noisy = image + noise * (1.3 - image.mean(axis=2, keepdims=True) / 255)
    return noisy.clip(0, 255).astype(np.uint8)


def render(facekit_path: Path, out: Path, step: int, rate_kbps: int) -> Path:
    """Write the video and the truth table into `out`, drawing every `step`-th frame."""
    frames = range(0, FRAMES_COUNT, step)
    context = multiprocessing.get_context("spawn")
    queues = [_start(context, facekit_path, person, frames) for person in PEOPLE]
    rows: dict[str, list[dict]] = {person.name: [] for person in PEOPLE}
    rng = np.random.default_rng(0)
    out.mkdir(parents=True, exist_ok=True)
    video = out / "two_party_call.mp4"
    with VideoWriter(video, 2 * TILE_WIDTH_PX, TILE_HEIGHT_PX, rate_kbps) as writer:
        for _ in frames:
            parts = [queue.get(timeout=FRAME_S_MAX) for queue in queues]
            for person, (_, line) in zip(PEOPLE, parts, strict=True):
                rows[person.name].append(line)
            writer.write(grain(np.hstack([image for image, _ in parts]), rng))
    for lines in rows.values():
        truth.mark_blinks(lines)
    truth.write(out / "two_party_call_truth.csv", [line for r in rows.values() for line in r])
    return video
