"""Real cameras: the newest frame, or an error in a bounded time; what hangs is killed and opened again."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lane.cameras import live_camera
from lane.cameras.frame import Frame
from lane.cameras.health import CameraHealth
from lane.cameras.live_camera import AWAKE_S, RealCamera, Watchdog, probe
from lane.cameras.reader.decoding import CapturedImage, MissedFrame
from lane.cameras.reader.kinds import KINDS, read_frames
from lane.cameras.reader.process import to_trouble
from lane.cameras.settings import CameraSettings
from lane.cameras.shared_memory_feed import AttachedWriter, FeedReader
from lane.cameras.source import AtEnd, Kind, Source, Trouble
from lane.desk.port import LaneIdentity
from lane.desk.status_reporter import StatusReporter, WatchedCamera
from lane.document.simulated import SimulatedReader
from lane.platform.clock import SystemClock
from lane.platform.errors import CameraError, SettingsError
from lane.platform.process_supervisor import Backoff, Patience
from lane.service.run import WakingReader
from tests.support.certificates import made
from tests.support.lane.http_camera import SHAPE, Behaviour, album, film, http_camera, number_of, picture
from tests.support.lane.simulated_lane import SimulatedDesk
from tests.support.processes import children_of, command_of, line_of, running, until

HLS = "application/vnd.apple.mpegurl"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
READER = "lane.cameras.reader.process"
PATIENT: dict[str, Any] = {"open_s": 30.0, "wait_s": 30.0, "retry_s": 0.3}
"""No test's outcome hangs on how fast this machine is."""


@contextmanager
def camera(source: object, **settings: Any) -> Iterator[RealCamera]:
    awake_s = settings.pop("awake_s", AWAKE_S)
    chosen = CameraSettings(source=str(source), **(PATIENT | settings))
    with RealCamera(chosen, "lane-1", awake_s) as opened:
        yield opened


def first(opened: RealCamera) -> Frame:
    return next(iter(opened.frames()))


def signal_reader(opened: RealCamera, number: int) -> int:
    """Send this to the reader's process, once a frame has come; returns its pid."""
    first(opened)
    pid = opened._watchdog.supervisor.pid
    assert pid is not None
    os.kill(pid, number)
    return pid


def test_http_stream_gives_newest_frames() -> None:
    """Here and in other processes; once it is closed, no process and no memory is left."""
    with http_camera() as (address, _), camera(address) as opened, FeedReader(opened.feed) as beside:
        frames = list(islice(opened.frames(), 10))
        seen_beside = beside.newest()
        assert children_of(os.getpid(), READER)
    assert not children_of(os.getpid(), READER)
    assert not Path("/dev/shm", opened.feed).exists()
    opened.close()
    assert seen_beside is not None
    assert seen_beside.image_bgr.shape == SHAPE, "other processes see the same frames"
    assert {frame.camera for frame in frames} == {"camera"}
    assert {frame.image_bgr.shape for frame in frames} == {SHAPE}
    numbers = [number_of(frame.image_bgr) for frame in frames]
    assert numbers == sorted(numbers)
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    for frame in frames:
        assert 0 <= time.monotonic() - frame.captured_monotonic_s < 60
        assert abs(time.time() - frame.captured_at.timestamp()) < 60


def test_colours_are_kept_and_stream_goes_on_at_new_size() -> None:
    with http_camera() as (address, does), camera(address) as opened:
        seen = first(opened).image_bgr
        does.height, does.width = 120, 200
        assert (120, 200, 3) in (frame.image_bgr.shape for frame in opened.frames())
        assert opened.counts.reconnects == 0
    assert seen.shape == SHAPE
    wanted, inside = picture(number_of(seen)), np.s_[150:210, 20:60]
    assert np.abs(seen[inside].astype(int) - wanted[inside].astype(int)).max() <= 4


def test_unread_frames_are_skipped_and_counted() -> None:
    with http_camera(Behaviour(frames_per_second=100)) as (address, _), camera(address) as opened:
        frames = opened.frames()
        before = next(frames)
        until(lambda: opened.counts.frames >= before.sequence + 20)
        after = next(frames)
        assert after.sequence >= before.sequence + 20
        assert opened.missed == after.sequence - before.sequence - 1


