"""The stream worker: the one place where a segment walks from bytes to rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from operators import quality, tracks, windows
from operators.calibrate import Calibration, calibration_from
from operators.policy import POLICY_ID
from operators.sample import SampleState, is_sampled
from operators.smooth import SmoothSettings
from operators.windows import ClosedWindow, Observation, WindowSettings
from pipeline.analysis.batch import SegmentResult
from pipeline.analysis.ledger import GAP_MS_MIN, SegmentLedger
from pipeline.analysis.observe import Looking, SeenFace, observe
from pipeline.analysis.rows import frame_row, identity, window_row
from pipeline.analysis.stream_state import StreamState
from pipeline.analysis.track_scores import SCORE_NAMES, TrackMemory, TrackScores
from pipeline.analysis.track_scores import step as score_step
from pipeline.lake.writer import StreamRun
from schemas.media import DecodedFrame, Decoder, Segment
from schemas.names import CloseReason, FaceStatus, Policy, PtsSource, SegmentFlag
from schemas.scores import FaceScores, Scorer
from schemas.segments import SegmentHeader

# Crops held before the scorer is called: its batch, and the bound on what they take in memory.
CROPS_MAX = 64
_NOTHING = np.full(len(SCORE_NAMES), np.nan)


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is built of; the wiring decides whose scorer and decoder it is."""

    decoder: Decoder
    scorer: Scorer
    looking: Looking
    windows: WindowSettings
    analysis_fps: float
    calibration: Calibration = field(default_factory=lambda: calibration_from({}))
    smoothing: SmoothSettings = field(default_factory=SmoothSettings)


class StreamWorker:
    """Works on the segments of one stream, in order.

    `state` is that after the last processed segment; a worker built with it goes on exactly
    where another one stopped.
    """

    def __init__(self, parts: WorkerParts, run: StreamRun, state: StreamState | None) -> None:
        """Begin afresh where `state` is None."""
        self._parts = parts
        self._run = run
        self.state = state or StreamState()

    def process(self, segment: Segment) -> SegmentResult:
        """Return everything one segment brings; the state moves on only if this succeeds."""
        work = _SegmentWork(self._parts, self._run, self.state, segment.header)
        for frame in self._parts.decoder.frames(segment, work.is_wanted):
            work.take(frame)
        result = work.finish()
        self.state = work.state
        return result


