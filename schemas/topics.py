"""The Kafka topics of facestate: what they carry, how they are keyed and kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; sizes in bytes, retention in hours."""

    name: str
    carries: str
    key: str
    record_bytes_max: int
    retention_h: int


TOPICS = (
    Topic("facestate.segments", "SegmentHeader as headers, coded video as body",
          "tenant/stream_id", 8 * 1024 * 1024 + 64 * 1024, 72),
    Topic("facestate.registrations", "Registration as JSON, the newest per stream counts",
          "tenant/stream_id", 64 * 1024, 24 * 365),
    Topic("facestate.dead-letters", "DeadLetter as headers, the original bytes as body",
          "tenant/stream_id", 8 * 1024 * 1024 + 256 * 1024, 24 * 14),
)  # fmt: skip
