"""What a job says of itself in the logs: its start, its way and its end, with the same names."""

import logging
from collections.abc import Mapping, Sequence

from pipeline.analysis.batch import SegmentResult
from pipeline.lake.writer import StreamRun
from pipeline.logs import bind
from pipeline.runs import RunPlan
from pipeline.sources.identity import SourceInfo
from schemas.names import SegmentFlag

# Damaged segments told as warnings; a broken recording must not fill the screen.
WARNINGS_MAX = 3
_DAMAGE = frozenset({SegmentFlag.TRUNCATED})

Value = str | int | float | None


class JobLog:
    """Writes one line per turn of a job; every line names tenant, call, stream and run."""

    def __init__(self, run: StreamRun) -> None:
        """Bind the names of the run."""
        tenant, call_id, stream_id, run_id = run.parts
        self._log = bind(
            logging.getLogger(__name__),
            tenant=tenant, call_id=call_id, stream_id=stream_id, run_id=run_id,
        )  # fmt: skip
        self._source: str | None = None
        self._frames = 0
        self._faces = 0
        self._warnings = 0

    @property
    def is_heard(self) -> bool:
        """Tell whether lines of level info are written at all."""
        return self._log.isEnabledFor(logging.INFO)

    def started(self, info: SourceInfo, plan: RunPlan) -> None:
        """Say what is analysed, how and under which policy."""
        self._source = plan.source_name
        self._info(
            "start", source=plan.source_name, codec=info.codec, width_px=info.width_px,
            height_px=info.height_px, model_id=plan.model_id, policy_id=plan.policy_id,
            jurisdiction=plan.registration.jurisdiction,
        )  # fmt: skip

    def recovered(self, tables: Sequence[str]) -> None:
        """Say which tables were given the rows that an earlier attempt still owed them."""
        if tables:
            self._info("recovered owed rows", step="resume", tables=" ".join(tables))

    def resumed(self, sequence: int) -> None:
        """Say after which segment the job goes on."""
        if sequence >= 0:
            self._info("resume", step="resume", sequence=sequence)

    def segment(self, result: SegmentResult) -> None:
        """Count a segment, and say what was noticed of it."""
        ledger = result.ledger
        self._frames += ledger["frames"]
        self._faces += ledger["faces"]
        flags = ledger["flags"]
        where = {"epoch": result.header.epoch, "sequence": result.header.sequence}
        corrupt = ledger["frames_corrupt"]
        if corrupt or _DAMAGE.intersection(flags):
            self._warn_of_damage(corrupt, flags, where)
        elif flags or ledger["gap_ms"]:
            self._info(
                "segment", flags=" ".join(flags), gap_ms=ledger["gap_ms"],
                epoch_reason=str(result.header.epoch_reason), **where,
            )  # fmt: skip

    def committed(self, sequence: int, row_counts: Mapping[str, int], elapsed_s: float) -> None:
        """Say up to which segment the tables hold all rows."""
        rows = sum(row_counts.values())
        self._info(
            "commit", step="commit", sequence=sequence, rows=rows, elapsed_s=round(elapsed_s, 3)
        )

    def ended(self, *, is_finished: bool, media_ms: int, elapsed_s: float) -> None:
        """Say how much was done in this attempt and how fast."""
        speed = media_ms / 1000 / max(elapsed_s, 1e-3)
        self._info(
            "finish" if is_finished else "stopped before the end", frames=self._frames,
            faces=self._faces, elapsed_s=round(elapsed_s, 3), speed=round(speed, 2),
        )  # fmt: skip

    def _warn_of_damage(self, corrupt: int, flags: Sequence[str], where: dict[str, int]) -> None:
        self._warnings += 1
        level = logging.WARNING if self._warnings <= WARNINGS_MAX else logging.INFO
        is_last = self._warnings == WARNINGS_MAX
        note = "; further ones are told at level info" if is_last else ""
        values: dict[str, Value] = {
            "source": self._source, "corrupt_frames": corrupt, "flags": " ".join(flags) or None,
        }  # fmt: skip
        self._say(level, f"damaged segment{note}", {**values, **where})

    def _info(self, message: str, **values: Value) -> None:
        self._say(logging.INFO, message, values)

    def _say(self, level: int, message: str, values: Mapping[str, Value]) -> None:
        self._log.log(level, message, extra={"values": dict(values)})