class _SegmentWork:
    """One segment on its way; holds at most `CROPS_MAX` crops."""

    def __init__(
        self, parts: WorkerParts, run: StreamRun, state: StreamState, header: SegmentHeader
    ) -> None:
        self._parts = parts
        self._header = header
        self._base = identity(run, header, parts.scorer.model_id, POLICY_ID)
        self._ledger = SegmentLedger()
        self._pending: list[SeenFace] = []
        self._pending_times_ms: list[int] = []
        self._rows: list[dict[str, Any]] = []
        self._closed: list[ClosedWindow] = []
        self._gap_ms = self._find_gap(state)
        self.state = self._enter_epoch(state)

    def is_wanted(self, pts_ms: float) -> bool:
        """Tell the decoder whether the frame at `pts_ms` is analysed."""
        sampling, is_wanted = is_sampled(self.state.sampling, pts_ms, self._parts.analysis_fps)
        self.state = replace(self.state, sampling=sampling)
        return is_wanted

    def take(self, frame: DecodedFrame) -> None:
        """Count a frame and look at it if it was wanted and is whole."""
        if frame.pts_source is PtsSource.SYNTHESISED:
            self._ledger.flag(SegmentFlag.PTS_SYNTHESISED)
        is_corrupt = frame.is_corrupt or not self._header.holds(frame.pts_ms)
        if is_corrupt or frame.image is None:
            self._ledger.count_frame("corrupt" if is_corrupt else "not_sampled")
            return
        self._ledger.count_frame("analysed")
        self._ledger.height_px, self._ledger.width_px = frame.image.shape[:2]
        time_ms = self._header.event_ms(frame.pts_ms)
        self.state, seen = observe(self.state, frame, time_ms, self._parts.looking)
        self._pending += seen
        self._pending_times_ms.append(time_ms)
        if sum(face.crop is not None for face in self._pending) >= CROPS_MAX:
            self._score_pending()

    def finish(self) -> SegmentResult:
        """Score what is left, close what ends with the stream, and return all rows."""
        self._score_pending()
        if self._header.is_end_of_stream:
            state, closed = windows.close_all(
                self.state.windows, self._parts.windows, CloseReason.END_OF_STREAM
            )
            self.state = replace(self.state, windows=state)
            self._closed += closed
        self._count_missing()
        last_event_ms = self._header.event_ms(self._header.pts_ms(self._header.last_pts))
        self.state = replace(self.state, last_event_ms=last_event_ms)
        return SegmentResult(
            header=self._header,
            frames=self._rows,
            windows=[window_row(self._base, self._header, window) for window in self._closed],
            ledger=self._ledger.row(
                self._header, self._base, self._parts.decoder.name, self._gap_ms
            ),
        )

    def _count_missing(self) -> None:
        """Count frames that the header promised and the decoder never mentioned as corrupt."""
        missing = self._header.frame_count - self._ledger.frames.total()
        for _ in range(missing):
            self._ledger.count_frame("corrupt")

    def _find_gap(self, state: StreamState) -> int:
        if state.last_event_ms is None:
            return 0
        # In event time, which a recording's pause moves on also where it begins an epoch.
        first_ms = self._header.event_ms(self._header.pts_ms(self._header.first_pts))
        gap_ms = first_ms - state.last_event_ms
        if gap_ms < GAP_MS_MIN:
            return 0
        self._ledger.flag(SegmentFlag.GAP)
        return round(gap_ms)

    def _enter_epoch(self, state: StreamState) -> StreamState:
        epoch = (self._header.epoch, self._header.epoch_start_ms)
        if (state.epoch, state.epoch_start_ms) == epoch:
            return state
        if state.epoch_start_ms is not None:
            self._ledger.flag(SegmentFlag.EPOCH_CHANGED)
        return replace(
            state,
            epoch=self._header.epoch,
            epoch_start_ms=self._header.epoch_start_ms,
            sampling=SampleState(),
        )

    def _score_pending(self) -> None:
        """Score the crops in one call, then let every face take its step through time."""
        with_crop = [face for face in self._pending if face.crop is not None]
        scores = _scored(with_crop, self._parts.scorer) if with_crop else None
        index = 0
        observations: list[Observation] = []
        for face in self._pending:
            has_crop = face.crop is not None
            observations.append(self._settle(face, scores if has_crop else None, index))
            index += has_crop
        self._move_windows(observations)
        self._pending, self._pending_times_ms = [], []
        live = tracks.live_ids(self.state.tracker)
        memories = {name: kept for name, kept in self.state.memories.items() if name in live}
        self.state = replace(self.state, memories=memories)

    def _settle(self, face: SeenFace, scores: FaceScores | None, index: int) -> Observation:
        """Decide a face's status, score it if it stands, add its row; return its observation."""
        status, reason = _verdict(face, scores, index, self._parts.looking.limits)
        final = None
        if status is FaceStatus.SCORED:
            assert scores is not None
            final = self._step_track(face, scores, index)
        self._ledger.count_face(status, reason)
        row = frame_row(self._base, self._header, len(self._rows), face, status, reason, final)
        if scores is not None:  # also where the model's own doubt is the reason to abstain
            row["confidence"] = float(scores.confidence[index])
        self._rows.append(row)
        return Observation(
            participant_id=face.decision.participant_id or "",
            track_id=face.tracked.track_id,
            event_ms=face.time_ms,
            status=status,
            values=_NOTHING if final is None else final.final,
            is_speaking=None if final is None else final.is_speaking,
        )

    def _step_track(self, face: SeenFace, scores: FaceScores, index: int) -> TrackScores:
        name = face.tracked.track_id
        memory, result = score_step(
            self.state.memories.get(name, TrackMemory()),
            face.time_ms,
            scores,
            index,
            face.decision.policy,
            self._parts.calibration,
            self._parts.smoothing,
        )
        self.state = replace(self.state, memories={**self.state.memories, name: memory})
        return result

    def _move_windows(self, observations: list[Observation]) -> None:
        state, closed, late_count = windows.observe(
            self.state.windows, observations, self._parts.windows
        )
        self._closed += closed
        self._ledger.late_faces += late_count
        if self._pending_times_ms:
            state, closed = windows.advance(
                state, self._pending_times_ms[-1], self._parts.windows, CloseReason.WATERMARK
            )
            self._closed += closed
        self.state = replace(self.state, windows=state)


def _scored(faces: Sequence[SeenFace], scorer: Scorer) -> FaceScores:
    crops = np.stack([face.crop for face in faces if face.crop is not None])
    wants_affect = np.array([face.decision.policy is Policy.FULL for face in faces])
    return scorer.score(crops, wants_affect)


def _verdict(
    face: SeenFace, scores: FaceScores | None, index: int, limits: quality.QualityLimits
) -> tuple[FaceStatus, str | None]:
    if face.judged is None:
        assert face.decision.reason is not None
        return FaceStatus.SKIPPED, str(face.decision.reason)
    if face.judged.reason is not None:
        return FaceStatus.ABSTAINED, str(face.judged.reason)
    assert scores is not None
    reason = quality.reason_after_scoring(float(scores.confidence[index]), limits)
    if reason is not None:
        return FaceStatus.ABSTAINED, str(reason)
    return FaceStatus.SCORED, None
