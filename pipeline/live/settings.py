"""Settings of the live view: every bound of the Redis sink by name."""

from pydantic import BaseModel, ConfigDict, Field


class RedisSettings(BaseModel):
    """Bounds on what is kept in Redis, what is kept for it, and how long anybody waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expire_after_s: int = Field(
        default=3600, ge=1, le=30 * 86_400, description="after the last write"
    )
    events_max: int = Field(
        default=5000, ge=1, description="entries kept per stream, approximately"
    )
    windows_max: int = Field(
        default=600, ge=1, description="windows kept per stream and window size"
    )
    tracks_max: int = Field(default=64, ge=1, description="tracks kept in `latest`")
    connect_timeout_s: float = Field(default=1.0, gt=0, le=60)
    read_timeout_s: float = Field(default=1.0, gt=0, le=60)
    batch_max: int = Field(default=256, ge=2, description="commands in one transaction")
    spool_rows_max: int = Field(default=20_000, ge=1, description="rows held while Redis is away")
    spool_bytes_max: int = Field(default=32 * 1024 * 1024, ge=1, description="the same, in bytes")
    backoff_s_min: float = Field(default=0.5, gt=0, description="wait after the first failure")
    backoff_s_max: float = Field(default=30.0, gt=0, description="waits double up to this")
    attempts_max: int = Field(
        default=20, ge=1, description="failures of one write while Redis answers"
    )
    drain_s_max: float = Field(
        default=0.5, gt=0, description="catching up per call, so none stalls"
    )
