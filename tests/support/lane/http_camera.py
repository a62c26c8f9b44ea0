"""An HTTP camera that misbehaves on command, and pictures that tell their number."""

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import numpy as np

from models.image import encode_jpeg
from models.values.face import ImageBGR
from tests.support.certificates import Certificates

HEIGHT, WIDTH = 240, 320
SHAPE = (HEIGHT, WIDTH, 3)
BITS = 8


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> ImageBGR:
    """Its number as eight bars of black and white on top, blue, green, red and grey squares below."""
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(BITS):
        image[: height // 2, bit * width // BITS : (bit + 1) * width // BITS] = 255 * (number >> bit & 1)
    for quarter, colour in enumerate(((200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128))):
        image[height // 2 :, quarter * width // 4 : (quarter + 1) * width // 4] = colour
    return image


def number_of(image_bgr: ImageBGR) -> int:
    """What `picture` was told, modulo 256."""
    height, width = image_bgr.shape[:2]
    bars = image_bgr[height // 8 : height // 3].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(BITS) if bars[(2 * bit + 1) * width // (2 * BITS)] > 128)


@dataclass
class Behaviour:
    """What the server does from now on; changed while it runs."""

    frames_per_second: float = 50.0
    height: int = HEIGHT
    width: int = WIDTH
    truncated_every: int = 0
    """Every so many frames end in their middle; 0: none."""
    told_length: bool = True
    user: str = ""
    password: str = ""
    status: int = 200
    silent: bool = False
    """Accepts, and never answers."""
    trickle: bool = False
    """A few bytes at a time, never a whole frame."""
    pages: dict[str, bytes] = field(default_factory=dict)
    """What it sends for these paths, in place of a stream."""
    kind: str = "multipart/x-mixed-replace; boundary=frame"
    go: threading.Event = field(default_factory=threading.Event)
    """Cleared: sends nothing more, and leaves the connection open."""
    cut: threading.Event = field(default_factory=threading.Event)
    """Set: ends each connection."""
    ended: threading.Event = field(default_factory=threading.Event)
    sent: int = 0


class _Camera(BaseHTTPRequestHandler):
    does: Behaviour

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        try:
            if not self._refused():
                self._stream()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass
        self.close_connection = True

    def _refused(self) -> bool:
        does = self.does
        if does.silent:
            while not does.ended.wait(0.05) and does.silent:
                pass
            return True
        wanted = "Basic " + base64.b64encode(f"{does.user}:{does.password}".encode()).decode()
        if does.user and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return True
        if does.status != 200:
            self.send_error(does.status)
            return True
        return False

    def _stream(self) -> None:
        page = self.does.pages.get(self.path)
        self.send_response(200)
        self.send_header("Content-Type", self.does.kind)
        if page is not None:
            self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if page is not None:
            self.wfile.write(page)
            return
        while not self.does.ended.wait(1 / self.does.frames_per_second) and not self.does.cut.is_set():
            if not self.does.go.is_set():
                continue
            self._send(self._part())
            self.does.sent += 1

    def _part(self) -> bytes:
        does = self.does
        content = encode_jpeg(picture(does.sent, does.height, does.width))
        if does.truncated_every and does.sent % does.truncated_every == does.truncated_every - 1:
            content = content[: len(content) // 2]
        length = f"Content-Length: {len(content)}\r\n" if does.told_length else ""
        return b"--frame\r\nContent-Type: image/jpeg\r\n" + f"{length}\r\n".encode() + content + b"\r\n"

    def _send(self, part: bytes) -> None:
        if not self.does.trickle:
            self.wfile.write(part)
            return
        for start in range(0, len(part) - 200, 5):
            self.wfile.write(part[start : start + 5])
            if self.does.ended.wait(0.05):
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, *_: Any) -> None:
        """A client that is killed is no error."""


@contextmanager
def http_camera(
    does: Behaviour | None = None, certificates: Certificates | None = None, port: int = 0
) -> Iterator[tuple[str, Behaviour]]:
    """Its address, and what it does."""
    does = does or Behaviour()
    does.go.set()
    server = _Server(("127.0.0.1", port), type("Camera", (_Camera,), {"does": does}))
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    scheme = "https" if certificates else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}/stream", does
    finally:
        does.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def film(path: Path, frames: int = 25, rate: int = 25, codec: Literal["mpeg4", "mjpeg"] = "mpeg4") -> Path:
    """A video file of numbered pictures; as mjpeg each of them stands for itself."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate, stream.gop_size = 4_000_000, 12
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="bgr24")))
        container.mux(stream.encode())
    return path


def album(folder: Path, frames: int = 10) -> Path:
    """A folder of numbered pictures."""
    folder.mkdir()
    for number in range(frames):
        cv2.imwrite(str(folder / f"{number:04}.png"), picture(number))
    return folder
