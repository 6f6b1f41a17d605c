"""The segment header: what routing and recovery need without opening the body."""

from datetime import UTC, date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.names import NAME_PATTERN, AnchorSource, EpochReason, Role, SegmentFlag, is_name

SCHEMA_VERSION = 1


def _is_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("'.' and '..' are no names")
    return text


Name = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_is_name)]

# Bounds checked before anything is allocated; a segment beyond them is rejected.
WIDTH_PX_MAX = 8192
HEIGHT_PX_MAX = 8192
PIXELS_MAX = 8192 * 4320
FRAME_COUNT_MAX = 100_000
BODY_BYTES_MAX = 64 * 1024 * 1024
INT32_MAX = 2**31 - 1
UNIX_MS_MAX = 32_503_680_000_000  # the year 3000
MEDIA_MS_MAX = 1_000_000_000_000  # about 31 years; a 33-bit wrap is unwrapped long before


class SegmentHeader(BaseModel):
    """Travels beside a segment's body: as Kafka record headers, or in process.

    `sequence` counts a publisher's segments of a stream from 0 without gaps and goes on across
    epochs; it starts anew only with a new publisher. Presentation times are
    integers in units of `timebase_num / timebase_den` seconds, as the container gave them;
    `first_pts` and `last_pts` are the lowest and highest of the segment's own frames. Event time
    of a frame is `epoch_start_ms` + its time since `epoch_first_pts`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = SCHEMA_VERSION
    tenant: Name
    call_id: Name
    stream_id: Name
    role: Role = Role.UNKNOWN
    epoch: int = Field(0, ge=0, le=INT32_MAX, description="counts the epochs of a stream from 0")
    epoch_reason: EpochReason = EpochReason.START
    epoch_start_ms: int = Field(
        ge=0, le=UNIX_MS_MAX, description="wall clock of the epoch's first frame, Unix ms"
    )
    epoch_first_pts: int = Field(0, description="pts of the epoch's first frame")
    anchor_source: AnchorSource = AnchorSource.NONE
    sequence: int = Field(ge=0, le=INT32_MAX)
    codec: str = Field(max_length=64)
    width_px: int = Field(ge=1, le=WIDTH_PX_MAX)
    height_px: int = Field(ge=1, le=HEIGHT_PX_MAX)
    timebase_num: int = Field(ge=1, le=INT32_MAX)
    timebase_den: int = Field(ge=1, le=INT32_MAX)
    first_pts: int
    last_pts: int
    first_frame_index: int = Field(
        0, ge=0, le=INT32_MAX - FRAME_COUNT_MAX, description="of the epoch, display order"
    )
    frame_count: int = Field(ge=0, le=FRAME_COUNT_MAX)
    body_bytes: int = Field(ge=0, le=BODY_BYTES_MAX)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the body's coded bytes")
    is_end_of_stream: bool = False
    is_transcoded: bool = False
    flags: tuple[SegmentFlag, ...] = ()
    published_at_ms: int | None = Field(
        None, ge=0, le=UNIX_MS_MAX, description="publisher's clock, Unix ms"
    )
    traceparent: str | None = Field(None, max_length=64, description="W3C trace context")

    @model_validator(mode="after")
    def _is_within_bounds(self) -> Self:
        if self.width_px * self.height_px > PIXELS_MAX:
            raise ValueError(f"a picture has at most {PIXELS_MAX} pixels")
        if self.last_pts < self.first_pts:
            raise ValueError("last_pts lies before first_pts")
        for pts in (self.first_pts, self.last_pts, self.epoch_first_pts):
            if abs(pts) * 1000 * self.timebase_num > MEDIA_MS_MAX * self.timebase_den:
                raise ValueError(f"media time goes up to {MEDIA_MS_MAX} ms")
        return self

    @property
    def key(self) -> str:
        """Return the Kafka record key, `tenant/stream_id`."""
        return f"{self.tenant}/{self.stream_id}"

    def pts_ms(self, pts: int) -> float:
        """Return a presentation time in milliseconds of media time."""
        return pts * 1000.0 * self.timebase_num / self.timebase_den

    def event_ms(self, pts_ms: float) -> int:
        """Return event time, Unix ms, of a frame at `pts_ms` of media time; never before 1970."""
        event_ms = self.epoch_start_ms + round(pts_ms - self.pts_ms(self.epoch_first_pts))
        return max(0, event_ms)

    def holds(self, pts_ms: float, slack_ms: float = 10_000.0) -> bool:
        """Tell whether a frame's media time can belong to this segment."""
        first_ms, last_ms = self.pts_ms(self.first_pts), self.pts_ms(self.last_pts)
        return first_ms - slack_ms <= pts_ms <= last_ms + slack_ms

    @property
    def event_date(self) -> date:
        """Return the UTC date of the epoch's start, the partition of every row of the epoch."""
        return datetime.fromtimestamp(self.epoch_start_ms / 1000, tz=UTC).date()


class DeadLetter(BaseModel):
    """A record that could not be worked on; the original bytes travel as the record's body."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = SCHEMA_VERSION
    tenant: str
    stream_id: str
    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    step: str = Field(description="step of the worker that failed, such as `decode`")
    error: str = Field(max_length=2000)
    attempts: int = Field(ge=1)
    headers: dict[str, str] = Field(description="original headers, values base64 encoded")
    failed_at_ms: int = Field(ge=0, description="Unix ms")
