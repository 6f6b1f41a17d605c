"""Generated table rows, typed by the column lists, for tests of everything that reads tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipeline.lake.tables import Lake
from schemas.columns import Column
from schemas.frames import FRAME_COLUMNS
from schemas.ledger import ABSTAINED_COUNTS, SEGMENT_COLUMNS, SKIPPED_COUNTS
from schemas.names import AU_NAMES, EMOTIONS
from schemas.runs import RUN_COLUMNS, TAG_COLUMNS
from schemas.windows import HISTOGRAM_BINS, WINDOW_COLUMNS, WINDOW_SCORES

TABLES: dict[str, tuple[Column, ...]] = {
    "frames": FRAME_COLUMNS,
    "windows": WINDOW_COLUMNS,
    "segments": SEGMENT_COLUMNS,
    "runs": RUN_COLUMNS,
    "tags": TAG_COLUMNS,
}
_TYPES: dict[str, Any] = {
    "string": pl.String,
    "bool": pl.Boolean,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "float32": pl.Float32,
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date,
    "counts": pl.List(pl.Int16),
    "scores": pl.List(pl.Struct({"name": pl.String, "score": pl.Float32})),
    "strings": pl.List(pl.String),
}
START_AT = datetime(1970, 1, 1, tzinfo=UTC)
CALL = "0badc0de00000001"
IDENTITY = {
    "tenant": "default",
    "call_id": CALL,
    "stream_id": "main",
    "run_id": "run-1",
    "model_id": "blendshapes-1",
    "adapter_id": None,
    "policy_id": "preset-default-1",
}

Bump = tuple[float, float, float]  # start s, end s, height


@dataclass(frozen=True)
class Face:
    """One made-up face: what it does, in seconds of the call."""

    participant_id: str | None = "customer"
    track_id: str = "main-0-1"
    present: tuple[float, float] = (0.0, 1e9)
    aus: Mapping[str, tuple[Bump, ...]] = field(default_factory=dict)
    speaking: tuple[tuple[float, float], ...] = ()
    abstained: tuple[tuple[float, float], ...] = ()
    policy: str = "full"
    x_px: int = 300


def schema(table: str) -> dict[str, Any]:
    """Return the polars type of every column of a table."""
    return {column.name: _TYPES[column.type] for column in TABLES[table]}


def table(name: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of the table's types; absent columns are null."""
    full = [{column.name: row.get(column.name) for column in TABLES[name]} for row in rows]
    return pl.DataFrame(full, schema=schema(name), orient="row")


def _bumps(time_s: float, bumps: Iterable[Bump], rest: float) -> float:
    value = rest
    for start, end, height in bumps:
        if start < time_s < end:
            phase = min(time_s - start, end - time_s) / min(0.8, (end - start) / 2)
            value = max(value, height * min(1.0, phase))
    return round(value / 0.005) * 0.005


def _within(time_s: float, spans: Iterable[tuple[float, float]]) -> bool:
    return any(start <= time_s < end for start, end in spans)


def _emotions(au: Mapping[str, float]) -> dict[str, float]:
    raw = dict.fromkeys(EMOTIONS, 0.02)
    raw["happiness"] += (au["AU12"] + au["AU06"]) / 2
    raw["anger"] += 0.6 * au["AU04"] + 0.2 * au["AU24"]
    raw["sadness"] += 0.5 * au["AU15"] + 0.3 * au["AU01"] * (1 - au["AU02"])
    raw["surprise"] += 0.7 * min(au["AU01"], au["AU02"])
    raw["neutral"] = max(0.05, 1.0 - sum(raw.values()))
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _scores(face: Face, time_s: float, noise: np.random.Generator) -> dict[str, Any]:
    rest = {name: float(noise.uniform(0.0, 0.08)) for name in AU_NAMES}
    au = {name: _bumps(time_s, face.aus.get(name, ()), rest[name]) for name in AU_NAMES}
    is_speaking = _within(time_s, face.speaking)
    if is_speaking:
        au["AU25"] = max(au["AU25"], 0.5 + 0.45 * float(np.sin(time_s * 9)))
        au["AU26"] = max(au["AU26"], 0.35 + 0.3 * float(np.sin(time_s * 9 + 1)))
    row: dict[str, Any] = {"is_speaking": is_speaking, "confidence": 0.95}
    for name, value in au.items():
        row |= {name: value, f"{name}_raw": value, f"{name}_intensity": 5 * value}
        row[f"{name}_above_baseline"] = value - 0.04
    if face.policy == "full":
        emotion = _emotions(au)
        row |= {f"emotion_{name}": value for name, value in emotion.items()}
        row["valence"] = emotion["happiness"] - emotion["anger"] - emotion["sadness"]
        row["arousal"] = min(1.0, sum(au.values()) / 6)
    return row


