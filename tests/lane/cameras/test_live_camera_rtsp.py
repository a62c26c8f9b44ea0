"""RTSP cameras, with a real server (GStreamer's, where this machine has one) that is cut and stalled."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras.live_camera import RealCamera
from lane.cameras.reader.decoding import MOST_BEHIND_S, Lateness
from lane.cameras.source import Trouble, TroubleError
from lane.platform.errors import CameraError
from tests.lane.cameras.test_live_camera import assert_lost_then_found, camera, first
from tests.support.lane.faulty_network import Wire
from tests.support.processes import ends_with_its_parent, until

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
def _missing() -> str | None:
    """Why there is no server on this machine; None where there is one."""
    if not Path(PYTHON).exists():
        return f"no {PYTHON}"
    done = subprocess.run([PYTHON, "-c", _LOOK, *_ELEMENTS], capture_output=True, check=False, timeout=60)
    return f"no RTSP server of GStreamer's: apt-get install {PACKAGES}" if done.returncode else None


@contextmanager
def rtsp_server(launch: str, method: str = "", user: str = "", password: str = "") -> Iterator[int]:
    """Its port on 127.0.0.1; the stream is at /stream. Skips the test where this machine has no server."""
    if (reason := _missing()) is not None:
        pytest.skip(reason)
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


def at(port: int, path: str = "stream") -> str:
    return f"rtsp://127.0.0.1:{port}/{path}"


@contextmanager
def wired(**settings: Any) -> Iterator[tuple[RealCamera, Wire]]:
    with rtsp_server(H264) as port, Wire(port) as wire, camera(at(wire.port), **settings) as opened:
        yield opened, wire


@pytest.mark.parametrize(("launch", "transport"), [(H264, "tcp"), (H264, "udp"), (JPEG, "tcp")])
def test_a_camera_gives_its_newest_frames(launch: str, transport: str) -> None:
    with rtsp_server(launch) as port, camera(at(port), transport=transport) as opened:
        frames = list(islice(opened.frames(), 10))
    assert {frame.image_bgr.shape for frame in frames} == {(240, 320, 3)}
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    times = [frame.captured_monotonic_s for frame in frames]
    assert times == sorted(times)
    assert all(np.ptp(frame.image_bgr) > 100 for frame in frames)
    assert not np.array_equal(frames[0].image_bgr, frames[-1].image_bgr)


@pytest.mark.parametrize("method", ["basic", "digest"])
def test_password_is_asked_for_and_given(method: str) -> None:
    user, password = "li wei", "p@ss:/%?#"
    with rtsp_server(JPEG, method, user, password) as port:
        with camera(at(port), user=user, password=password) as opened:
            first(opened)
        with camera(at(port), user=user, password="another", wait_s=0.2) as opened:
            until(lambda: opened._watchdog.trouble is Trouble.CREDENTIALS)
            with pytest.raises(CameraError, match="user or password is refused") as caught:
                first(opened)
    assert "another" not in str(caught.value)


def test_missing_stream_is_told() -> None:
    with rtsp_server(JPEG) as port, camera(at(port, "another")) as opened:
        until(lambda: opened._watchdog.trouble is Trouble.NOT_FOUND)


def test_stalled_stream_is_lost_then_found() -> None:
    with wired(wait_s=1.5) as (opened, wire):

        def stall() -> None:
            wire.fault = "silent"

        assert_lost_then_found(opened, stall, wire.cut)


def test_cut_stream_is_found_again() -> None:
    with wired() as (opened, wire):
        before = first(opened)
        wire.cut()
        until(lambda: opened.counts.reconnects == 1)
        after = first(opened)
        assert after.sequence > before.sequence
        assert after.captured_monotonic_s > before.captured_monotonic_s


def test_restarted_server_is_found_again() -> None:
    with rtsp_server(JPEG) as port:
        wire = Wire(port)
    with wire, camera(at(wire.port)) as opened:
        until(lambda: opened._watchdog.trouble is not None)
        with rtsp_server(JPEG) as wire.to:
            until(lambda: opened.counts.frames > 0)


@given(way_s=st.floats(0, 1e5), late_s=st.floats(0, MOST_BEHIND_S * 0.9), frames=st.integers(2, 50))
def test_frame_lateness_is_measured(way_s: float, late_s: float, frames: int) -> None:
    """Frames of one camera come by the same way; then one is held up."""
    lateness = Lateness()
    for number in range(frames):
        at_s = number / 25
        assert lateness.measure(at_s, round((way_s + at_s) * 1e9)) <= 1e6
    at_s = frames / 25
    late_ns = lateness.measure(at_s, round((way_s + at_s + late_s) * 1e9))
    assert abs(late_ns / 1e9 - late_s) < 2e-3 * (late_s + 1)


def test_stream_too_far_behind_reopens() -> None:
    lateness = Lateness()
    late = (lateness.measure(number / 25, round(number / 24 * 1e9)) for number in range(1000))
    with pytest.raises(TroubleError, match="behind"):
        list(late)


@given(drift=st.floats(-2e-4, 2e-4))
def test_clock_drift_ages_no_frame(drift: float) -> None:
    lateness = Lateness()
    for number in range(0, 25 * 3600, 97):
        assert lateness.measure(number / 25, round(number / 25 * (1 + drift) * 1e9)) < 5e6
