"""Who a stream is, what its source says about itself, and the settings for reading it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from operators.containers import DECODER_THREADS
from schemas.names import AnchorSource, Role


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """The names that every segment of a stream carries, and the anchor of its first epoch."""

    tenant: str
    call_id: str
    stream_id: str
    role: Role
    epoch_start_ms: int
    anchor_source: AnchorSource


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says about itself.

    Sizes are as displayed, after rotation. `frame_count` is what the container declares, which
    may differ from what is displayed; None where it declares nothing. `content_sha256` is of the
    whole file, None for live sources. `created_at_ms` is the container's creation time, Unix ms,
    where it is between the years 2000 and 2100.
    """

    name: str
    codec: str
    width_px: int
    height_px: int
    fps_nominal: float
    duration_ms: float | None
    frame_count: int | None
    is_live: bool
    content_sha256: str | None
    created_at_ms: int | None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Settings for reading; the ones from `timeout_s` on are for live sources.

    A live source that breaks off is opened again after `backoff_s`, doubled at each attempt up to
    `backoff_s_max`, and given up after `reconnect_attempts_max` attempts in a row.
    """

    decoder_threads: int = DECODER_THREADS
    timeout_s: float = 5.0
    reconnect_attempts_max: int = 5
    backoff_s: float = 0.5
    backoff_s_max: float = 8.0
    webcam_size: str | None = None
    webcam_fps: float | None = None
    clock_ms: Callable[[], int] = _now_ms
