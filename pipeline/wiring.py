"""The one module that builds everything: from settings to parts that work together."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operators.calibrate import Calibration, calibration_from
from operators.containers import DECODER_THREADS
from operators.decode import PyavDecoder
from operators.detect import FaceDetector
from operators.find import FindSettings
from operators.quality import QualityLimits
from operators.smooth import SmoothSettings
from operators.tracks import TrackerSettings
from operators.windows import WindowSettings
from pipeline.analysis.observe import Looking
from pipeline.analysis.worker import WorkerParts
from pipeline.lake.tables import Lake
from pipeline.live.embedded import start_embedded
from pipeline.live.redis_sink import RedisSink
from pipeline.live.settings import RedisSettings as LiveSettings
from pipeline.live_view import LiveView, NoLiveView, RedisLiveView
from pipeline.metrics import Metrics
from pipeline.settings import Settings
from pipeline.sources.identity import SourceOptions
from schemas.media import Decoder
from schemas.registration import Registration
from schemas.scores import Scorer
from serving.catalogue import open_detector_weights, open_scorer
from serving.store import ModelStore


@dataclass(frozen=True)
class Wiring:
    """Everything that jobs of one process share."""

    settings: Settings
    lake: Lake
    decoder: Decoder
    detector: FaceDetector
    scorer: Scorer
    live: LiveView
    metrics: Metrics
    source_options: SourceOptions
    calibration: Calibration

    def worker_parts(self, registration: Registration) -> WorkerParts:
        """Return what a worker of one stream is built of."""
        settings = self.settings
        # A face must be missed twice before its track ends or its smoothing starts anew, however
        # seldom frames are analysed.
        patience_s = MISSED_FRAMES / settings.analysis.fps
        looking = Looking(
            detector=self.detector,
            registration=registration,
            crop_size_px=self.scorer.crop_size_px,
            search=FindSettings(full_search_s=settings.tracking.full_search_s),
            tracking=TrackerSettings(timeout_s=max(settings.tracking.timeout_s, patience_s)),
            limits=QualityLimits(size_px_min=settings.quality.size_px_min),
        )
        return WorkerParts(
            decoder=self.decoder,
            scorer=self.scorer,
            looking=looking,
            windows=WindowSettings(
                fps=settings.analysis.fps, lateness_ms=settings.windows.lateness_ms
            ),
            analysis_fps=settings.analysis.fps,
            calibration=self.calibration,
            smoothing=SmoothSettings(reset_s=max(SmoothSettings().reset_s, patience_s)),
        )


# Analysed frames on which a face may be missing.
MISSED_FRAMES = 2.5
# More threads than this do not make one face's network faster.
SCORER_THREADS_MAX = 2


def scorer_threads_alone() -> int:
    """Return the scorer's threads for a process that has the machine to itself."""
    return min(SCORER_THREADS_MAX, os.cpu_count() or 1)


@contextmanager
def wire(
    settings: Settings,
    *,
    is_live_wanted: bool = True,
    scorer_threads: int = 1,
    decoder_threads: int = DECODER_THREADS,
) -> Iterator[Wiring]:
    """Build the parts and take them down again.

    Raises ModelError where weights are missing, SinkError where a named Redis does not answer.
    """
    store = ModelStore()
    detector = FaceDetector(open_detector_weights(store))
    scorer = open_scorer(settings.analysis.model, store, scorer_threads)
    with _live_view(settings, is_wanted=is_live_wanted) as live:
        yield Wiring(
            settings=settings,
            lake=Lake(Path(settings.output.folder)),
            decoder=PyavDecoder(),
            detector=detector,
            scorer=scorer,
            live=live,
            metrics=Metrics(),
            source_options=_source_options(settings, decoder_threads),
            calibration=calibration_from({}),
        )


def _source_options(settings: Settings, decoder_threads: int) -> SourceOptions:
    live = settings.live
    return SourceOptions(
        decoder_threads=decoder_threads,
        timeout_s=live.read_timeout_s,
        reconnect_attempts_max=live.reconnect_attempts,
        webcam_size=live.webcam_size,
        webcam_fps=live.webcam_fps,
    )


@contextmanager
def _live_view(settings: Settings, *, is_wanted: bool) -> Iterator[LiveView]:
    if not is_wanted:
        yield NoLiveView()
        return
    server = None
    url = settings.redis.url
    if url is None:
        server = start_embedded()
        url = server.url if server else None
    if url is None:
        print(  # noqa: T201 - said once, to the person at the terminal
            "facestate: no Redis server here, so no live view; the tables are written all the same",
            file=sys.stderr,
        )
        yield NoLiveView()
        return
    view = RedisLiveView(RedisSink.open(url, _live_settings(settings)))
    try:
        yield view
    finally:
        view.close()
        if server is not None:
            server.stop()


def _live_settings(settings: Settings) -> LiveSettings:
    redis = settings.redis
    return LiveSettings(
        events_max=redis.events_max,
        expire_after_s=redis.expire_after_s,
        spool_rows_max=redis.spool_rows_max,
    )
