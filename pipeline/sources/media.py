"""Files as sources: what they are, and their segments."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

import av
from av.video.codeccontext import VideoCodecContext

from operators.containers import Nameless, Opened, VideoPacket, check_size, open_video
from operators.cut import FILE_RULES
from operators.packets import CodedPacket, PacketSource
from operators.pictures import displayed_size_px
from pipeline.sources.identity import SourceInfo, SourceOptions, StreamIdentity
from pipeline.sources.resolve import SourceKind, SourceSpec
from pipeline.sources.session import LinkInfo, Session
from schemas.errors import SourceMissingError, SourceUnreadableError
from schemas.media import Segment

# A file that shows no picture within so many packets is taken to hold none.
PROBE_PACKETS_MAX = 1_000
_HASH_BLOCK_BYTES = 1024 * 1024
_CREATED_YEARS = range(2000, 2101)
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_STEP = "open video"


class Source(Protocol):
    """An opened input."""

    info: SourceInfo

    def segments(
        self, identity: StreamIdentity, resume_after: int | None = None
    ) -> Iterator[Segment]:
        """Yield the segments with `sequence` above `resume_after`; may be asked for once."""

    def stop(self) -> None:
        """End the stream after the segment in progress; safe from other threads and signals."""

    def close(self) -> None:
        """Free the input; safe to call twice."""


def open_source(spec: SourceSpec, options: SourceOptions | None = None) -> Source:
    """Open one input and find out what it is.

    Raises SourceMissingError, SourceUnreadableError (no video, nothing that decodes, no right to
    read) or SourceRejectedError (beyond the bounds), each with one line for the user.
    """
    options = options or SourceOptions()
    if spec.kind is SourceKind.FILE:
        return FileSource(spec, options)
    from pipeline.sources.live import LiveSource

    return LiveSource(spec, options)


class FileSource:
    """A video, GIF, raw stream or still in a file."""

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        self._name = spec.name
        self._options = options
        self._is_stopped = False
        self._path = Path(spec.location)
        self._size_bytes = self._check_file()
        width_px, height_px = self._probe()
        self._file = self._open_file()
        try:
            self._opened = open_video(Nameless(self._file), self._name)
            self.info = self._describe(width_px, height_px)
        except BaseException:
            self._file.close()
            raise

    def segments(
        self, identity: StreamIdentity, resume_after: int | None = None
    ) -> Iterator[Segment]:
        """Yield the segments with `sequence` above `resume_after`; may be asked for once."""
        opened = self._opened
        source = PacketSource(opened, file_size_bytes=self._size_bytes)
        link = LinkInfo(
            self.info.codec,
            self.info.width_px,
            self.info.height_px,
            opened.timebase,
            1000.0 / self.info.fps_nominal,
        )
        threads = self._options.decoder_threads
        session = Session(
            self._until_stopped(source),
            lambda _link: link,
            lambda _link: opened.decoder(threads),
            FILE_RULES,
            is_broken=lambda: source.is_broken,
        )
        return session.segments(identity, resume_after)

    def stop(self) -> None:
        """End the stream after the packets read so far."""
        self._is_stopped = True

    def close(self) -> None:
        """Close the container and the file."""
        self._opened.container.close()
        self._file.close()

    def _until_stopped(self, source: PacketSource) -> Iterator[CodedPacket]:
        for packet in source.packets():
            if self._is_stopped:
                return
            yield packet

    def _check_file(self) -> int:
        path = self._path
        try:
            if not path.exists():
                raise SourceMissingError(_STEP, "no such file", self._name, "check the path")
            if path.is_dir():
                _list_folder(path)
                raise SourceUnreadableError(_STEP, "it is a folder", self._name)
            if not path.is_file():
                raise SourceUnreadableError(_STEP, "it is not a regular file", self._name)
            size_bytes = path.stat().st_size
        except OSError as error:
            raise _no_access(self._name, error) from None
        if size_bytes == 0:
            raise SourceUnreadableError(_STEP, "the file is empty", self._name)
        return size_bytes

    def _open_file(self) -> IO[bytes]:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise _no_access(self._name, error) from None

    def _probe(self) -> tuple[int, int]:
        """Decode until the first picture and return its displayed size."""
        with self._open_file() as file:
            _check_png(file, self._name)
            opened = open_video(Nameless(file), self._name)
            try:
                frame = _first_frame(opened)
            finally:
                opened.container.close()
        if frame is None:
            raise SourceUnreadableError(
                _STEP, "no picture of it can be decoded", self._name, "the file may be damaged"
            )
        check_size(frame.width, frame.height, self._name)
        return displayed_size_px(frame)

    def _describe(self, width_px: int, height_px: int) -> SourceInfo:
        opened = self._opened
        return SourceInfo(
            name=self._name,
            codec=opened.codec,
            width_px=width_px,
            height_px=height_px,
            fps_nominal=float(opened.fps),
            duration_ms=_duration_ms(opened),
            frame_count=opened.stream.frames or None,
            is_live=False,
            content_sha256=self._hash(),
            created_at_ms=_created_at_ms(opened),
        )

    def _hash(self) -> str:
        digest = hashlib.sha256()
        with self._open_file() as file:
            while block := file.read(_HASH_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()


def _list_folder(path: Path) -> None:
    """Raise OSError where a folder may not be read."""
    next(path.iterdir(), None)


def _no_access(name: str, error: OSError) -> SourceUnreadableError:
    reason = error.strerror or type(error).__name__
    return SourceUnreadableError(_STEP, f"cannot be read: {reason}", name, "check its rights")


def _check_png(file: IO[bytes], name: str) -> None:
    """Refuse a PNG by its header (PNG 5.6: IHDR first), which libav does not show if too large."""
    head = file.read(24)
    file.seek(0)
    if head.startswith(_PNG_MAGIC) and head[12:16] == b"IHDR":
        check_size(int.from_bytes(head[16:20]), int.from_bytes(head[20:24]), name)


def _first_frame(opened: Opened) -> av.VideoFrame | None:
    """Return the first picture that decodes, None where there is none within the bound."""
    decoder = opened.decoder(threads=1)
    count = 0
    for coded in PacketSource(opened).packets():
        count += 1
        frames = _decode(decoder, coded.packet)
        if frames or count >= PROBE_PACKETS_MAX:
            return frames[0] if frames else None
    frames = _decode(decoder, None) if count else []
    return frames[0] if frames else None


def _decode(decoder: VideoCodecContext, packet: VideoPacket | None) -> list[av.VideoFrame]:
    try:
        return decoder.decode(packet)
    except av.error.FFmpegError:
        return []


def _duration_ms(opened: Opened) -> float | None:
    if opened.stream.duration:
        return float(opened.stream.duration * opened.timebase * 1000)
    if opened.container.duration:
        return opened.container.duration * 1000.0 / av.time_base
    return None


def _created_at_ms(opened: Opened) -> int | None:
    text = opened.container.metadata.get("creation_time")
    text = text or opened.stream.metadata.get("creation_time")
    try:
        created = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if created is None or created.year not in _CREATED_YEARS:
        return None
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return round(created.timestamp() * 1000)
