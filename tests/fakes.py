"""Fakes of the seams: made frames with made faces, and a decoder, detector and scorer of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from operators.detect import Detection
from operators.pose import FACE
from pipeline.analysis.batch import SegmentResult
from pipeline.lake.writer import StreamRun
from schemas.media import DecodedFrame, Image, Segment
from schemas.names import AU_NAMES, EMOTIONS, SIDED_AU_NAMES, PtsSource
from schemas.scores import FaceScores
from schemas.segments import SegmentHeader

SIZE_PX = (320, 180)
# A made face says who it is in its colours: red marks a face, green says whose, blue is texture.
FACE_RED = 250
GREEN_STEP = 20
EYES_PER_FACE = 0.45


@dataclass(frozen=True)
class MadeFace:
    """One face of a made frame: who, where its upper left corner is, and what it shows (0 to 1)."""

    number: int
    x: int
    y: int = 60
    size_px: int = 48
    level: float = 0.5

    @property
    def box_xyxy_px(self) -> tuple[float, float, float, float]:
        x, y, size = self.x, self.y, self.size_px
        return (float(x), float(y), float(x + size), float(y + size))


@dataclass(frozen=True)
class MadeFrame:
    """One frame of a made stream, drawn when it is wanted."""

    pts_ms: float
    faces: tuple[MadeFace, ...] = ()
    is_corrupt: bool = False
    pts_source: PtsSource = PtsSource.CONTAINER
    scene: int = 0


def draw(frame: MadeFrame, size_px: tuple[int, int] = SIZE_PX) -> Image:
    """Return the frame's picture: a drifting ramp with its faces on it."""
    width, height = size_px
    y, x = np.mgrid[:height, :width]
    ramps = (x + y, 2 * x, 3 * y) if frame.scene == 0 else (200 - x, 199 * (y // 40 % 2), 90 - y)
    image = np.stack([ramp % 200 for ramp in ramps], -1).astype(np.uint8)
    for face in frame.faces:
        rows, columns = (slice(v, v + face.size_px) for v in (face.y, face.x))
        noise = np.random.default_rng(face.number).uniform(-0.3, 0.3, (face.size_px,) * 2)
        blue = np.clip((0.3 + 0.4 * face.level + noise) * 255, 0, 255)
        image[rows, columns, 0] = FACE_RED
        image[rows, columns, 1] = face.number * GREEN_STEP
        image[rows, columns, 2] = blue.astype(np.uint8)
    return image


def has_face(crop: Image, number: int) -> bool:
    """Tell whether any pixel of made face `number` is in the crop."""
    red, green = crop[..., 0].astype(int), crop[..., 1].astype(int)
    return bool(((red >= FACE_RED - 2) & (abs(green - number * GREEN_STEP) <= 2)).any())


class FakeDetector:
    """Finds made faces by their colours; `sizes_px` keeps the sides it was asked to look at."""

    def __init__(self, score: float = 0.95) -> None:
        self.score = score
        self.call_count = 0

    def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Detection]:
        self.call_count += 1
        is_face = image_rgb[..., 0] == FACE_RED
        found = []
        for green in np.unique(image_rgb[..., 1][is_face]):
            rows, columns = np.nonzero(is_face & (image_rgb[..., 1] == green))
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            found.append(detection(*(float(v) for v in box), score=self.score))
        return found


def detection(x1: float, y1: float, x2: float, y2: float, score: float = 0.95) -> Detection:
    """Return a level face that looks straight ahead in this box."""
    x, y, eyes = (x1 + x2) / 2, (y1 + y2) / 2, EYES_PER_FACE * (x2 - x1)
    points = tuple((x + eyes * px, y + eyes * py) for px, py, _ in FACE)
    return Detection((x1, y1, x2, y2), points, score)


@dataclass
class FakeScorer:
    """Scores a crop by its mean blue; keeps every crop that comes to its door."""

    model_id: str = "fake-1"
    crop_size_px: int = 64
    confidence: float = 1.0
    extra: tuple[str, ...] = ()
    crops: list[Image] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)
    wanted: list[bool] = field(default_factory=list)

    def score(
        self, crops: NDArray[np.uint8], wants_affect: NDArray[np.bool_] | None = None
    ) -> FaceScores:
        size = self.crop_size_px
        assert crops.dtype == np.uint8, crops.dtype
        assert crops.shape[1:] == (size, size, 3), crops.shape
        self.crops += list(crops)
        self.batch_sizes.append(len(crops))
        inner = crops[:, size // 3 : -size // 3, size // 3 : -size // 3, 2]
        level = inner.reshape(len(crops), -1).mean(axis=1)[:, None].astype(np.float32) / 255
        emotion = np.concatenate([1 - level, *[level / 7] * 7], axis=1)
        if wants_affect is not None:
            self.wanted += list(wants_affect)
        return FaceScores(
            au=level * np.linspace(0.2, 1.0, len(AU_NAMES), dtype=np.float32),
            au_intensity=5 * level * np.ones(len(AU_NAMES), np.float32),
            au_side=(level - 0.5) * np.ones(len(SIDED_AU_NAMES), np.float32),
            emotion=emotion[:, : len(EMOTIONS)],
            valence=level[:, 0] - 0.5,
            arousal=level[:, 0],
            confidence=np.full(len(crops), self.confidence, np.float32),
            extra=dict.fromkeys(self.extra, level[:, 0]),
        )


@dataclass(frozen=True)
class MadeRun:
    """The frames of one made segment, in place of coded packets."""

    made: tuple[MadeFrame, ...]
    index_first: int = 0
    size_px: tuple[int, int] = SIZE_PX

    def frames(self, is_wanted: Callable[[float], bool]) -> Iterator[DecodedFrame]:
        for index, frame in enumerate(self.made, self.index_first):
            is_shown = not frame.is_corrupt and is_wanted(frame.pts_ms)
            image = draw(frame, self.size_px) if is_shown else None
            yield DecodedFrame(index, frame.pts_ms, frame.pts_source, frame.is_corrupt, image)


class FakeDecoder:
    """Yields the frames of made segments; raises `error`, if set, after `fail_after` of them."""

    name = "fake"

    def __init__(self, error: Exception | None = None, fail_after: int = 0) -> None:
        self.error = error
        self.fail_after = fail_after

    def frames(
        self, segment: Segment, is_wanted: Callable[[float], bool]
    ) -> Iterator[DecodedFrame]:
        assert isinstance(segment.body, MadeRun)
        for index, frame in enumerate(segment.body.frames(is_wanted)):
            if self.error is not None and index == self.fail_after:
                raise self.error
            yield frame


def segment(sequence: int, made: Sequence[MadeFrame], **header: Any) -> Segment:
    """Return a made segment; times are milliseconds, `header` overrides what follows from them."""
    times = [round(frame.pts_ms) for frame in made] or [0]
    values: dict[str, Any] = {
        "call_id": "call",
        "stream_id": "stream",
        "tenant": "default",
        "epoch_start_ms": 1_700_000_000_000,
        "sequence": sequence,
        "codec": "made",
        "width_px": SIZE_PX[0],
        "height_px": SIZE_PX[1],
        "timebase_num": 1,
        "timebase_den": 1000,
        "first_pts": min(times),
        "last_pts": max(times),
        "frame_count": len(made),
        "body_bytes": 0,
        "sha256": "0" * 64,
    }
    return Segment(SegmentHeader(**{**values, **header}), MadeRun(tuple(made)))


def segments(made: Sequence[MadeFrame], span_ms: float = 2000.0, **header: Any) -> list[Segment]:
    """Cut made frames into segments of `span_ms`, the last one marked as the end."""
    numbers = sorted({int(frame.pts_ms // span_ms) for frame in made})
    parts = [[frame for frame in made if frame.pts_ms // span_ms == n] for n in numbers]
    last = len(parts) - 1
    return [
        segment(number, part, is_end_of_stream=number == last, **header)
        for number, part in enumerate(parts)
    ]


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class FakeLiveView:
    """A live view that keeps what it was told, in order, as (what, about)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def begin_run(self, run: StreamRun, *, is_resume: bool) -> None:
        self.told.append(("begin", is_resume))

    def publish(self, run: StreamRun, result: SegmentResult) -> None:
        self.told.append(("publish", result.header.sequence))

    def mark_committed(self, run: StreamRun, header: SegmentHeader) -> None:
        self.told.append(("committed", header.sequence))

    def end_stream(self, run: StreamRun) -> None:
        self.told.append(("end", run.stream_id))

    def close(self) -> None:
        self.told.append(("close", None))

    def of(self, what: str) -> list[Any]:
        return [about for kind, about in self.told if kind == what]


def write_video(path: Path, made: Iterable[MadeFrame], rate: int = 25) -> Path:
    """Write made frames as a lossless video whose every frame is a keyframe."""
    with av.open(str(path), "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=rate)
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "bgr0"
        stream.gop_size = 1
        for made_frame in made:
            frame = av.VideoFrame.from_ndarray(draw(made_frame), format="rgb24")
            frame.pts = round(made_frame.pts_ms * rate / 1000)
            frame.time_base = Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def at_fps(count: int, faces: Callable[[float], tuple[MadeFace, ...]], fps: float = 5.0,
           from_ms: float = 0.0) -> list[MadeFrame]:  # fmt: skip
    """Return `count` frames; `faces` gets each one's time in seconds."""
    times = [from_ms + 1000.0 * index / fps for index in range(count)]
    return [MadeFrame(time_ms, faces(time_ms / 1000.0)) for time_ms in times]


def corrupted(made: Sequence[MadeFrame], *indices: int) -> list[MadeFrame]:
    """Return the frames with some of them corrupt."""
    return [replace(f, is_corrupt=True) if i in indices else f for i, f in enumerate(made)]
