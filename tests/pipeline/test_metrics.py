"""Goal: everything counted is in one table with units in its names, and can be read and written.

Method: one registry per test; the text format is read back by the client's own parser.
"""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.metrics import METRICS, SERIES_MAX, MetricKind, Metrics
from schemas.errors import DiskFullError, SinkError
from schemas.ledger import FRAME_COUNTS

UNITS = {"seconds", "bytes", "rows", "segments", "frames", "faces", "events", "streams", "tracks"}
SECONDS = "facestate_commit_seconds"


def test_names_begin_with_the_product_and_end_with_their_unit() -> None:
    for name, spec in METRICS.items():
        assert re.fullmatch(r"facestate_[a-z_]+", name)
        assert name.endswith("_total") == (spec.kind is MetricKind.COUNTER)
        if spec.kind is not MetricKind.COUNTER and name != "facestate_redis_up":
            assert name.rsplit("_", 1)[1] in UNITS, name


def test_every_metric_has_a_help_text_and_plain_labels() -> None:
    for spec in METRICS.values():
        assert spec.help[0].isupper() or spec.help[0].isdigit()
        assert all(re.fullmatch(r"[a-z_]+", label) for label in spec.labels)
        assert not {"call_id", "stream_id", "tenant", "track_id"} & set(spec.labels)


def test_the_frame_kinds_told_in_the_help_are_those_of_the_ledger() -> None:
    kinds = METRICS["facestate_frames_total"].help.split(": ")[1].split(", ")
    assert tuple(kinds) == FRAME_COUNTS


def test_counters_add_gauges_stand_and_histograms_sum() -> None:
    metrics = Metrics()
    metrics.count("facestate_frames_total", 3, kind="analysed")
    metrics.count("facestate_frames_total", kind="analysed")
    metrics.count("facestate_faces_total", status="abstained", reason="blurred")
    metrics.set("facestate_spool_rows", 5)
    metrics.set("facestate_spool_rows", 2)
    metrics.observe(SECONDS, 0.2)
    metrics.observe(SECONDS, 0.3)
    found = metrics.snapshot()
    assert found['facestate_frames_total{kind="analysed"}'] == 4
    assert found['facestate_faces_total{reason="blurred",status="abstained"}'] == 1
    assert found["facestate_spool_rows"] == 2
    assert found[f"{SECONDS}_count"] == 2
    assert found[f"{SECONDS}_sum"] == pytest.approx(0.5)


def test_two_registries_do_not_share_counts() -> None:
    first, second = Metrics(), Metrics()
    first.count("facestate_segments_total")
    assert second.snapshot()["facestate_segments_total"] == 0


@pytest.mark.parametrize(
    ("name", "labels"),
    [("facestate_frames_total", {}), ("facestate_frames_total", {"sort": "x"}),
     ("facestate_spool_rows", {}), ("facestate_segments_total", {"a": "b"})],
)  # fmt: skip
def test_wrong_labels_or_kinds_are_the_programmers_errors(
    name: str, labels: dict[str, str]
) -> None:
    with pytest.raises(AssertionError):
        Metrics().count(name, **labels)


def test_a_counter_never_falls() -> None:
    with pytest.raises(ValueError, match="negative"):
        Metrics().count("facestate_segments_total", -1)


def test_series_of_one_metric_are_bounded_and_the_rest_goes_to_other() -> None:
    metrics = Metrics()
    for number in range(SERIES_MAX + 50):
        metrics.count("facestate_epochs_total", reason=f"r{number}")
    found = {k: v for k, v in metrics.snapshot().items() if k.startswith("facestate_epochs")}
    assert len(found) == SERIES_MAX + 1
    assert sum(found.values()) == SERIES_MAX + 50
    assert found['facestate_epochs_total{reason="other"}'] == 50


def test_the_text_is_read_back_by_the_usual_parser() -> None:
    metrics = Metrics()
    metrics.count("facestate_epochs_total", 7, reason='a"b\n')
    metrics.observe(SECONDS, 0.2)
    families = {f.name: f for f in text_string_to_metric_families(metrics.text())}
    names = {name.removesuffix("_total") for name in METRICS}
    assert set(families) == names
    events = families["facestate_epochs"].samples
    assert [(s.labels, s.value) for s in events] == [({"reason": 'a"b\n'}, 7)]
    assert families[SECONDS].type == "histogram"


def test_a_file_is_written_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    metrics, path = Metrics(), tmp_path / "facestate.prom"
    metrics.write_text(path)
    metrics.set("facestate_spool_rows", 3)
    metrics.write_text(path)
    assert "facestate_spool_rows 3.0" in path.read_text()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_file_that_cannot_be_written_is_a_sink_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        Metrics().write_text(tmp_path / "none" / "facestate.prom")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SinkError, match="cannot be written"):
        Metrics().write_text(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DiskFullError):
        Metrics().write_text(tmp_path / "facestate.prom")
