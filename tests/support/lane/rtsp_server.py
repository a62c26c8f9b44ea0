"""A real RTSP server, GStreamer's, where this machine has one; and a wire to it that can be cut and held."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.support.processes import ends_with_its_parent

PYTHON = "/usr/bin/python3"
"""The system's: GStreamer's bindings come with the system's packages."""
PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
_ELEMENTS = ("videotestsrc", "jpegenc", "rtpjpegpay", "x264enc", "rtph264pay")
_BINDINGS = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
"""
_LOOK = _BINDINGS + "sys.exit(not all(map(Gst.ElementFactory.find, sys.argv[1:])))"
_SERVE = (
    _BINDINGS
    + """
import threading
launch, method, user, password = sys.argv[1:]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(launch)
factory.set_shared(True)
server.get_mount_points().add_factory("/stream", factory)
if method:
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if method == "digest":
        auth.set_supported_methods(2)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("viewer")
    for what in ("access", "construct"):
        permissions.add_permission_for_role("viewer", "media.factory." + what, True)
    factory.set_permissions(permissions)
    server.set_auth(auth)
server.attach(None)
print(server.get_bound_port(), flush=True)
loop = GLib.MainLoop()
threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
loop.run()
"""
)
_PICTURE = "video/x-raw,format=I420,width=320,height=240,framerate=25/1"
H264 = (
    f"( videotestsrc is-live=true pattern=snow ! {_PICTURE} ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 ! rtph264pay name=pay0 pt=96 )"
)
JPEG = f"( videotestsrc is-live=true pattern=snow ! {_PICTURE} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"


@cache
def missing() -> str | None:
    """Why there is no server on this machine; None where there is one."""
    if not Path(PYTHON).exists():
        return f"no {PYTHON}"
    done = subprocess.run([PYTHON, "-c", _LOOK, *_ELEMENTS], capture_output=True, check=False, timeout=60)
    return f"no RTSP server of GStreamer's: apt-get install {PACKAGES}" if done.returncode else None


@contextmanager
def rtsp_server(launch: str, method: str = "", user: str = "", password: str = "") -> Iterator[int]:
    """Its port on 127.0.0.1; the stream is at /stream."""
    with subprocess.Popen(
        [PYTHON, "-c", _SERVE, launch, method, user, password],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=ends_with_its_parent,  # noqa: PLW1509
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


class Wire:
    """What goes to a port goes on to another; `go` cleared holds it, and `cut` ends what is open."""

    def __init__(self, port: int) -> None:
        self.go = threading.Event()
        self.go.set()
        self._to, self._ended = port, threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._ended.set()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError, ConnectionError):
                near, _ = self._listening.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            near.close()
            return
        self._open += [near, far]
        for pair in ((near, far), (far, near)):
            pump = threading.Thread(target=self._pump, args=pair)
            self._threads.append(pump)
            pump.start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        source.settimeout(0.05)
        with suppress(OSError):
            while not self._ended.is_set():
                if not self.go.wait(0.05):
                    continue
                with suppress(TimeoutError):
                    content = source.recv(1 << 16)
                    if not content:
                        break
                    target.sendall(content)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    try:
        yield wire
    finally:
        wire.close()
