"""Keeping the ledger of one segment while it is worked on."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.ledger import ABSTAINED_COUNTS, FRAME_COUNTS, SKIPPED_COUNTS
from schemas.names import FaceStatus, SegmentFlag
from schemas.segments import SegmentHeader

# Less media time than this between two segments is frame rate, not a gap.
GAP_MS_MIN = 2000


@dataclass
class SegmentLedger:
    """Counts the frames and faces of one segment; `flags` keeps the order of noticing."""

    frames: Counter[str] = field(default_factory=Counter)
    faces: Counter[str] = field(default_factory=Counter)
    flags: list[SegmentFlag] = field(default_factory=list)
    width_px: int | None = None
    height_px: int | None = None
    late_faces: int = 0

    def count_frame(self, kind: str) -> None:
        """Count one frame as analysed, not_sampled, corrupt, shed or dead_lettered."""
        assert kind in FRAME_COUNTS, kind
        self.frames[kind] += 1

    def count_face(self, status: FaceStatus, reason: str | None) -> None:
        """Count one tracked face on one analysed frame."""
        self.faces[status if reason is None else f"{status}_{reason}"] += 1

    def flag(self, flag: SegmentFlag) -> None:
        """Note something once."""
        if flag not in self.flags:
            self.flags.append(flag)

    def row(
        self, header: SegmentHeader, identity: dict[str, Any], decoder: str, gap_ms: int
    ) -> dict[str, Any]:
        """Return the row of table `segments`."""
        flags = [*header.flags, *(flag for flag in self.flags if flag not in header.flags)]
        counted = self.frames.total()
        return {
            **identity,
            "epoch": header.epoch,
            "sequence": header.sequence,
            "epoch_reason": str(header.epoch_reason),
            "epoch_start_at": _utc(header.epoch_start_ms),
            "anchor_source": str(header.anchor_source),
            "first_pts_ms": round(header.pts_ms(header.first_pts)),
            "last_pts_ms": round(header.pts_ms(header.last_pts)),
            "codec": header.codec,
            "width_px": self.width_px or header.width_px,
            "height_px": self.height_px or header.height_px,
            "body_bytes": header.body_bytes,
            "sha256": header.sha256,
            "is_transcoded": header.is_transcoded,
            "published_at": _utc(header.published_at_ms),
            "clock_skew_ms": None,
            "decoder": decoder,
            "is_end_of_stream": header.is_end_of_stream,
            "flags": [str(flag) for flag in flags],
            "gap_ms": gap_ms,
            "late_faces": self.late_faces,
            "frames": max(header.frame_count, counted),
            **{f"frames_{name}": self.frames[name] for name in FRAME_COUNTS},
            "faces": self.faces.total(),
            "faces_scored": self.faces["scored"],
            **{f"faces_{name}": self.faces[name] for name in (*ABSTAINED_COUNTS, *SKIPPED_COUNTS)},
        }


def _utc(unix_ms: int | None) -> datetime | None:
    return None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
