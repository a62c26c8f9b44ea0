"""A real RTSP server, GStreamer's, where this machine has one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
