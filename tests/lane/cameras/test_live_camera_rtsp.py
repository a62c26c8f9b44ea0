"""RTSP cameras, with a real server that is cut and stalled on purpose."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras.health import CameraHealth
from lane.cameras.live_camera import RealCamera
from lane.cameras.reader.decoding import MOST_BEHIND_S, Lateness
from lane.cameras.settings import CameraSettings
from lane.cameras.trouble import Trouble, TroubleError
from lane.platform.errors import CameraError
from tests.lane.cameras.test_live_camera import PATIENT, first
from tests.support.lane.faulty_network import Wire
from tests.support.lane.rtsp_server import H264, JPEG, missing, rtsp_server
from tests.support.processes import until


@pytest.fixture
def real() -> None:
    """A server, or the reason why there is none."""
    if (reason := missing()) is not None:
        pytest.skip(reason)


@contextmanager
def camera(port: int, path: str = "stream", **settings: Any) -> Iterator[RealCamera]:
    chosen = CameraSettings(source=f"rtsp://127.0.0.1:{port}/{path}", **(PATIENT | settings))
    with RealCamera(chosen, "lane-1") as opened:
        yield opened


@contextmanager
def wired(**settings: Any) -> Iterator[tuple[RealCamera, Wire]]:
    with rtsp_server(H264) as port, Wire(port) as wire, camera(wire.port, **settings) as opened:
        yield opened, wire


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize(("launch", "transport"), [(H264, "tcp"), (H264, "udp"), (JPEG, "tcp")])
def test_a_camera_gives_its_newest_frames(launch: str, transport: str) -> None:
    with rtsp_server(launch) as port, camera(port, transport=transport) as opened:
        frames = list(islice(opened.frames(), 10))
    assert {frame.image_bgr.shape for frame in frames} == {(240, 320, 3)}
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    times = [frame.captured_monotonic_s for frame in frames]
    assert times == sorted(times)
    assert all(np.ptp(frame.image_bgr) > 100 for frame in frames)
    assert not np.array_equal(frames[0].image_bgr, frames[-1].image_bgr)


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize("method", ["basic", "digest"])
def test_password_is_asked_for_and_given(method: str) -> None:
    user, password = "li wei", "p@ss:/%?#"
    with rtsp_server(JPEG, method, user, password) as port:
        with camera(port, user=user, password=password) as opened:
            first(opened)
        with camera(port, user=user, password="another", wait_s=0.2) as opened:
            until(lambda: opened._watchdog.trouble is Trouble.CREDENTIALS)
            with pytest.raises(CameraError, match="user or password is refused") as caught:
                first(opened)
    assert "another" not in str(caught.value)


@pytest.mark.usefixtures("real")
def test_missing_stream_is_told() -> None:
    with rtsp_server(JPEG) as port, camera(port, "another") as opened:
        until(lambda: opened._watchdog.trouble is Trouble.NOT_FOUND)


@pytest.mark.usefixtures("real")
def test_stalled_stream_is_lost_then_found() -> None:
    with wired(wait_s=1.5) as (opened, wire):
        until(lambda: opened.counts.frames > 0)
        wire.fault = "silent"
        began_s = time.monotonic()
        with pytest.raises(CameraError, match="no whole frame in time"):
            list(opened.frames())
        assert time.monotonic() - began_s < 30
        until(lambda: opened.status().health is CameraHealth.LOST)
        wire.cut()
        until(lambda: opened.status().health is CameraHealth.GOOD)
        assert opened._watchdog.stalls >= 1


@pytest.mark.usefixtures("real")
def test_cut_stream_is_found_again() -> None:
    with wired() as (opened, wire):
        before = first(opened)
        wire.cut()
        until(lambda: opened.counts.reconnects == 1)
        after = first(opened)
        assert after.sequence > before.sequence
        assert after.captured_monotonic_s > before.captured_monotonic_s


@pytest.mark.usefixtures("real")
def test_restarted_server_is_found_again() -> None:
    with rtsp_server(JPEG) as port:
        wire = Wire(port)
    with wire, camera(wire.port) as opened:
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
