"""Live sources: RTSP cameras and webcams, opened again when they break off."""

import threading
from collections.abc import Iterator
from pathlib import Path

from av.video.codeccontext import VideoCodecContext

from operators.containers import LIVE_FORMATS, Opened, open_video
from operators.cut import LIVE_RULES
from operators.packets import CodedPacket, PacketSource
from pipeline.sources.identity import SourceInfo, SourceOptions, StreamIdentity
from pipeline.sources.resolve import SourceKind, SourceSpec
from pipeline.sources.session import LinkInfo, Session
from schemas.errors import InputError, SourceMissingError, SourceUnreadableError
from schemas.media import Segment

# The stream's description tells what is needed; do not wait long for more of it.
_ANALYSE_US = 2_000_000
# Connections whose decoders are kept: the current one, and those not yet read to their end.
LINKS_KEPT = 4
RTSP_REMEDY = "check host, port and path of the address, and its user and password"
WEBCAM_REMEDY = "check that no other program uses it and that you may read it"


def rtsp_options(options: SourceOptions) -> dict[str, str]:
    """Return libav's options for RTSP over TCP with bounded waiting."""
    return {
        "rtsp_transport": "tcp",
        "timeout": str(round(options.timeout_s * 1_000_000)),
        "analyzeduration": str(_ANALYSE_US),
        "allowed_media_types": "video",
    }


def webcam_options(options: SourceOptions) -> dict[str, str]:
    """Return libav's options for a Video4Linux device; compressed pictures are asked for."""
    chosen = {"input_format": "mjpeg"}
    if options.webcam_size is not None:
        chosen["video_size"] = options.webcam_size
    if options.webcam_fps is not None:
        chosen["framerate"] = f"{options.webcam_fps:g}"
    return chosen


class LiveSource:
    """An RTSP camera or a webcam.

    Each reconnect begins a new epoch anchored at the clock. No read waits beyond `timeout_s`,
    which is also how long `stop` may take on a stream that is silent.
    """

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        self._spec = spec
        self._options = options
        self._stopped = threading.Event()
        self._link = -1
        self._links: dict[int, tuple[LinkInfo, VideoCodecContext]] = {}
        self._opened: Opened | None = None
        self.info = _describe(spec, self._connect())

    def segments(
        self, identity: StreamIdentity, resume_after: int | None = None
    ) -> Iterator[Segment]:
        """Yield segments of about 2 s as they come; may be asked for once.

        What a live source showed before cannot be had again: `resume_after` only leaves out
        segments with those numbers.
        """
        session = Session(
            self._packets(),
            lambda link: self._links[link][0],
            lambda link: self._links[link][1],
            LIVE_RULES,
        )
        return session.segments(identity, resume_after)

    def stop(self) -> None:
        """End the stream after the packets read so far; safe from other threads and signals."""
        self._stopped.set()

    def close(self) -> None:
        """Stop and close the connection."""
        self.stop()
        self._disconnect()

    def _packets(self) -> Iterator[CodedPacket | None]:
        """Yield packets of one connection after another, None after each."""
        while self._opened is not None:
            source = PacketSource(self._opened, link=self._link)
            for packet in source.packets():
                if self._stopped.is_set():
                    return
                packet.arrived_ms = self._options.clock_ms()
                yield packet
            if self._stopped.is_set():
                return
            yield None
            self._reconnect()

    def _connect(self) -> Opened:
        wait_s = self._options.timeout_s
        is_rtsp = self._spec.kind is SourceKind.RTSP
        if not is_rtsp:
            _check_camera(self._spec)
        options = rtsp_options(self._options) if is_rtsp else webcam_options(self._options)
        try:
            opened = open_video(
                self._spec.location,
                self._spec.name,
                formats=LIVE_FORMATS,
                format_name=None if is_rtsp else "v4l2",
                options=options,
                timeout_s=(wait_s, wait_s),
            )
        except SourceUnreadableError as error:
            remedy = error.remedy or (RTSP_REMEDY if is_rtsp else WEBCAM_REMEDY)
            kind = type(error)
            raise kind(error.step, error.happened, error.given, remedy) from None
        self._opened = opened
        self._keep_link(opened)
        return opened

    def _keep_link(self, opened: Opened) -> None:
        """Give the connection a number; the one before it is still to be decoded to its end."""
        context = opened.stream.codec_context
        interval_ms = 1000.0 / float(opened.fps)
        info = LinkInfo(opened.codec, context.width, context.height, opened.timebase, interval_ms)
        self._link += 1
        self._links[self._link] = info, opened.decoder(self._options.decoder_threads)
        self._links.pop(self._link - LINKS_KEPT, None)

    def _disconnect(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.container.close()

    def _reconnect(self) -> None:
        """Open the source again with doubling pauses; leave it closed where that fails."""
        self._disconnect()
        backoff_s = self._options.backoff_s
        for _ in range(self._options.reconnect_attempts_max):
            if self._stopped.wait(backoff_s):
                break
            backoff_s = min(2 * backoff_s, self._options.backoff_s_max)
            try:
                self._connect()
            except InputError:
                continue
            return


def _check_camera(spec: SourceSpec) -> None:
    if not Path(spec.location).exists():
        raise SourceMissingError(
            "open video",
            f"no camera {spec.location}",
            spec.name,
            "plug it in, or give its number as webcam:N",
        )


def _describe(spec: SourceSpec, opened: Opened) -> SourceInfo:
    context = opened.stream.codec_context
    return SourceInfo(
        name=spec.name,
        codec=opened.codec,
        width_px=context.width,
        height_px=context.height,
        fps_nominal=float(opened.fps),
        duration_ms=None,
        frame_count=None,
        is_live=True,
        content_sha256=None,
        created_at_ms=None,
    )
