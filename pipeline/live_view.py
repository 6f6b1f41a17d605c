"""The live view of a run: Redis where there is one, nothing where there is none."""

from typing import Protocol

from pipeline.analysis.batch import SegmentResult
from pipeline.lake.writer import StreamRun
from pipeline.live.redis_sink import RedisSink
from schemas.segments import SegmentHeader


class LiveView(Protocol):
    """Where rows go at once and provisionally; never stops the worker."""

    def begin_run(self, run: StreamRun, *, is_resume: bool) -> None:
        """Open a pass over a stream."""

    def publish(self, run: StreamRun, result: SegmentResult) -> None:
        """Show the rows of one segment."""

    def mark_committed(self, run: StreamRun, header: SegmentHeader) -> None:
        """Say that the tables hold everything up to the segment with this header."""

    def end_stream(self, run: StreamRun) -> None:
        """Say that nothing follows."""

    def close(self) -> None:
        """Deliver what waits, within a bound, and let go."""


class NoLiveView:
    """Stands where no Redis is wanted or to be had."""

    def begin_run(self, run: StreamRun, *, is_resume: bool) -> None:
        """Do nothing."""

    def publish(self, run: StreamRun, result: SegmentResult) -> None:
        """Do nothing."""

    def mark_committed(self, run: StreamRun, header: SegmentHeader) -> None:
        """Do nothing."""

    def end_stream(self, run: StreamRun) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class RedisLiveView:
    """The live view in Redis."""

    def __init__(self, sink: RedisSink) -> None:
        self.sink = sink

    def begin_run(self, run: StreamRun, *, is_resume: bool) -> None:
        """Open a pass over a stream; a fresh pass replaces the view of any other."""
        self.sink.begin_run(run.tenant, run.stream_id, run.call_id, run.run_id, is_resume=is_resume)

    def publish(self, run: StreamRun, result: SegmentResult) -> None:
        """Show the rows of one segment."""
        self.sink.publish_segment(
            result.header, run.run_id, result.frames, result.windows, result.ledger
        )

    def mark_committed(self, run: StreamRun, header: SegmentHeader) -> None:
        """Say that the tables hold everything up to the segment with this header."""
        event_ms = header.event_ms(header.pts_ms(header.last_pts))
        self.sink.mark_committed(run.tenant, run.stream_id, header.sequence, event_ms, header.epoch)

    def end_stream(self, run: StreamRun) -> None:
        """Say that nothing follows."""
        self.sink.end_stream(run.tenant, run.stream_id)

    def close(self) -> None:
        """Deliver what waits, within a bound, and close the connection."""
        self.sink.close()