def test_spoilt_picture_is_skipped_and_counted() -> None:
    for told_length in (True, False):
        does = Behaviour(truncated_every=4, told_length=told_length)
        with http_camera(does) as (address, _), camera(address) as opened:
            for frame in opened.frames():
                assert number_of(frame.image_bgr) % 4 != 3
                assert np.abs(frame.image_bgr[-20:, -20:].astype(int) - 128).max() < 8
                if opened.counts.spoilt >= 3:
                    break


@pytest.mark.parametrize("told_at_once", [True, False])
def test_pictures_with_excess_pixels_are_refused(told_at_once: bool) -> None:
    does = Behaviour()
    if told_at_once:
        does.height, does.width = 600, 800
    with http_camera(does) as (address, _), camera(address, max_pixels=SHAPE[0] * SHAPE[1]) as opened:
        if not told_at_once:
            assert first(opened).image_bgr.shape == SHAPE
            does.height, does.width = 600, 800
        until(lambda: opened.status().health is not CameraHealth.GOOD)
        assert all(frame.image_bgr.shape == SHAPE for frame in until_lost(opened))


def until_lost(opened: RealCamera) -> Iterator[Frame]:
    """What still comes, until the camera is lost."""
    object.__setattr__(opened._settings, "wait_s", 0.5)
    with pytest.raises(CameraError):
        yield from opened.frames()


def assert_lost_then_found(
    opened: RealCamera, stall: Callable[[], object], mend: Callable[[], object]
) -> None:
    """Where the stream stalls the camera is lost in a bounded time; mended, it is found by itself."""
    until(lambda: opened.counts.frames > 0)
    reader = opened._watchdog.supervisor.pid
    stall()
    began_s = time.monotonic()
    with pytest.raises(CameraError, match="no whole frame in time"):
        list(opened.frames())
    assert time.monotonic() - began_s < 30
    until(lambda: opened.status().health is CameraHealth.LOST)
    assert opened._watchdog.supervisor.last.hung
    mend()
    until(lambda: opened.status().health is CameraHealth.GOOD)
    assert reader is not None
    assert READER not in command_of(reader)


def test_stalled_stream_is_lost_then_found() -> None:
    with http_camera() as (address, does), camera(address, wait_s=1.5) as opened:
        assert_lost_then_found(opened, does.go.clear, does.go.set)
        assert time.monotonic() - first(opened).captured_monotonic_s < 1
        assert opened.counts.reconnects == 1


def test_late_camera_is_found() -> None:
    with http_camera() as (address, _):
        port = int(address.split(":")[2].split("/")[0])
    with camera(address, wait_s=0.5) as opened:
        until(lambda: opened._watchdog.trouble is Trouble.UNREACHABLE)
        with pytest.raises(CameraError, match="nobody answers there"):
            first(opened)
        with http_camera(port=port):
            until(lambda: opened.counts.frames > 0)


NO_STREAM = Behaviour(kind="text/html", pages={"/stream": b"<!doctype html><p>No stream"})


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        (Behaviour(status=404), Trouble.NOT_FOUND),
        (Behaviour(status=403), Trouble.CREDENTIALS),
        (Behaviour(status=500), Trouble.BROKEN),
        (Behaviour(user="li", password="x"), Trouble.CREDENTIALS),
        (NO_STREAM, Trouble.NO_VIDEO),
        ("/nowhere/film.mp4", Trouble.MISSING),
        ("/dev/video99", Trouble.MISSING),
        ("/nowhere", Trouble.MISSING),
        ("/dev/null", Trouble.NO_VIDEO),
    ],
)
def test_trouble_is_told_with_advice(source: str | Behaviour, trouble: Trouble) -> None:
    with ExitStack() as stack:
        if isinstance(source, Behaviour):
            source, _ = stack.enter_context(http_camera(source))
        opened = stack.enter_context(camera(source, wait_s=0.2))
        until(lambda: opened._watchdog.trouble is trouble)
        with pytest.raises(CameraError, match=re.escape(trouble.advice)):
            first(opened)


