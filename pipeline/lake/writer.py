"""The fenced writer of one run over one stream: commit in order, recover, replace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.lake.checkpoints import Checkpoint, CheckpointStore
from pipeline.lake.layout import COMMIT_ORDER, to_frame
from pipeline.lake.tables import Advance, Lake, new_nonce
from schemas.errors import FencedError
from schemas.names import is_name

# A transaction's version is generation * GENERATION_STEP + sequence + 1; `--replace` starts the
# next generation, which fences every writer of the one before.
GENERATION_STEP = 1 << 40


@dataclass(frozen=True, slots=True)
class StreamRun:
    """One pass over one stream: the unit of fencing, checkpoints and recovery."""

    tenant: str
    call_id: str
    stream_id: str
    run_id: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Return tenant, call, stream and run."""
        return self.tenant, self.call_id, self.stream_id, self.run_id

    @property
    def application(self) -> str:
        """Return the id of the Delta application transaction."""
        return "facestate:" + "/".join(self.parts)

    @property
    def predicate(self) -> str:
        """Return the SQL condition that selects the run's rows; names are validated, so quoted."""
        assert all(is_name(part) for part in self.parts), self.parts
        names = ("tenant", "call_id", "stream_id", "run_id")
        return " AND ".join(
            f"{name} = '{part}'" for name, part in zip(names, self.parts, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where to go on: after segment `sequence` (-1: from the start), with that state."""

    sequence: int
    state: dict[str, Any] | None


class RunWriter:
    """Writes batches of a run in the order checkpoint, frames, segments, windows."""

    def __init__(self, lake: Lake, run: StreamRun, checkpoints_kept: int = 4) -> None:
        """Nothing is read before `recover`."""
        self._lake = lake
        self._run = run
        self._checkpoints = CheckpointStore(lake.folder, run.parts, checkpoints_kept)
        self._version: int | None = None
        self._generation = 0

    def recover(self) -> Recovered:
        """Bring the tables to one state after a crash and tell where to go on.

        `frames` is written first, so it leads. Rows that the tables behind it still lack lie in
        the checkpoint named by the nonce of its commit; they are written, not computed again.
        """
        version, nonce = self._lake.standing(COMMIT_ORDER[0], self._run.application)
        self._version = version
        self._generation = (version or 0) // GENERATION_STEP
        if version is None or nonce is None:
            return Recovered(-1, None)
        sequence = version % GENERATION_STEP - 1
        if sequence < 0:
            self._empty_old_generations(version)
            return Recovered(-1, None)
        checkpoint = self._checkpoints.read(version, nonce)
        for table in COMMIT_ORDER[1:]:
            standing, _ = self._lake.standing(table, self._run.application)
            if standing != version:
                advance = Advance(self._run.application, standing, version, nonce)
                owed = self._checkpoints.read_owed(version, nonce, table)
                self._lake.append(table, owed, [advance])
        return Recovered(sequence, checkpoint.state)

    def commit(
        self,
        sequence: int,
        state: dict[str, Any],
        frames: Mapping[str, pl.DataFrame],
    ) -> int:
        """Commit all rows up to segment `sequence`; return the checkpoint's size in bytes.

        Raises FencedError where another process has written the run since, SinkError where
        storage refuses; tables behind the failing one are completed by `recover`.
        """
        version = self._generation * GENERATION_STEP + sequence + 1
        nonce = new_nonce()
        self._lake.check_space()
        self._check_not_overtaken()
        owed = {table: frames[table] for table in COMMIT_ORDER[1:]}
        size_bytes = self._checkpoints.write(Checkpoint(version, nonce, state, owed))
        advance = Advance(self._run.application, self._version, version, nonce)
        for table in COMMIT_ORDER:
            self._lake.append(table, frames[table], [advance])
        self._version = version
        return size_bytes

    def replace(self) -> None:
        """Delete the run's rows and begin its next generation; older writers are fenced."""
        standings = [self._lake.standing(table, self._run.application)[0] for table in COMMIT_ORDER]
        newest = max((version for version in standings if version is not None), default=None)
        if newest is None:
            return
        version = (newest // GENERATION_STEP + 1) * GENERATION_STEP
        nonce = new_nonce()
        for table, standing in zip(COMMIT_ORDER, standings, strict=True):
            self._delete(table, Advance(self._run.application, standing, version, nonce))
        self._checkpoints.clear(version_max=version)
        self._version, self._generation = version, version // GENERATION_STEP

    def finish(self) -> None:
        """Forget the checkpoints of a run that is recorded as finished."""
        if self._version is not None:
            self._checkpoints.clear(version_max=self._version)

    def _empty_old_generations(self, version: int) -> None:
        """Finish a replacement that was interrupted between two tables."""
        for table in COMMIT_ORDER[1:]:
            standing, _ = self._lake.standing(table, self._run.application)
            if standing != version:
                self._delete(table, Advance(self._run.application, standing, version, new_nonce()))

    def _delete(self, table: str, advance: Advance) -> None:
        if advance.expected is None:
            self._lake.append(table, to_frame(table, []), [advance])
        else:
            self._lake.delete(table, self._run.predicate, advance)

    def _check_not_overtaken(self) -> None:
        """Fail before a checkpoint is written, not only when the commit meets the fence."""
        found, _ = self._lake.standing(COMMIT_ORDER[0], self._run.application)
        if found != self._version:
            raise FencedError("commit", self._run.application, self._version, found)


def run_rows(lake: Lake, table: str, run: StreamRun) -> pl.LazyFrame:
    """Return one run's rows of a table, lazily."""
    names = ("tenant", "call_id", "stream_id", "run_id")
    conditions = [pl.col(name) == part for name, part in zip(names, run.parts, strict=True)]
    return lake.scan(table).filter(*conditions)
