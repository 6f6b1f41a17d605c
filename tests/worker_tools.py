"""What tests of the stream worker share: its parts as fakes, its rows, and made faces."""

import json
from typing import Any

from operators.find import FindSettings
from operators.quality import QualityLimits
from operators.tracks import TrackerSettings
from operators.windows import WindowSettings
from pipeline.analysis.batch import SegmentResult
from pipeline.analysis.observe import Looking
from pipeline.analysis.stream_state import StreamState
from pipeline.analysis.worker import StreamWorker, WorkerParts
from pipeline.lake.writer import StreamRun
from schemas.media import Segment
from schemas.names import Role
from schemas.registration import Region, Registration
from tests.fakes import FakeDecoder, FakeDetector, FakeScorer, MadeFace

RUN = StreamRun("default", "call", "stream", "run-1")


def registered(role: Role = Role.CUSTOMER, **changes: Any) -> Registration:
    region = Region(participant_id=str(role), role=role)
    values = {"call_id": "call", "stream_id": "stream", "regions": (region,), **changes}
    return Registration(**values)


def parts_of(
    registration: Registration | None = None,
    scorer: FakeScorer | None = None,
    decoder: FakeDecoder | None = None,
    fps: float = 5.0,
) -> WorkerParts:
    scorer = scorer or FakeScorer()
    looking = Looking(
        detector=FakeDetector(),  # type: ignore[arg-type]
        registration=registration or registered(),
        crop_size_px=scorer.crop_size_px,
        search=FindSettings(),
        tracking=TrackerSettings(),
        limits=QualityLimits(),
    )
    return WorkerParts(
        decoder=decoder or FakeDecoder(),
        scorer=scorer,
        looking=looking,
        windows=WindowSettings(fps=fps),
        analysis_fps=fps,
    )


def work(
    stream: list[Segment], parts: WorkerParts | None = None, state: StreamState | None = None
) -> tuple[list[SegmentResult], StreamWorker]:
    worker = StreamWorker(parts or parts_of(), RUN, state)
    return [worker.process(one) for one in stream], worker


def rows(results: list[SegmentResult], table: str = "frames") -> list[dict[str, Any]]:
    return [row for result in results for row in getattr(result, table)]


def exact(results: list[SegmentResult]) -> str:
    """Return everything the results hold as text: floats to the last digit, NaN equal to NaN."""
    return repr([(result.frames, result.windows, result.ledger) for result in results])


def face(time_s: float) -> tuple[MadeFace, ...]:
    """Return one face that drifts to the right while its level rises and falls."""
    return (MadeFace(1, 20 + round(4 * time_s), level=abs(time_s % 4 - 2) / 2),)


def two_faces(time_s: float) -> tuple[MadeFace, ...]:
    """Return a face that stays and one that comes at 1 s, leaves at 3 s and is back at 6 s."""
    is_there = 1 <= time_s < 3 or time_s >= 6
    return (*face(time_s), *((MadeFace(2, 220, level=0.9),) if is_there else ()))


def rebuilt(state: StreamState) -> StreamState:
    """Send a state through the text of a checkpoint."""
    return StreamState.from_json(json.loads(json.dumps(state.to_json())))
