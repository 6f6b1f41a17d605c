"""Smooth curves over time: events with onset, apex and offset, speech, blinks, idle motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VISEMES: dict[str, dict[str, float]] = {
    "open": {"jawOpen": 0.30, "mouthLowerDown": 0.22, "mouthUpperUp": 0.10},
    "half": {"jawOpen": 0.18, "mouthLowerDown": 0.25, "mouthStretch": 0.18},
    "wide": {"jawOpen": 0.10, "mouthStretch": 0.38, "mouthLowerDown": 0.38, "mouthUpperUp": 0.22},
    "round": {"jawOpen": 0.14, "mouthFunnel": 0.45, "mouthPucker": 0.30},
    "tight": {"jawOpen": 0.06, "mouthPucker": 0.62, "mouthFunnel": 0.12},
    "closed": {"jawOpen": 0.0, "mouthPress": 0.40, "mouthRollLower": 0.30, "mouthRollUpper": 0.18},
    "teeth": {"jawOpen": 0.04, "mouthRollLower": 0.42, "mouthUpperUp": 0.30},
}
VISEME_CHANCES = {
    "open": 0.24,
    "half": 0.22,
    "wide": 0.14,
    "round": 0.13,
    "tight": 0.07,
    "closed": 0.13,
    "teeth": 0.07,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One movement: strengths of named tracks, risen over `onset_s`, fallen over `offset_s`."""

    start_s: float
    end_s: float
    peaks: dict[str, float]
    onset_s: float = 0.5
    offset_s: float = 0.6


def smooth(u: np.ndarray) -> np.ndarray:
    """Return the quintic ease of u clipped to 0..1 (zero speed and acceleration at both ends)."""
    u = np.clip(u, 0, 1)
    return u**3 * (u * (6 * u - 15) + 10)


def envelope(time_s: np.ndarray, event: Event) -> np.ndarray:
    """Return an event's 0..1 course."""
    rise = smooth((time_s - event.start_s) / event.onset_s)
    fall = smooth((time_s - event.end_s + event.offset_s) / event.offset_s)
    return rise * (1 - fall)


def speech(time_s: np.ndarray, spans_s: list[tuple[float, float]], seed: int) -> dict:
    """Return mouth shape tracks of babble at 3-5 syllables a second within the spans."""
    rng = np.random.default_rng(seed)
    names, chances = list(VISEME_CHANCES), np.array(list(VISEME_CHANCES.values()))
    tracks: dict[str, np.ndarray] = {}
    for start, end in spans_s:
        at, left_in_phrase = start + 0.08, int(rng.integers(5, 11))
        while at < end - 0.15:
            length = rng.uniform(0.20, 0.30)
            stress = rng.uniform(0.65, 1.25)
            viseme = VISEMES[str(rng.choice(names, p=chances / chances.sum()))]
            bump = np.exp(-(((time_s - at - length / 2) / (0.48 * length)) ** 2))
            for name, peak in viseme.items():
                tracks[name] = tracks.get(name, 0) + stress * peak * bump
            left_in_phrase -= 1
            at += length
            if left_in_phrase == 0:
                at, left_in_phrase = at + rng.uniform(0.15, 0.35), int(rng.integers(5, 11))
    return tracks


def blinks(time_s: np.ndarray, times_s: list[float], length_s: float = 0.26) -> np.ndarray:
    """Return lid closure: each blink closes in a third of its length and opens more slowly."""
    total = np.zeros_like(time_s)
    for at in times_s:
        u = (time_s - at) / length_s
        opening = 1 - smooth((u - 0.46) / 0.54)
        total = np.maximum(total, np.where(u < 0.36, smooth(u / 0.32), opening))
    return total


def drift(time_s: np.ndarray, size: float, seed: int, slowest_hz: float = 0.07) -> np.ndarray:
    """Return a smooth random sway of about +-size: four sines of random phase."""
    rng = np.random.default_rng(seed)
    total = np.zeros_like(time_s)
    for k, share in enumerate((0.55, 0.3, 0.2, 0.1)):
        rate = slowest_hz * (1.9**k) * rng.uniform(0.85, 1.15)
        total += share * np.sin(2 * np.pi * (rate * time_s + rng.random()))
    return size * total


def glances(time_s: np.ndarray, seed: int, size: float) -> np.ndarray:
    """Return gaze: held positions with quick saccades every 1-2.5 seconds."""
    rng = np.random.default_rng(seed)
    at, value, out = 0.0, 0.0, np.zeros_like(time_s)
    while at < time_s[-1]:
        target = rng.normal(0, size) if rng.random() < 0.55 else 0.0
        out += (target - value) * smooth((time_s - at) / 0.09)
        value = target
        at += rng.uniform(0.9, 2.4)
    return out
