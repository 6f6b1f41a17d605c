"""What each face of a call showed, over the whole call."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.queries.frames import EMOTION_COLUMNS, face_frames
from pipeline.queries.peaks import Peak, find_peaks
from pipeline.queries.runs import RunRef, Tables
from schemas.names import AU_NAMES, EMOTIONS, FaceStatus, Subject
from schemas.windows import SHARE_THRESHOLD

STRONGEST_MAX = 5
# A longer pause between two sightings is absence and not counted as seen.
PAUSE_PERIODS_MAX = 2.0

_COLUMNS = ("stream_id", "pts_ms", "event_at", "participant_id", "track_id", "policy",
            "status", "reason", "is_speaking", *AU_NAMES, *EMOTION_COLUMNS)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StrongAu:
    """One AU over a call: share of scored frames at or above 0.5, and its highest value."""

    name: str
    share: float
    max: float


@dataclass(frozen=True, slots=True)
class FaceSummary:
    """One participant's or one track's call.

    `seconds` is time on screen, `scored_share` scored frames over frames seen. `expressions` maps
    each expression to its mean, highest first; empty where policy forbids it or nothing was
    scored. `abstained` and `skipped` map reasons to frames. `speaking_share` is None where the
    flag was never observed. `policy` is that of most scored frames, of all frames where none was.
    """

    subject: Subject
    participant_id: str | None
    track_id: str | None
    role: str
    policy: str
    track_count: int
    first_s: float
    last_s: float
    seconds: float
    frame_count: int
    scored_count: int
    scored_share: float
    expressions: dict[str, float]
    peaks: tuple[Peak, ...]
    strongest: tuple[StrongAu, ...]
    speaking_share: float | None
    abstained: dict[str, int]
    skipped: dict[str, int]
    jurisdiction: str = ""

    @property
    def who(self) -> str:
        """Return the participant's name, or the track's where the row is one."""
        if self.subject is Subject.TRACK and self.track_id is not None:
            return self.track_id
        return self.participant_id or "outside regions"

    @property
    def dominant(self) -> tuple[str, float] | None:
        """Return the expression with the highest mean, or None."""
        return next(iter(self.expressions.items()), None)


@dataclass(frozen=True, slots=True)
class CallSummary:
    """All faces of a call, participants and their tracks, each in order of appearance."""

    ref: RunRef
    participants: tuple[FaceSummary, ...]
    tracks: tuple[FaceSummary, ...]


def summary(lake: Tables, ref: RunRef) -> CallSummary:
    """Return every participant's and track's summary; faces in no region come as one row."""
    return summarise(ref, face_frames(lake, ref, _COLUMNS))


def summarise(ref: RunRef, frames: pl.DataFrame) -> CallSummary:
    """Return the summary of frames already read (columns as `face_frames` gives them)."""
    period_s = frame_period_s(frames, ref.analysis_fps)
    groups = {
        Subject.PARTICIPANT: ["participant_id"],
        Subject.TRACK: ["stream_id", "participant_id", "track_id"],
    }
    faces: dict[Subject, tuple[FaceSummary, ...]] = {}
    for subject, keys in groups.items():
        parts = frames.sort("time_s", maintain_order=True).partition_by(keys, maintain_order=True)
        faces[subject] = tuple(_face(ref, subject, part, period_s) for part in parts)
    return CallSummary(ref, faces[Subject.PARTICIPANT], faces[Subject.TRACK])


def frame_period_s(frames: pl.DataFrame, fps: float) -> float:
    """Return the usual time between analysed frames, from the data; 1 / fps for a still."""
    steps = (
        frames.select("stream_id", "time_s").unique().sort("stream_id", "time_s")
        .select(step=pl.col("time_s").diff().over("stream_id")).drop_nulls()
    )  # fmt: skip
    median = steps["step"].median() if steps.height else None
    return float(median) if isinstance(median, float) and median > 0 else 1.0 / max(fps, 1e-3)


def _face(ref: RunRef, subject: Subject, rows: pl.DataFrame, period_s: float) -> FaceSummary:
    scored = rows.filter(pl.col("status") == FaceStatus.SCORED)
    participant_id = rows["participant_id"][0]
    speaking = scored["is_speaking"].mean()
    policies = (rows if scored.is_empty() else scored)["policy"].mode().sort()
    return FaceSummary(
        subject=subject,
        participant_id=participant_id,
        track_id=rows["track_id"][0] if subject is Subject.TRACK else None,
        role=ref.role_of(participant_id),
        policy=str(policies[0]),
        track_count=rows.select("stream_id", "track_id").n_unique(),
        first_s=float(rows["time_s"][0]),
        last_s=float(rows["time_s"][-1]),
        seconds=min(_seconds(rows, period_s), max(_length_s(ref), period_s)),
        frame_count=rows.height,
        scored_count=scored.height,
        scored_share=scored.height / rows.height,
        expressions=_expressions(scored),
        peaks=find_peaks(rows),
        strongest=_strongest(scored),
        speaking_share=float(speaking) if isinstance(speaking, float) else None,
        abstained=_reasons(rows, FaceStatus.ABSTAINED),
        skipped=_reasons(rows, FaceStatus.SKIPPED),
        jurisdiction=ref.jurisdiction,
    )


def _length_s(ref: RunRef) -> float:
    """Return the call's length; without bound while nobody knows it."""
    return np.inf if ref.duration_ms is None else ref.duration_ms / 1000


def _seconds(rows: pl.DataFrame, period_s: float) -> float:
    """Return time on screen: steps between sightings, long pauses cut, plus the last frame."""
    steps = np.diff(np.unique(rows["time_s"].to_numpy()))
    pause_s = PAUSE_PERIODS_MAX * period_s
    return float(np.where(steps > pause_s, period_s, steps).sum() + period_s)


def _expressions(scored: pl.DataFrame) -> dict[str, float]:
    means = {name: scored[f"emotion_{name}"].mean() for name in EMOTIONS}
    known = {name: float(mean) for name, mean in means.items() if isinstance(mean, float)}
    return dict(sorted(known.items(), key=lambda item: -item[1]))


def _strongest(scored: pl.DataFrame) -> tuple[StrongAu, ...]:
    """Return the AUs that were there longest; of equals the one with the higher maximum."""
    found = []
    for name in AU_NAMES:
        values = scored[name].drop_nulls()
        if len(values):
            share = float((values >= SHARE_THRESHOLD).sum()) / len(values)
            found.append(StrongAu(name, share, float(values.to_numpy().max())))
    found.sort(key=lambda au: (-au.share, -au.max))
    return tuple(au for au in found[:STRONGEST_MAX] if au.max >= SHARE_THRESHOLD)


def _reasons(rows: pl.DataFrame, status: FaceStatus) -> dict[str, int]:
    chosen = rows.filter(pl.col("status") == status)
    counted = chosen["reason"].value_counts(sort=True)
    return {str(reason): int(count) for reason, count in counted.iter_rows()}
