"""The operator state of one stream: everything that a checkpoint must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from operators.cuts import CutState
from operators.find import FindState
from operators.policy import GateState
from operators.sample import SampleState
from operators.tracks import TrackerState
from operators.windows import WindowsState
from pipeline.analysis.track_scores import TrackMemory


@dataclass(frozen=True, slots=True)
class StreamState:
    """State after the last finished segment.

    `last_event_ms` is event time of its last frame; both it and `epoch_start_ms` are None before
    the stream's first segment.
    """

    epoch: int = 0
    epoch_start_ms: int | None = None
    last_event_ms: int | None = None
    sampling: SampleState = field(default_factory=SampleState)
    cuts: CutState = field(default_factory=CutState)
    search: FindState = field(default_factory=FindState)
    tracker: TrackerState = field(default_factory=TrackerState)
    gate: GateState = field(default_factory=GateState)
    memories: Mapping[str, TrackMemory] = field(default_factory=dict)
    windows: WindowsState = field(default_factory=WindowsState)

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {
            "epoch": self.epoch,
            "epoch_start_ms": self.epoch_start_ms,
            "last_event_ms": self.last_event_ms,
            "sampling": self.sampling.to_json(),
            "cuts": self.cuts.to_json(),
            "search": self.search.to_json(),
            "tracker": self.tracker.to_json(),
            "gate": self.gate.to_json(),
            "memories": {track: memory.to_json() for track, memory in self.memories.items()},
            "windows": self.windows.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore exactly what `to_json` returned."""
        return cls(
            epoch=data["epoch"],
            epoch_start_ms=data["epoch_start_ms"],
            last_event_ms=data["last_event_ms"],
            sampling=SampleState.from_json(data["sampling"]),
            cuts=CutState.from_json(data["cuts"]),
            search=FindState.from_json(data["search"]),
            tracker=TrackerState.from_json(data["tracker"]),
            gate=GateState.from_json(data["gate"]),
            memories={
                track: TrackMemory.from_json(memory) for track, memory in data["memories"].items()
            },
            windows=WindowsState.from_json(data["windows"]),
        )