def test_segmented_stream_is_refused(tmp_path: Path) -> None:
    """It comes late; and it makes the lane read none of its own files."""
    own = film(tmp_path / "film.ts")
    segments = {"/film.ts": own.read_bytes(), "/stream": PLAYLIST.format("film.ts").encode()}
    with http_camera(Behaviour(kind=HLS, pages=segments)) as (address, _), camera(address) as opened:
        until(lambda: opened._watchdog.trouble is Trouble.SEGMENTED)
    pages = {"/stream": PLAYLIST.format(f"file://{own}").encode()}
    with http_camera(Behaviour(kind=HLS, pages=pages)) as (address, _), camera(address) as opened:
        until(lambda: opened._watchdog.trouble is not None)
        assert opened.counts.frames == 0


@pytest.mark.parametrize("does", [Behaviour(silent=True), Behaviour(trickle=True)])
def test_server_without_whole_frame_is_retried(does: Behaviour) -> None:
    with http_camera(does) as (address, _), camera(address, open_s=1.0, wait_s=0.3) as opened:
        until(lambda: opened._watchdog.supervisor.starts >= 3)
        with pytest.raises(CameraError, match="no whole frame"):
            first(opened)
        does.silent = does.trickle = False
        object.__setattr__(opened._watchdog.supervisor.patience, "first_s", 30.0)
        until(lambda: opened.counts.frames > 0)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_hung_reader_is_killed_and_restarted(sent: signal.Signals) -> None:
    """Likewise one that somebody else killed."""
    with http_camera() as (address, _), camera(address) as opened:
        before = first(opened)
        pid = signal_reader(opened, sent)
        until(lambda: opened.counts.reconnects == 1)
        assert READER not in command_of(pid)
        assert opened._watchdog.supervisor.last.hung is (sent is signal.SIGSTOP)
        assert first(opened).sequence > before.sequence


def test_lagging_reader_skips_to_newest() -> None:
    fast = Behaviour(frames_per_second=200)
    with http_camera(fast) as (address, does), camera(address, stall_s=30.0) as opened:
        pid = signal_reader(opened, signal.SIGSTOP)
        sent = does.sent
        until(lambda: does.sent > sent + 60)
        os.kill(pid, signal.SIGCONT)
        until(lambda: opened.counts.skipped > 20)
        until(lambda: (does.sent - number_of(first(opened).image_bgr)) % 256 < 30)


def test_resting_camera_wakes_for_a_document() -> None:
    """The first frame of a capture is not one of those few: the time to the next would be no camera's."""
    with http_camera() as (address, does), camera(address, awake_s=1.0, stall_s=30.0) as opened:
        first(opened)
        time.sleep(1.5)

        def share(seconds: float) -> float:
            before = opened.counts.frames, does.sent
            time.sleep(seconds)
            return (opened.counts.frames - before[0]) / (does.sent - before[1])

        assert share(3) < 0.2
        assert opened.status().health is CameraHealth.GOOD
        with AttachedWriter(opened.feed) as feed:
            before = feed.looked_at
            WakingReader(SimulatedReader(iter(())), opened).read()
            assert (before, feed.looked_at) == (False, True)
        assert share(0.8) > 0.4
        until(lambda: share(0.5) < 0.2)
        rested = opened._frames.sequence
        seen = list(islice(opened.frames(), 20))
        assert seen[0].sequence > rested
        assert 1 <= (number_of(seen[1].image_bgr) - number_of(seen[0].image_bgr)) % 256 <= 10


@pytest.mark.parametrize(
    ("what", "others"),
    [("mjpeg", MissedFrame.UNREAD), ("mpeg4", MissedFrame.UNSHOWN), ("album", MissedFrame.UNREAD)],
)
def test_resting_film_keeps_its_pace(tmp_path: Path, what: Any, others: MissedFrame) -> None:
    path = album(tmp_path / "album") if what == "album" else film(tmp_path / "film.mkv", 10, codec=what)
    source = Source(str(path), at_end=AtEnd.LOOP, frames_per_second=25, rest_s=0.25)
    began_s = time.monotonic()
    came = list(islice(read_frames(source, lambda: False), 50))
    lasted_s = time.monotonic() - began_s
    made = {at: shot for at, shot in enumerate(came) if isinstance(shot, CapturedImage)}
    assert {one for one in came if not isinstance(one, CapturedImage)} == {others}
    assert 2 <= len(made) <= lasted_s / 0.25 + 1
    for at, shot in made.items():
        due_s = at / 25 - 0.01
        assert shot.monotonic_ns / 1e9 - began_s >= due_s, "none before its time, in the next loop too"


