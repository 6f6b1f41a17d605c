"""The groups of settings: their names, defaults and bounds."""

import os
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from operators.policy import PRESETS
from pipeline.live.settings import RedisSettings as LiveBounds
from schemas.registration import MAX_FACES_LIMIT

_LIVE = LiveBounds()


def _known_jurisdiction(name: str) -> str:
    if name not in PRESETS:
        raise ValueError("unknown jurisdiction")
    return name


class Group(BaseModel):
    """One group; types are taken strictly, so that `"5"` or `true` is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class AnalysisSettings(Group):
    """What is looked at, how often and with which model."""

    fps: float = Field(
        default=5.0, ge=0.1, le=120, description="frames analysed per second of video"
    )
    max_faces: int = Field(
        default=MAX_FACES_LIMIT, ge=1, le=MAX_FACES_LIMIT, description="faces scored at a time"
    )
    model: str = Field(
        default="blendshapes", pattern=r"^[A-Za-z0-9._-]{1,128}$", description="the scorer"
    )


class TrackingSettings(Group):
    """How faces are followed from frame to frame."""

    full_search_s: float = Field(
        default=1.0, gt=0, le=60, description="the whole picture is searched at least this often"
    )
    timeout_s: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="a track ends when its face was not seen for this long",
    )


class QualitySettings(Group):
    """When a face is too poor to be scored."""

    size_px_min: int = Field(
        default=40,
        ge=8,
        le=2000,
        description="shorter side of the face box; smaller is abstained from",
    )


class WindowSettings(Group):
    """When windows close."""

    lateness_ms: int = Field(
        default=0,
        ge=0,
        le=600_000,
        description="late frames still revise a window closed this long ago",
    )


class OutputSettings(Group):
    """Where tables and checkpoints lie, and how often they are written."""

    folder: Annotated[str, AfterValidator(os.path.expanduser)] = Field(
        default="facestate-data", min_length=1, description="folder of the tables"
    )
    commit_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="live streams: longest time between two commits",
    )
    commit_file_s: float = Field(
        default=120.0,
        gt=0,
        le=3600,
        description="files: the same; an interrupted run computes at most so much again",
    )
    commit_rows: int = Field(
        default=8_000, ge=1, le=1_000_000, description="rows that cause a commit"
    )
    checkpoints_kept: int = Field(
        default=4, ge=2, le=100, description="newest checkpoints kept per run"
    )


class RedisSettings(Group):
    """The live view."""

    url: str | None = Field(
        default=None,
        pattern=r"^(redis|rediss|unix)://\S+$",
        repr=False,
        description="redis://, rediss:// or unix:// address; none: a server of this machine's own",
    )
    events_max: int = Field(
        default=_LIVE.events_max,
        ge=1,
        le=100_000_000,
        description="events kept per stream, approximately",
    )
    expire_after_s: int = Field(
        default=_LIVE.expire_after_s,
        ge=1,
        le=30 * 86_400,
        description="keys go this long after the last write",
    )
    spool_rows_max: int = Field(
        default=_LIVE.spool_rows_max,
        ge=1,
        le=10_000_000,
        description="rows held while Redis is away",
    )


class LiveSettings(Group):
    """Cameras and network streams."""

    read_timeout_s: float = Field(
        default=5.0, gt=0, le=600, description="a stream silent for this long is opened anew"
    )
    reconnect_attempts: int = Field(
        default=10, ge=0, le=100_000, description="failed attempts in a row before giving up"
    )
    webcam_size: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$",
        description="size asked of a webcam, such as 1280x720; none: the camera's own",
    )
    webcam_fps: float | None = Field(
        default=None,
        ge=1,
        le=240,
        description="frames a second asked of a webcam; none: the camera's own",
    )


class PolicySettings(Group):
    """Which rules decide what may be scored."""

    jurisdiction: Annotated[str, AfterValidator(_known_jurisdiction)] = Field(
        default="default", description="the policy preset"
    )


class LogSettings(Group):
    """Messages on stderr."""

    format: Literal["text", "json"] = Field(
        default="text", description="lines for people or programs"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="the least grave message shown"
    )


class Settings(BaseModel):
    """All settings, one group per part of the program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    analysis: AnalysisSettings = AnalysisSettings()
    tracking: TrackingSettings = TrackingSettings()
    quality: QualitySettings = QualitySettings()
    windows: WindowSettings = WindowSettings()
    output: OutputSettings = OutputSettings()
    redis: RedisSettings = RedisSettings()
    live: LiveSettings = LiveSettings()
    policy: PolicySettings = PolicySettings()
    logs: LogSettings = LogSettings()


GROUPS: dict[str, type[Group]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
}