def _state(face: Face, time_s: float) -> dict[str, Any]:
    if face.policy == "skip":
        reason = "outside_regions" if face.participant_id is None else "preset"
        return {"status": "skipped", "reason": reason}
    if _within(time_s, face.abstained):
        return {"status": "abstained", "reason": "extreme_pose"}
    return {"status": "scored", "reason": None}


def frame_rows(
    faces: Iterable[Face],
    duration_s: float = 30.0,
    fps: float = 5.0,
    segment_s: float = 2.0,
    start_at: datetime = START_AT,
    **identity: Any,
) -> pl.DataFrame:
    """Return table `frames` of a call in which `faces` do what they are told."""
    noise = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    row_of: dict[int, int] = {}
    for index in range(round(duration_s * fps)):
        time_s = index / fps
        for face in faces:
            if not face.present[0] <= time_s < face.present[1]:
                continue
            sequence = int(time_s // segment_s)
            row_of[sequence] = row_of.get(sequence, -1) + 1
            row = {
                **IDENTITY,
                "event_date": start_at.date(),
                "epoch": 0,
                "sequence": sequence,
                "row": row_of[sequence],
                "frame_index": round(index * 25 / fps),
                "pts_ms": round(1000 * time_s),
                "event_at": start_at + timedelta(seconds=time_s),
                "anchor_source": "none" if start_at == START_AT else "container",
                "pts_source": "container",
                "participant_id": face.participant_id,
                "track_id": face.track_id,
                "policy": face.policy,
                "box_x1_px": face.x_px,
                "box_y1_px": 200,
                "box_x2_px": face.x_px + 180,
                "box_y2_px": 430,
                "face_score": 0.9,
                "face_size_px": 180,
                "blur": 0.2,
                "brightness": 0.5,
                "yaw_deg": 10.0,
                "pitch_deg": -20.0,
                "roll_deg": 5.0,
                **_state(face, time_s),
                **identity,
            }
            if row["status"] == "scored":
                row |= _scores(face, time_s, noise)
            rows.append(row)
    return table("frames", rows)


def _aggregate(values: np.ndarray, offsets_ms: np.ndarray, low: float, high: float) -> list[Any]:
    counts, _ = np.histogram(np.clip(values, low, high), HISTOGRAM_BINS, (low, high))
    share = float((values >= 0.5).mean()) if low == 0 else 0.0
    best = int(values.argmax())
    return [float(values.mean()), float(values.var()), float(values[best]),
            int(offsets_ms[best]), share, counts.tolist()]  # fmt: skip


def _window(part: pl.DataFrame, window_s: int, start_at: datetime, fps: float) -> dict[str, Any]:
    scored = part.filter(pl.col("status") == "scored")
    offsets = ((scored["event_at"] - start_at).dt.total_milliseconds()).to_numpy()
    row: dict[str, Any] = {
        "frame_count": part.height,
        "scored_count": scored.height,
        "abstained_count": int((part["status"] == "abstained").sum()),
        "coverage": min(1.0, scored.height / (window_s * fps)),
        "flagged_count": scored.height - scored["is_speaking"].null_count(),
        "speaking_share": scored["is_speaking"].mean(),
    }
    for score, (low, high) in WINDOW_SCORES.items():
        is_there = scored[score].is_not_null().to_numpy()
        values = scored[score].drop_nulls().to_numpy().astype(float)
        if len(values):
            names = ("mean", "var", "max", "max_ms", "share", "hist")
            found = _aggregate(values, offsets[is_there], low, high)
            row |= {f"{score}_{n}": v for n, v in zip(names, found, strict=True)}
    return row


def window_rows(
    frames: pl.DataFrame,
    sizes_s: Iterable[int] = (1, 10, 60),
    fps: float = 5.0,
    revision: int = 0,
) -> pl.DataFrame:
    """Return table `windows` as a naive reference computes it from `frames`."""
    rows = []
    seen = frames.filter(pl.col("participant_id").is_not_null(), pl.col("policy") != "skip")
    for window_s in sizes_s:
        binned = seen.with_columns(start_at=pl.col("event_at").dt.truncate(f"{window_s}s"))
        for subject, keys in (("participant", ["participant_id"]),
                              ("track", ["participant_id", "track_id"])):  # fmt: skip
            for key, part in binned.group_by([*keys, "start_at"], maintain_order=True):
                first = part.row(0, named=True)
                start_at = key[-1]
                assert isinstance(start_at, datetime)
                rows.append({
                    **first, "subject": subject, "window_s": window_s, "revision": revision,
                    "track_id": first["track_id"] if subject == "track" else None,
                    "closed_by": "watermark", **_window(part, window_s, start_at, fps),
                })  # fmt: skip
    return table("windows", rows)


def segment_rows(
    frames: pl.DataFrame, segment_s: float = 2.0, fps: float = 5.0, video_fps: float = 25.0
) -> pl.DataFrame:
    """Return table `segments` that accounts for exactly the rows of `frames`."""
    rows = []
    keys = ["stream_id", "epoch", "sequence"]
    for (_, _, sequence), part in frames.group_by(keys, maintain_order=True):
        counts = dict(part["status"].value_counts().iter_rows())
        reasons = {f"faces_{n}": 0 for n in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)}
        for status, reason in part.select("status", "reason").iter_rows():
            if reason is not None:
                reasons[f"faces_{status}_{reason}"] += 1
        first = part.row(0, named=True)
        frame_count, analysed = round(segment_s * video_fps), round(segment_s * fps)
        rows.append({
            **first, "epoch_reason": "start", "epoch_start_at": first["event_at"],
            "first_pts_ms": round(1000 * sequence * segment_s), "codec": "h264",
            "last_pts_ms": round(1000 * (sequence + 1) * segment_s) - 40, "width_px": 1280,
            "height_px": 720, "body_bytes": 1000, "sha256": "0" * 64, "decoder": "pyav",
            "is_end_of_stream": False, "flags": [], "gap_ms": 0, "frames": frame_count,
            **dict.fromkeys(("frames_corrupt", "frames_shed", "frames_dead_lettered"), 0),
            "frames_analysed": analysed, "frames_not_sampled": frame_count - analysed,
            "faces": part.height, "faces_scored": counts.get("scored", 0), **reasons,
        })  # fmt: skip
    return table("segments", rows)