SPEAKS = """
import sys, time
print("+", flush=True)
for _ in range(20):
    time.sleep(0.1)
    print(".", flush=True)
time.sleep(600)
"""
"""A reader that gives one whole frame, leaves the others undecoded for two seconds, and then hangs."""


def test_unread_frames_are_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence after them is noticed as soon as ever."""
    monkeypatch.setattr(live_camera, "_COMMAND", (sys.executable, "-c", SPEAKS))
    watchdog = Watchdog(Source("film.mkv"), "no-feed", Patience(60.0, 1.0, 5.0), 0.3)
    try:
        assert watchdog.wait(lambda: watchdog.counts.frames == 1, 60.0)
        began_s = time.monotonic()
        assert watchdog.wait(lambda: watchdog.trouble is Trouble.STALLED, 60.0)
        assert time.monotonic() - began_s > 2.0
    finally:
        watchdog.supervisor.close()


def test_supervisor_sees_camera_between_captures() -> None:
    clock = SystemClock()
    status_reporter = StatusReporter(SimulatedDesk("lane-1"), LaneIdentity("1", "cpu", "sface", "1"), clock)
    with http_camera() as (address, does), camera(address) as opened:
        WatchedCamera(opened, status_reporter, clock)
        assert status_reporter.status().camera.health is CameraHealth.UNKNOWN
        until(lambda: status_reporter.status().camera.health is CameraHealth.GOOD)
        assert status_reporter.status().camera.frame_age_ms is not None
        does.cut.set()
        until(lambda: status_reporter.status().camera.health is CameraHealth.LOST)
        does.cut.clear()
        until(lambda: status_reporter.status().camera.health is CameraHealth.GOOD)
        counts = status_reporter.status().camera.counts
        assert counts is not None
        assert (counts.frames > 0, counts.reconnects) == (True, 1)
    assert status_reporter.status().camera.health is CameraHealth.UNKNOWN


def test_check_tells_picture_or_advice() -> None:
    with http_camera(Behaviour(frames_per_second=20)) as (address, does):
        (found,) = probe(CameraSettings(source=address, **PATIENT))
        assert found.ok
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+: 320×240, \d+ frames a second", found.said)
        does.status = 404
        (found,) = probe(CameraSettings(source=address, **PATIENT))
        assert not found.ok
        assert "look at the path in camera.source" in found.said
        does.status, does.silent = 200, True
        (found,) = probe(CameraSettings(source=address, open_s=0.5))
        assert not found.ok
        does.silent = False
    (found,) = probe(CameraSettings())
    assert not found.ok
    with pytest.raises(SettingsError, match="name the camera"):
        RealCamera(CameraSettings(), "lane-1")


LANE = """
import sys, time
from lane.cameras.live_camera import RealCamera
from lane.cameras.settings import CameraSettings
settings = CameraSettings(source=sys.argv[1], open_s=30.0, wait_s=30.0)
try:
    with RealCamera(settings, "lane-of-tests") as opened:
        for frame in opened.frames():
            print(opened._watchdog.supervisor.pid, opened.feed, flush=True)
            break
        time.sleep(600)
except KeyboardInterrupt:
    print("ended", flush=True)
"""


@contextmanager
def lane(address: str) -> Iterator[tuple["subprocess.Popen[str]", int, Path]]:
    """A lane's process, the pid of its reader, and the file of its feed."""
    with running(LANE, address) as process:
        reader, feed = line_of(process).split()
        yield process, int(reader), Path("/dev/shm", feed)


@pytest.mark.parametrize("hangs", [False, True])
def test_killed_lane_leaves_no_residue(hangs: bool) -> None:
    with http_camera() as (address, _), lane(address) as (process, reader, feed):
        assert READER in command_of(reader)
        assert feed.exists()
        if hangs:
            os.kill(reader, signal.SIGSTOP)
        process.kill()
        until(lambda: READER not in command_of(reader))
        until(lambda: not feed.exists())


def test_ctrl_c_ends_reader_cleanly() -> None:
    with http_camera() as (address, _), lane(address) as (process, reader, feed):
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert output == "ended\n"
        assert READER not in command_of(reader)
        assert not feed.exists()


