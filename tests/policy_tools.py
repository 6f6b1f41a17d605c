"""What tests of the policy gate share: registrations, and streams analysed under them."""

from typing import Any

from operators.find import FindSettings
from operators.quality import QualityLimits
from operators.tracks import TrackerSettings
from operators.windows import WindowSettings
from pipeline.analysis.observe import Looking
from pipeline.analysis.worker import StreamWorker, WorkerParts
from pipeline.lake.writer import StreamRun
from schemas.media import Segment
from schemas.names import Role
from schemas.registration import Region, Registration
from tests.fakes import FakeDecoder, FakeDetector, FakeScorer

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
AGENT, CUSTOMER = 1, 2
RUN = StreamRun("default", "call", "stream", "run-1")


def region(name: str, role: Role, box: Any, **changes: Any) -> Region:
    return Region(participant_id=name, role=role, box=box, **{"max_faces": 1, **changes})


def call(*regions: Region, **changes: Any) -> Registration:
    return Registration(call_id="call", stream_id="stream", regions=regions, **changes)


def two_party(left: Role = Role.AGENT, jurisdiction: str = "EU", **changes: Any) -> Registration:
    """Return a composite picture: the agent on the left, the customer on the right."""
    sides = (region("agent", left, LEFT), region("customer", Role.CUSTOMER, RIGHT))
    return call(*sides, jurisdiction=jurisdiction, **changes)


def looking_of(registration: Registration, detector: Any, scorer: FakeScorer) -> Looking:
    return Looking(
        detector=detector,
        registration=registration,
        crop_size_px=scorer.crop_size_px,
        search=FindSettings(),
        tracking=TrackerSettings(),
        limits=QualityLimits(),
    )


def analysed(
    stream: list[Segment], registration: Registration, detector: Any = None, decoder: Any = None
) -> tuple[list[dict[str, Any]], FakeScorer]:
    """Return the rows of a stream, and the scorer with every crop that came to its door."""
    scorer = FakeScorer(crop_size_px=128)
    looking = looking_of(registration, detector or FakeDetector(), scorer)
    decoder = decoder or FakeDecoder()
    parts = WorkerParts(decoder, scorer, looking, WindowSettings(), analysis_fps=5.0)
    worker = StreamWorker(parts, RUN, None)
    return [row for one in stream for row in worker.process(one).frames], scorer