def run_row(**changes: Any) -> dict[str, Any]:
    """Return one row of table `runs`, finished unless told otherwise."""
    registration = (
        '{"tenant":"default","call_id":"%s","stream_id":"main","regions":['
        '{"participant_id":"agent","role":"performer","box":[0,0,0.5,1],"max_faces":1},'
        '{"participant_id":"customer","role":"performer","box":[0.5,0,1,1],"max_faces":1}]}'
    )
    return {
        **IDENTITY,
        "revision": 1,
        "recorded_at": datetime(2025, 3, 1, 12, tzinfo=UTC),
        "state": "finished",
        "settings_hash": "abc",
        "registration": registration % changes.get("call_id", CALL),
        "source_name": "two_party_call.mp4",
        "content_sha256": "0" * 64,
        "start_at": START_AT,
        "anchor_source": "none",
        "duration_ms": 30_000,
        "analysis_fps": 5.0,
        **changes,
    }


class TableLake:
    """A lake in memory: `scan` as the real one, of the frames it was given."""

    def __init__(self, **tables: pl.DataFrame) -> None:
        self.tables = tables

    def scan(self, name: str) -> pl.LazyFrame:
        return self.tables.get(name, pl.DataFrame(schema=schema(name))).lazy()


def write_lake(out: Path, **tables: pl.DataFrame) -> Path:
    """Write the frames as Delta tables under `out/lake` and return `out`."""
    for name, rows in tables.items():
        Lake(out).append(name, rows)
    return out


AGENT = Face(
    "agent",
    "main-0-1",
    aus={
        "AU12": ((6.0, 10.5, 0.92), (20.0, 23.0, 0.6)),
        "AU06": ((6.2, 10.2, 0.85), (20.2, 22.6, 0.4)),
        "AU01": ((13.0, 15.0, 0.8),),
        "AU02": ((13.0, 15.0, 0.75),),
        "AU05": ((13.0, 14.6, 0.6),),
        "AU45": tuple((t, t + 0.5, 0.95) for t in (2.1, 5.3, 11.7, 17.9, 24.5, 27.7)),
    },
    speaking=((1.0, 5.6), (11.0, 12.8), (15.4, 19.0)),
    abstained=((24.8, 25.8),),
    x_px=250,
)
CUSTOMER = Face(
    "customer",
    "main-0-2",
    present=(0.0, 26.0),
    aus={
        "AU04": ((12.0, 18.5, 0.9),),
        "AU07": ((12.5, 18.0, 0.65),),
        "AU24": ((14.0, 17.0, 0.7),),
        "AU15": ((16.0, 18.4, 0.5),),
        "AU12": ((7.0, 9.5, 0.7), (21.0, 24.5, 0.9)),
        "AU06": ((21.2, 24.2, 0.8),),
        "AU45": tuple((t, t + 0.5, 0.95) for t in (3.3, 9.1, 19.3, 25.1)),
    },
    speaking=((9.6, 11.2), (19.0, 21.0)),
    x_px=850,
)


def two_party_lake() -> TableLake:
    """Return a call of 30 s: two people talk and smile, one frowns and leaves at 26 s."""
    frames = frame_rows((AGENT, CUSTOMER))
    return TableLake(
        frames=frames,
        windows=window_rows(frames),
        segments=segment_rows(frames),
        runs=table("runs", [run_row()]),
    )
