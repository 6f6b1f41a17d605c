"""The metrics: a table of everything that is counted, and one registry that counts it."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from schemas.errors import DiskFullError, SinkError

# Labels are closed sets; a caller that puts an id into one must not fill the memory.
SERIES_MAX = 200
TIME_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class MetricKind(StrEnum):
    """What may be done with a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: counters only grow, gauges stand for now, histograms spread over buckets."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


def _counter(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(name, MetricKind.COUNTER, labels, text)


def _gauge(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(name, MetricKind.GAUGE, labels, text)


def _seconds(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(name, MetricKind.HISTOGRAM, labels, text, TIME_BUCKETS_S)


_TABLE = (
    _counter("facestate_segments_total", "Segments worked through"),
    _counter("facestate_frames_total",
             "Frames by kind: analysed, not_sampled, corrupt, shed, dead_lettered", "kind"),
    _counter("facestate_faces_total",
             "Faces seen on analysed frames, by status and by the reason for not scoring",
             "status", "reason"),
    _counter("facestate_media_seconds_total", "Media time worked through"),
    _counter("facestate_gap_seconds_total", "Media time missing between segments"),
    _counter("facestate_epochs_total", "Epochs begun, by reason", "reason"),
    _counter("facestate_windows_total", "Window rows made, by what closed them", "closed_by"),
    _counter("facestate_rows_total", "Rows committed, by table", "table"),
    _gauge("facestate_redis_rows",
           "Rows for Redis since the start: added, already_there, failed, dropped", "result"),
    _gauge("facestate_redis_up", "1 while Redis takes data"),
    _gauge("facestate_spool_rows", "Rows waiting for Redis"),
    _gauge("facestate_checkpoint_bytes", "Size of the newest checkpoint"),
    _seconds("facestate_commit_seconds", "Time from a commit's first write to its last"),
)  # fmt: skip

METRICS = {spec.name: spec for spec in _TABLE}


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics = {name: _make(spec, self.registry) for name, spec in METRICS.items()}
        self._series: dict[str, set[tuple[str, ...]]] = {name: set() for name in METRICS}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add `amount` (>= 0) to a counter."""
        metric = self._of(name, labels)
        assert isinstance(metric, Counter), name
        metric.inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        metric = self._of(name, labels)
        assert isinstance(metric, Gauge), name
        metric.set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add a value to a histogram."""
        metric = self._of(name, labels)
        assert isinstance(metric, Histogram), name
        metric.observe(value)

    def snapshot(self) -> dict[str, float]:
        """Return `name{label="value"}` -> value; of histograms the count and the sum."""
        found: dict[str, float] = {}
        for family in _Families(self.registry).collect():
            for sample in family.samples:
                if not sample.name.endswith("_bucket"):
                    found[_series(sample.name, sample.labels)] = sample.value
        return found

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        return generate_latest(_Families(self.registry)).decode()

    def write_text(self, path: Path) -> None:
        """Write `text()` to a file, whole or not at all, such as for a textfile collector.

        Raises SinkError where it cannot be written.
        """
        part = path.parent / f".{path.name}.{os.getpid()}.part"
        try:
            part.write_text(self.text(), encoding="utf-8")
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise _unwritable(path, error) from None

    def _of(self, name: str, labels: dict[str, str]) -> MetricWrapperBase:
        spec, metric = METRICS[name], self._metrics[name]
        assert tuple(sorted(labels)) == tuple(sorted(spec.labels)), (name, labels)
        if not spec.labels:
            return metric
        values = tuple(str(labels[label]) for label in spec.labels)
        series = self._series[name]
        if values not in series and len(series) >= SERIES_MAX:
            values = ("other",) * len(values)
        series.add(values)
        return metric.labels(*values)


class _Families:
    """The registry without the creation times that the client adds to every counter."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


def _make(spec: MetricSpec, registry: CollectorRegistry) -> MetricWrapperBase:
    if spec.kind is MetricKind.COUNTER:
        return Counter(spec.name, spec.help, spec.labels, registry=registry)
    if spec.kind is MetricKind.GAUGE:
        return Gauge(spec.name, spec.help, spec.labels, registry=registry)
    return Histogram(spec.name, spec.help, spec.labels, registry=registry, buckets=spec.buckets)


def _series(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    pairs = [f'{label}="{value}"' for label, value in sorted(labels.items())]
    return name + "{" + ",".join(pairs) + "}"


def _unwritable(path: Path, error: OSError) -> SinkError:
    kind = DiskFullError if error.errno == errno.ENOSPC else SinkError
    text = f"the metrics cannot be written: {error.strerror}"
    return kind("metrics", text, str(path), "free space, or name a file that you may write")
