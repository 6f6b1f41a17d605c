"""Who does what when: both parties' shape weights, poses and moods over 30 seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .curves import Event, blinks, drift, envelope, glances, smooth, speech

FPS = 25
DURATION_S = 30.0
SHAPE_MAX = 1.3
FRAMES_COUNT = int(FPS * DURATION_S)

AU_SHAPES: dict[str, tuple[str, ...]] = {
    "AU01": ("browInnerUp",),
    "AU02": ("browOuterUp",),
    "AU04": ("browDown",),
    "AU05": ("eyeWide",),
    "AU06": ("cheekSquint",),
    "AU07": ("eyeSquint",),
    "AU09": ("noseSneer",),
    "AU10": ("mouthUpperUp",),
    "AU12": ("mouthSmile",),
    "AU14": ("mouthDimple",),
    "AU15": ("mouthFrown",),
    "AU16": ("mouthLowerDown",),
    "AU17": ("mouthShrugLower",),
    "AU18": ("mouthPucker",),
    "AU20": ("mouthStretch",),
    "AU22": ("mouthFunnel",),
    "AU24": ("mouthPress",),
    "AU28": ("mouthRollLower", "mouthRollUpper"),
    "AU33": ("cheekPuff",),
}


@dataclass(frozen=True, slots=True)
class Script:
    """One person's plan: turns of speech, movements (tracks by AU or shape name), moods, moves."""

    seed: int
    speaks_s: list[tuple[float, float]]
    blinks_s: list[float]
    events: list[Event]
    moods: list[tuple[float, float, str]]
    head: list[Event] = field(default_factory=list)
    leaves_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A script played out: arrays over frames (angles in degrees, places in cm)."""

    time_s: np.ndarray
    shapes: dict[str, np.ndarray]
    angles_deg: np.ndarray
    place_cm: np.ndarray
    lean_rad: np.ndarray
    breath: np.ndarray
    is_speaking: np.ndarray
    expression: list[str]


SMILE = {"AU06": 0.95, "AU12": 0.85, "AU10": 0.22, "AU16": 0.22, "jawOpen": 0.10, "AU07": 0.15}
CLOSED_SMILE = {"AU12": 0.75, "AU14": 0.15, "AU24": 0.12}
FROWN = {"AU04": 1.3, "AU07": 0.60, "AU15": 0.45, "AU17": 0.40, "AU24": 0.2}
SURPRISE = {"AU01": 1.0, "AU02": 1.0, "AU05": 0.95, "jawOpen": 0.30}
SAD = {"AU01": 0.8, "AU04": 0.45, "AU15": 0.75, "AU17": 0.45}

LEFT_SCRIPT = Script(
    seed=101,
    speaks_s=[(0.6, 6.2), (16.9, 21.6)],
    blinks_s=[1.9, 5.3, 8.6, 13.0, 17.3, 20.5, 24.2],
    events=[
        Event(2.4, 3.5, {"AU01": 0.45, "AU02": 0.5}, 0.25, 0.4),
        Event(9.2, 11.4, SURPRISE, 0.35, 0.6),
        Event(13.6, 16.6, SMILE, 0.55, 0.7),
        Event(18.4, 19.4, {"AU01": 0.4, "AU02": 0.35}, 0.25, 0.4),
        Event(22.3, 24.6, {"AU12": 0.35}, 0.5, 0.7),
    ],
    moods=[(9.2, 11.4, "surprise"), (13.6, 16.6, "happiness")],
    head=[
        Event(9.2, 11.4, {"pitch": 5.0}, 0.4, 0.7),
        Event(13.8, 16.4, {"roll": 5.0}, 0.6, 0.8),
        Event(23.2, 24.5, {"pitch": -8.0}, 0.4, 0.5),
        Event(24.7, 30.0, {"yaw": -24.0}, 0.7, 0.1),
    ],
    leaves_s=(24.9, 26.2),
)
RIGHT_SCRIPT = Script(
    seed=202,
    speaks_s=[(6.8, 12.6), (22.4, 24.8)],
    blinks_s=[0.9, 3.2, 7.6, 11.5, 14.1, 18.2, 21.9, 25.4, 28.6],
    events=[
        Event(3.8, 6.3, CLOSED_SMILE, 0.6, 0.7),
        Event(8.9, 9.9, {"AU01": 0.5, "AU02": 0.4}, 0.25, 0.4),
        Event(14.6, 17.6, FROWN, 0.5, 0.7),
        Event(26.6, 28.9, SAD, 0.6, 0.8),
    ],
    moods=[(3.8, 6.3, "happiness"), (14.6, 17.6, "anger"), (26.6, 28.9, "sadness")],
    head=[
        Event(18.4, 21.9, {"yaw": 38.0, "pitch": -2.0}, 0.9, 0.9),
        Event(14.6, 17.6, {"pitch": -4.0}, 0.6, 0.7),
        Event(26.4, 29.2, {"pitch": -6.0, "yaw": -5.0}, 0.7, 0.8),
    ],
)
SCRIPTS = {"left": LEFT_SCRIPT, "right": RIGHT_SCRIPT}


def play(script: Script) -> Course:
    """Turn a script into per-frame curves."""
    time_s = np.arange(FRAMES_COUNT) / FPS
    speaking = np.zeros(FRAMES_COUNT, bool)
    for start, end in script.speaks_s:
        speaking |= (time_s >= start) & (time_s < end)
    angles = _head(time_s, script, speaking)
    place, lean = _body(time_s, script)
    return Course(
        time_s=time_s,
        shapes=_shapes(time_s, script),
        angles_deg=angles,
        place_cm=place,
        lean_rad=lean,
        breath=np.sin(2 * np.pi * 0.26 * time_s + script.seed),
        is_speaking=speaking,
        expression=_moods(time_s, script),
    )


def _shapes(time_s: np.ndarray, script: Script) -> dict[str, np.ndarray]:
    tracks = speech(time_s, script.speaks_s, script.seed)
    for event in script.events:
        course = envelope(time_s, event)
        for name, peak in event.peaks.items():
            for shape in AU_SHAPES.get(name, (name,)):
                tracks[shape] = tracks.get(shape, 0) + peak * course
    for name in ("browInnerUp", "browOuterUp"):
        tracks[name] = tracks.get(name, 0) + np.abs(drift(time_s, 0.04, script.seed + 9, 0.2))
    tracks["eyeBlink"] = blinks(time_s, script.blinks_s)
    wide = tracks.get("eyeWide", 0) * (1 - tracks["eyeBlink"])
    tracks["eyeWide"] = wide + np.zeros(FRAMES_COUNT)
    _add_gaze(time_s, script, tracks)
    return {name: np.clip(track, 0, SHAPE_MAX) for name, track in tracks.items()}


def _add_gaze(time_s: np.ndarray, script: Script, tracks: dict[str, np.ndarray]) -> None:
    across = glances(time_s, script.seed + 1, 0.16)
    for event in script.head:
        across += envelope(time_s, event) * event.peaks.get("yaw", 0) / 38.0 * 0.45
    up = glances(time_s, script.seed + 2, 0.08) - 0.05
    tracks["eyeLookOut_L"] = tracks["eyeLookIn_R"] = np.maximum(across, 0)
    tracks["eyeLookIn_L"] = tracks["eyeLookOut_R"] = np.maximum(-across, 0)
    tracks["eyeLookUp"], tracks["eyeLookDown"] = np.maximum(up, 0), np.maximum(-up, 0)


def _head(time_s: np.ndarray, script: Script, speaking: np.ndarray) -> np.ndarray:
    axes = ("yaw", "pitch", "roll")
    angles = np.stack(
        [drift(time_s, size, script.seed + 20 + k) for k, size in enumerate((3.0, 1.8, 1.8))],
        axis=1,
    )
    liveliness = np.convolve(speaking.astype(float), np.hanning(13) / np.hanning(13).sum(), "same")
    for k, size in enumerate((2.2, 2.6, 1.4)):
        angles[:, k] += liveliness * drift(time_s, size, script.seed + 40 + k, 0.33)
    for event in script.head:
        for axis, peak in event.peaks.items():
            angles[:, axes.index(axis)] += peak * envelope(time_s, event)
    return angles


def _body(time_s: np.ndarray, script: Script) -> tuple[np.ndarray, np.ndarray]:
    place = np.stack(
        [drift(time_s, size, script.seed + 60 + k, 0.05) for k, size in enumerate((0.5, 0.2, 0.7))],
        axis=1,
    )
    lean = drift(time_s, 0.010, script.seed + 70, 0.06)
    if script.leaves_s:
        start, end = script.leaves_s
        u = np.clip((time_s - start) / (end - start), 0, None)
        going = smooth(np.minimum(u, 1))
        place += going[:, None] * np.array([-58.0, 3.0, -2.0])
        lean = lean + 0.14 * np.sin(np.pi * np.clip(u, 0, 1)) * (u < 1)
    return place, lean


def _moods(time_s: np.ndarray, script: Script) -> list[str]:
    mood = ["neutral"] * len(time_s)
    for start, end, name in script.moods:
        for index in np.flatnonzero((time_s >= start + 0.25) & (time_s < end - 0.35)):
            mood[index] = name
    return mood


def crease_strengths(shapes: dict[str, float]) -> np.ndarray:
    """Return the eight crease strengths (order of `chart.creases`) of a frame's shape weights."""
    s = {name: float(value) for name, value in shapes.items()}
    get = s.get
    smile, cheek, squint = get("mouthSmile", 0), get("cheekSquint", 0), get("eyeSquint", 0)
    return np.array(
        [
            min(1, get("browDown", 0) ** 1.5),
            0.75 * max(get("browInnerUp", 0), get("browOuterUp", 0)) ** 1.5,
            min(1, 0.12 + 0.75 * smile + 0.3 * get("noseSneer", 0) + 0.2 * get("mouthUpperUp", 0)),
            0.6 * cheek,
            0.8 * get("mouthShrugLower", 0),
            max(get("noseSneer", 0), 0.35 * get("browDown", 0)),
            min(1, 0.10 + 0.65 * cheek + 0.35 * squint),
            min(1, 0.45 * smile + 0.8 * get("mouthDimple", 0)),
        ]
    )
