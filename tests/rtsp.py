"""A small RTSP server that sends H.264 over its own connection (RFC 2326 10.12, RFC 6184)."""

import base64
import re
import socket
import struct
import threading
import time
from io import BytesIO
from types import TracebackType

import av

PAYLOAD_BYTES_MAX = 1400
_NAL_START = re.compile(b"\0\0\0?\1")
_FU_A = 28
_SPS, _PPS = 7, 8
TICKS_PER_SECOND = 90_000
TICKS_FIRST = 1_234_567  # RFC 3550: the first timestamp is random


def access_units(raw_h264: bytes) -> list[list[bytes]]:
    """Return the NAL units of each picture of an Annex B stream."""
    with av.open(BytesIO(raw_h264), format="h264") as container:
        bodies = [bytes(p) for p in container.demux(video=0) if p.size]
    return [[nal for nal in _NAL_START.split(body) if nal] for body in bodies]


class RtspServer:
    """Plays a raw H.264 stream once per connection, at `fps`, to one client at a time.

    `drop_after` gives, per connection, the number of pictures after which the server hangs up;
    connections beyond the list get everything. With `is_silent` it then sends nothing and keeps
    the connection. Connections after the first play `raw_after`, if given. `pace` is the share
    of real time that passes between pictures.
    """

    def __init__(
        self,
        raw_h264: bytes,
        *,
        raw_after: bytes | None = None,
        fps: int = 25,
        drop_after: tuple[int, ...] = (),
        is_silent: bool = False,
        pace: float = 0.1,
        connection_max: int = 100,
    ) -> None:
        self._units = access_units(raw_h264)
        self._units_after = access_units(raw_after) if raw_after else self._units
        self._fps = fps
        self._drop_after = drop_after
        self._is_silent = is_silent
        self._pace = pace
        self._connection_max = connection_max
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"rtsp://operator:hush@127.0.0.1:{self.port}/desk/1"

    def __enter__(self) -> "RtspServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set() and self.connections < self._connection_max:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(5)
                try:
                    self._talk(client)
                except OSError:
                    continue
        self._listener.close()

    def _talk(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        if self.connections:
            self._units = self._units_after
        while not self._stopping.is_set():
            request = self._request(stream)
            if request is None:
                return
            method, sequence = request
            self.requests.append(method)
            client.sendall(self._answer(method, sequence))
            if method == "PLAY":
                self.connections += 1
                self._play(client)
                return

    def _request(self, stream: object) -> tuple[str, str] | None:
        first = stream.readline().decode()
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return (first.split()[0], headers.get("cseq", "0")) if first else None

    def _answer(self, method: str, sequence: str) -> bytes:
        body, extra = "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = self._description()
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        return (f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nSession: 7\r\n{extra}\r\n{body}").encode()

    def _description(self) -> str:
        nals = [nal for nal in self._units[0] if nal[0] & 31 in {_SPS, _PPS}]
        sets = ",".join(base64.b64encode(nal).decode() for nal in nals)
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            "a=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
            f"a=framerate:{self._fps}\r\na=control:track1\r\n"
        )

    def _play(self, client: socket.socket) -> None:
        index = self.connections - 1
        count = self._drop_after[index] if index < len(self._drop_after) else len(self._units)
        number = 0
        for unit_index, unit in enumerate(self._units[:count]):
            ticks = TICKS_FIRST + unit_index * TICKS_PER_SECOND // self._fps
            for payload, is_end in _payloads(unit):
                head = struct.pack(">BBHII", 0x80, 96 | is_end << 7, number & 0xFFFF, ticks, 1)
                number += 1
                packet = head + payload
                client.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            time.sleep(self._pace / self._fps)
            if self._stopping.is_set():
                return
        if self._is_silent:
            self._stopping.wait(30)


def _payloads(unit: list[bytes]) -> list[tuple[bytes, bool]]:
    """Return RTP payloads of one picture, whole NAL units or FU-A parts, and the marker bit."""
    payloads = []
    for nal in unit:
        if len(nal) <= PAYLOAD_BYTES_MAX:
            payloads.append(nal)
            continue
        parts = [nal[i : i + PAYLOAD_BYTES_MAX] for i in range(1, len(nal), PAYLOAD_BYTES_MAX)]
        for index, part in enumerate(parts):
            flags = (index == 0) << 7 | (index == len(parts) - 1) << 6
            payloads.append(bytes([nal[0] & 0xE0 | _FU_A, flags | nal[0] & 31]) + part)
    return [(payload, index == len(payloads) - 1) for index, payload in enumerate(payloads)]