PASSWORD = "p@ss:wörd/%?#"


def test_password_opens_stream_and_stays_secret(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader gets no other secret either, and loads no network."""
    monkeypatch.setenv("PASSENGER_LANE_TOKEN", "very-secret-token")
    caplog.set_level(logging.DEBUG)
    secret: dict[str, Any] = {"user": "li wei", "password": PASSWORD}
    with http_camera(Behaviour(**secret)) as (address, does), camera(address, **secret) as opened:
        first(opened)
        pid = opened._watchdog.supervisor.pid
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert PASSWORD.encode() not in shown
        assert b"very-secret" not in shown
        assert "onnxruntime" not in Path(f"/proc/{pid}/maps").read_text()
        assert PASSWORD not in repr(opened._settings) + repr(opened._source)
        does.password = "another"
        does.cut.set()
        until(lambda: opened._watchdog.trouble is not None)
        does.cut.clear()
        until(lambda: opened._watchdog.trouble is Trouble.CREDENTIALS)
        object.__setattr__(opened._settings, "wait_s", 0.2)
        with pytest.raises(CameraError) as caught:
            list(opened.frames())
    status = caplog.text + "".join(capfd.readouterr()) + str(caught.value)
    assert "user or password is refused" in status
    assert "p@ss" not in status
    assert "p%40ss" not in status
    assert "/stream" not in status


def test_https_camera_needs_trusted_authority(tmp_path: Path) -> None:
    certificates = made(tmp_path)
    with http_camera(certificates=certificates) as (address, _):
        with camera(address, authorities=certificates.authority) as opened:
            first(opened)
        with camera(address, wait_s=0.2) as opened:
            until(lambda: opened._watchdog.trouble is not None)
            assert opened.counts.frames == 0


def assert_paced(frames: list[Frame], rate: float, last: int) -> None:
    """Recorded pictures come no faster than so many a second, up to the one of this number."""
    numbers = [number_of(frame.image_bgr) for frame in frames]
    took_s = frames[-1].captured_monotonic_s - frames[0].captured_monotonic_s
    assert numbers[-1] == last
    assert took_s >= (numbers[-1] - numbers[0]) / rate - 0.1


def test_film_runs_at_own_speed(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", frames=20, rate=20)
    with camera(path, at_end=AtEnd.END) as opened:
        frames = list(opened.frames())
        assert len(list(opened.frames())) <= 1  # the last one, as long as it is fresh
    assert_paced(frames, 20, last=19)
    with camera(path) as opened, pytest.raises(CameraError, match="it has ended"):
        list(opened.frames())
    with camera(path, at_end=AtEnd.LOOP) as opened:
        numbers = [number_of(frame.image_bgr) for frame in islice(opened.frames(), 30)]
        assert numbers != sorted(numbers)
        assert opened.counts.reconnects == 0


def test_dependent_pictures_are_spoilt_too(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", frames=24, rate=12)
    with av.open(str(path)) as container:
        packets = [(one.pos or 0, one.size, one.is_keyframe) for one in container.demux(video=0) if one.size]
    keys = [number for number, (_, _, is_key) in enumerate(packets) if is_key]
    assert keys == [0, 12]
    start, size, _ = packets[4]
    content = bytearray(path.read_bytes())
    content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    with camera(path, at_end=AtEnd.END) as opened:
        numbers = {number_of(frame.image_bgr) for frame in opened.frames()}
        assert not numbers & set(range(4, 12))
        assert numbers & set(range(12, 24))
        assert opened.counts.spoilt >= 8


def test_only_old_frames_give_none() -> None:
    ended = threading.Event()

    def fill(writer: AttachedWriter) -> None:
        while not ended.wait(0.001):
            writer.write(picture(1), time.time_ns(), time.monotonic_ns() - 10_000_000_000)

    with http_camera(Behaviour(silent=True)) as (address, does), camera(address, wait_s=0.5) as opened:
        with AttachedWriter(opened.feed) as writer:
            thread = threading.Thread(target=fill, args=[writer])
            thread.start()
            with pytest.raises(CameraError):
                first(opened)
            ended.set()
            thread.join()
        does.silent = False


def test_folder_camera_keeps_set_pace(tmp_path: Path) -> None:
    folder = album(tmp_path / "album", 12)
    (folder / "0005.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not one either")
    with camera(folder, frames_per_second=20, at_end=AtEnd.END) as opened:
        frames = list(opened.frames())
        assert opened.counts.spoilt == 1
    assert 5 not in [number_of(frame.image_bgr) for frame in frames]
    assert_paced(frames, 20, last=11)


@pytest.mark.parametrize(
    ("turned", "mirror"), [(0, False), (90, False), (180, False), (270, False), (0, True), (90, True)]
)
def test_sideways_camera_gives_upright_pictures(tmp_path: Path, turned: int, mirror: bool) -> None:
    upright = picture(0b10110010)
    seen = upright[:, ::-1] if mirror else upright
    seen = np.ascontiguousarray(np.rot90(seen, turned // 90))
    (tmp_path / "album").mkdir()
    cv2.imwrite(str(tmp_path / "album" / "0.png"), seen)
    with camera(tmp_path / "album", at_end="loop", rotate_deg=turned, mirror=mirror) as opened:
        assert np.array_equal(first(opened).image_bgr, upright)


def test_file_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "film.mp4")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nfilm.mp4\n#EXT-X-ENDLIST\n")
    for address in ("concat:film.mp4|film.mp4", "pipe:0", str(playlist)):
        source = Source(address)
        how = KINDS[source.kind].opening(source)
        assert how.address.startswith("file:/")
        assert how.options["protocol_whitelist"] == "file"


def test_usb_camera_gets_the_sites_settings() -> None:
    wanted: dict[str, Any] = {"size": "1280x720", "frames_per_second": 30, "pixel_format": "mjpeg"}
    how = KINDS[Kind.USB].opening(CameraSettings(source="/dev/video2", **wanted).to_source())
    assert (how.address, how.format) == ("/dev/video2", "v4l2")
    asked = {"framerate": "30", "video_size": "1280x720", "input_format": "mjpeg"}
    assert how.options == asked | {"max_pixels": str(1920 * 1080)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source": "rtsp://li:secret-word@10.0.0.7/stream"}, "not in the URL"),
        ({"source": "ftp://10.0.0.7/film"}, "URL with"),
        ({"source": "http:///stream"}, "URL with"),
        ({"source": "x", "user": "li"}, "go together"),
        ({"source": "x", "size": "large"}, "size"),
        ({"source": "x", "rotate_deg": 45}, "rotate_deg"),
        ({"source": "x", "frames_per_second": 0.5}, "longer than the time"),
        ({"sauce": "x"}, "sauce"),
    ],
)
def test_senseless_settings_are_refused_without_secret(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        CameraSettings(**wrong)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/dev/video0", Kind.USB),
        ("/dev/v4l/by-id/usb-camera", Kind.USB),
        ("rtsp://a/b", Kind.RTSP),
        ("rtsps://a/b", Kind.RTSP),
        ("http://a/b", Kind.HTTP),
        ("https://a/b", Kind.HTTP),
        ("film.mp4", Kind.FILE),
        ("/", Kind.FOLDER),
    ],
)
def test_address_tells_source_kind(address: str, kind: Kind) -> None:
    assert Source(address).kind is kind
    assert set(KINDS) == set(Kind), "each kind is read"


def test_words_to_and_from_the_reader_are_whole() -> None:
    """A source reaches it unchanged; what it reports has advice, and nothing of what an error said."""
    assert all(trouble.advice for trouble in Trouble)
    assert to_trouble(Exception("http://li:secret@a/b")) is Trouble.BROKEN
    source = Source("rtsp://a/b", "li", "x", at_end=AtEnd.LOOP, rotate_deg=90, frames_per_second=12.5)
    assert Source.from_json(source.to_json()) == source


@given(longest_s=st.floats(0.2, 300), tries=st.integers(1, 2000))
def test_waits_grow_and_stay_bounded(longest_s: float, tries: int) -> None:
    backoff = Backoff(longest_s)
    waits = [backoff.next_s() for _ in range(tries)]
    assert all(0 < wait <= longest_s for wait in waits)
    assert waits[0] <= backoff.shortest_s
    if tries > 20:
        assert min(waits[20:]) >= longest_s / 2
    backoff.reset()
    assert backoff.next_s() <= backoff.shortest_s
