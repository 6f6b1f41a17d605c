"""Opening containers of untrusted origin with bounds, and their decoders."""

from dataclasses import dataclass
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from operators.pictures import is_size_allowed
from operators.timing import FPS_MAX, FPS_UNKNOWN, MPEG_TS_WRAP_BITS, TimingRules
from schemas.errors import SourceRejectedError, SourceUnreadableError
from schemas.segments import HEIGHT_PX_MAX, PIXELS_MAX, WIDTH_PX_MAX

if TYPE_CHECKING:
    VideoPacket = av.Packet[VideoStream]
else:
    VideoPacket = av.Packet

# Playlists and scripts (HLS, DASH, concat, image2 patterns) are left out: a text file must not
# make the process open other files.
FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpegtsraw,mpeg,mpegvideo,avi,flv,asf,ogg,mxf,"
    "gif,h264,hevc,m4v,mjpeg,ivf,obu,av1,vc1,dv,rm,wtv,nut,yuv4mpegpipe,apng,"
    "jpeg_pipe,png_pipe,bmp_pipe,webp_pipe,tiff_pipe"
)
LIVE_FORMATS = "rtsp,sdp,rtp,mpegts,video4linux2,v4l2"
_OPEN_OPTIONS = {
    "max_pixels": str(PIXELS_MAX),
    # Wraps are undone by `operators.timing`, which sees every one of them.
    "correct_ts_overflow": "0",
}
# Threads share the slices of a picture. Whole pictures in parallel are a third faster, but then it
# is a matter of luck whether a damaged picture is marked: the mark may come after the picture.
DECODER_THREADS = 2
_STEP = "open video"


class Nameless:
    """A binary file without its name, so that its format is told by its content alone.

    libav takes some names for patterns of many files.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell
        self.close = file.close


@dataclass(frozen=True, slots=True)
class Opened:
    """An open container and its first video stream."""

    container: InputContainer
    stream: VideoStream

    @property
    def timebase(self) -> Fraction:
        """Return seconds per tick."""
        return self.stream.time_base or Fraction(1, 1000)

    @property
    def fps(self) -> Fraction:
        """Return the nominal frame rate, 25 where the container gives none or an absurd one."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate is not None and 0 < rate <= FPS_MAX:
                return Fraction(rate)
        return FPS_UNKNOWN

    @property
    def timing_rules(self) -> TimingRules:
        """Return the bounds for times of this stream's packets."""
        is_ts = self.container.format.name == "mpegts"
        return TimingRules.of(self.timebase, self.fps, MPEG_TS_WRAP_BITS if is_ts else None)

    @property
    def codec(self) -> str:
        """Return the codec's canonical name, such as `h264`."""
        return self.stream.codec_context.codec.canonical_name

    def decoder(self, threads: int = DECODER_THREADS) -> VideoCodecContext:
        """Return the stream's decoder, set up so that frames name the packet they come from."""
        context = self.stream.codec_context
        if not context.is_open:
            context.thread_type = "SLICE"
            context.thread_count = threads
            context.copy_opaque = True
            context.options = {"max_pixels": str(PIXELS_MAX)}
        return context


def open_video(
    source: str | IO[bytes] | Nameless,
    name: str,
    *,
    formats: str = FILE_FORMATS,
    format_name: str | None = None,
    options: dict[str, str] | None = None,
    timeout_s: tuple[float, float] | None = None,
) -> Opened:
    """Open a container and find its video stream.

    `name` stands for the source in messages. Raises SourceUnreadableError where there is no
    video, SourceRejectedError where its dimensions are beyond the bounds.
    """
    chosen = _OPEN_OPTIONS | {"format_whitelist": formats} | (options or {})
    arguments: dict[str, Any] = {"format": format_name, "timeout": timeout_s}
    try:
        container = av.open(source, mode="r", options=chosen, **arguments)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise _unreadable(name, error) from None
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        container.close()
        raise SourceUnreadableError(_STEP, f"there is no video in it (streams: {kinds})", name)
    opened = Opened(container, container.streams.video[0])
    try:
        _check_stream(opened, name)
    except BaseException:
        container.close()
        raise
    return opened


def _check_stream(opened: Opened, name: str) -> None:
    context = opened.stream.codec_context
    if context is None:
        raise SourceUnreadableError(_STEP, "no decoder for its video", name)
    if context.width == 0 or context.height == 0:
        raise SourceUnreadableError(_STEP, "there is no picture in it, or its size is absurd", name)
    check_size(context.width, context.height, name)


def check_size(width_px: int, height_px: int, name: str) -> None:
    """Raise SourceRejectedError where a picture of this size must not be allocated."""
    if not is_size_allowed(width_px, height_px):
        raise SourceRejectedError(
            _STEP,
            f"pictures of {width_px}x{height_px} px are beyond the bounds",
            name,
            f"at most {WIDTH_PX_MAX}x{HEIGHT_PX_MAX} and {PIXELS_MAX} px are read",
        )


def _unreadable(name: str, error: Exception) -> SourceUnreadableError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    if isinstance(error, av.error.InvalidDataError):
        reason = "it is not a video, or its beginning (in MP4: the moov box) is missing"
    elif isinstance(error, av.error.ExitError):
        reason = "it did not answer in time"
    return SourceUnreadableError(_STEP, f"cannot be opened: {reason}", name)
