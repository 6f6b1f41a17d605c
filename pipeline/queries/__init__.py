"""Questions to the tables: which run, its timeline, its summary, its ledger, its frames."""

from pipeline.queries.frames import face_frames
from pipeline.queries.ledgers import LedgerReport, ledger
from pipeline.queries.peaks import Peak
from pipeline.queries.runs import RunRef, Tables, resolve_call
from pipeline.queries.summaries import CallSummary, FaceSummary, StrongAu, summarise, summary
from pipeline.queries.timelines import timeline

__all__ = [
    "CallSummary",
    "FaceSummary",
    "LedgerReport",
    "Peak",
    "RunRef",
    "StrongAu",
    "Tables",
    "face_frames",
    "ledger",
    "resolve_call",
    "summarise",
    "summary",
    "timeline",
]
