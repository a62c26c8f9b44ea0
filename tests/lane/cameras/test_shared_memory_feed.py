"""The camera's shared memory: the newest frame, whole, to whoever reads; gone when its owner is."""

import os
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras import shared_memory_feed
from lane.cameras.frame import Frame, same_pixels
from lane.cameras.shared_memory_feed import AttachedWriter, FeedReader, FeedWriter, remove_left_over
from lane.platform.errors import CameraError
from models.values.face import ImageBGR
from tests.support.processes import children_of, line_of, running, until

SHAPES = ((48, 64), (64, 48), (5, 7), (1, 3072))
WRITES = (
    "from tests.lane.cameras.test_shared_memory_feed import write_for_ever; "
    "import sys; write_for_ever(sys.argv[1])"
)
OWNS = """
import sys, time
from lane.cameras.shared_memory_feed import FeedWriter
with FeedWriter(sys.argv[1], 64, 48):
    print("there", flush=True)
    time.sleep(600)
"""
STARVED = """
import resource, sys
from lane.cameras.shared_memory_feed import FeedWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    FeedWriter(sys.argv[1], 640, 480)
except Exception as error:
    print(type(error).__name__, error)
"""


def name() -> str:
    return f"test-feed-{os.getpid()}-{random.getrandbits(32):x}"


def picture(sequence: int) -> ImageBGR:
    """Every number has its own shape and colour, so that parts of two frames never pass for one."""
    return np.full((*SHAPES[sequence % len(SHAPES)], 3), sequence % 251, np.uint8)


def write(writer: AttachedWriter, sequence: int) -> int:
    return writer.write(picture(sequence), sequence * 1000, sequence)


def assert_whole(frame: Frame) -> None:
    assert np.array_equal(frame.image_bgr, picture(frame.sequence))
    assert round(frame.captured_monotonic_s * 1e9) == frame.sequence
    assert frame.captured_at.microsecond == frame.sequence % 1_000_000


def newest(reader: FeedReader, after: int = 0) -> Frame:
    frame = reader.newest(after)
    assert frame is not None
    assert_whole(frame)
    return frame


def write_for_ever(feed: str) -> None:
    writer, reader = AttachedWriter(feed), FeedReader(feed)
    while True:
        write(writer, reader.sequence + 1)


def there(feed: str) -> bool:
    return Path("/dev/shm", feed).exists()


def test_reader_gets_newest_frame_once() -> None:
    """It owns its frame, and nothing else."""
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        assert reader.newest() is None
        assert [write(writer, sequence) for sequence in range(1, 8)] == list(range(1, 8))
        frame = newest(reader, after=2)
        assert (frame.sequence, frame.camera) == (7, feed)
        assert reader.newest(after=7) is None
        for sequence in range(8, 16):
            write(writer, sequence)
        assert_whole(frame)
        with pytest.raises(TypeError):
            reader._put(0, 0)
        with pytest.raises(CameraError, match="65×48 pixels"):
            writer.write(np.zeros((48, 65, 3), np.uint8), 0, 0)


def test_reader_always_sees_whole_frame() -> None:
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        seen: list[int] = []
        plain = writer._put

        def look_then_put(value: int, word: int, slot: int | None = None) -> None:
            look()
            plain(value, word, slot)
            look()

        def look() -> None:
            if (frame := reader.newest()) is not None:
                assert_whole(frame)
                seen.append(frame.sequence)

        writer._put = look_then_put  # type: ignore[method-assign]
        for sequence in range(1, 30):
            write(writer, sequence)
        assert seen == sorted(seen)
        assert set(seen) == set(range(1, 30))


@given(before=st.integers(1, 9), meanwhile=st.lists(st.integers(0, 9), max_size=4))
def test_concurrent_writes_yield_whole_frames(before: int, meanwhile: list[int]) -> None:
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        for sequence in range(1, before + 1):
            write(writer, sequence)
        plain = reader._pixels
        bursts = iter(meanwhile)

        def overtaken(slot: int, shape: tuple[int, int, int]) -> ImageBGR:
            """Half of the pixels from before the writer came, half from after."""
            found = plain(slot, shape).copy()
            for _ in range(next(bursts, 0)):
                write(writer, reader.sequence + 1)
            found[found.shape[0] // 2 :] = plain(slot, shape)[found.shape[0] // 2 :]
            return found

        reader._pixels = overtaken  # type: ignore[method-assign]
        newest(reader)


def test_killed_writers_leave_only_whole_frames() -> None:
    with FeedWriter(feed := name(), 64, 48), FeedReader(feed) as reader:

        def look(last: int) -> int:
            if (frame := reader.newest(last)) is None:
                return last
            assert_whole(frame)
            return frame.sequence

        last = 0
        for _ in range(6):
            with running(WRITES, feed) as process:
                least = last + 300
                until(lambda least=least: reader.sequence >= least)  # type: ignore[misc]
                while last < least:
                    last = look(last)
                process.send_signal(signal.SIGKILL)
                process.wait()
            last = look(last)


def test_kill_inside_write_harms_no_frame() -> None:
    class KilledError(Exception):
        pass

    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        for dies_at in range(20):
            write(writer, reader.sequence + 1)
            dying = AttachedWriter(feed)
            plain, steps = dying._put, iter(range(100))

            def put(value: int, word: int, slot: int | None = None) -> None:
                if next(steps) == dies_at:  # noqa: B023
                    raise KilledError
                plain(value, word, slot)  # noqa: B023

            dying._put = put  # type: ignore[method-assign]
            with suppress(KilledError):
                write(dying, reader.sequence + 1)
            dying.close()
            newest(reader)


def test_unordered_writes_are_checked_by_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a processor may reorder writes, pixels are held against their sum."""
    monkeypatch.setattr(shared_memory_feed, "_ORDERED", False)
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        assert write(writer, 1) == 1
        newest(reader)
        writer._pixels(1, picture(1).shape)[3, 3, 1] += 1
        assert reader.newest() is None


def test_the_one_owner_removes_its_memory() -> None:
    with FeedWriter(feed := name(), 64, 48) as writer:
        assert there(feed)
        with pytest.raises(CameraError, match="belongs to another process"):
            FeedWriter(feed, 64, 48)
    assert not there(feed)
    writer.close()
    with pytest.raises(CameraError, match="does its lane run"):
        FeedReader(feed)


def test_users_leave_the_memory_in_place() -> None:
    with FeedWriter(feed := name(), 64, 48):
        with running(WRITES, feed) as process, FeedReader(feed) as reader:
            until(lambda: reader.sequence > 0)
            process.terminate()
            process.wait()
        assert there(feed)


def test_killed_owner_leaves_no_memory() -> None:
    with running(OWNS, feed := name()) as owner:
        assert line_of(owner) == "there\n"
        owner.kill()
        until(lambda: not there(feed))


def test_next_owner_removes_leftover_memory() -> None:
    """Left by an owner that was killed with all its helpers."""
    prefix = name()
    left, taken, held = f"{prefix}-left", f"{prefix}-taken", f"{prefix}-held"
    for feed in (left, taken):
        with running(OWNS, feed) as owner:
            assert line_of(owner) == "there\n"
            for helper in children_of(owner.pid, "resource_tracker"):
                os.kill(helper, signal.SIGKILL)
            owner.kill()
        assert there(feed)
    with FeedWriter(taken, 8, 8) as writer, FeedWriter(held, 8, 8):
        with pytest.raises(CameraError, match="9×8 pixels"):
            writer.write(np.zeros((8, 9, 3), np.uint8), 0, 0)
        remove_left_over(prefix)
        assert [there(feed) for feed in (left, taken, held)] == [False, True, True]


@pytest.mark.parametrize("wrong", ["", "UPPER", "../etc", "a/b", ".hidden"])
def test_a_feeds_name_is_no_path(wrong: str) -> None:
    with pytest.raises(CameraError, match="name"):
        FeedWriter(wrong, 64, 48)


def test_too_little_memory_stops_start() -> None:
    command = [sys.executable, "-c", STARVED, feed := name()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.match("CameraError .*shared memory", done.stdout)
    assert not there(feed)


@pytest.mark.parametrize("row", [0, 7, 8, 40, 59])
def test_one_changed_value_differs(row: int) -> None:
    one = np.random.default_rng(row).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    other = one.copy()
    assert same_pixels(one, other)
    other[row, 79, 2] ^= 1
    assert not same_pixels(one, other)


@pytest.mark.parametrize("shape", [(61, 80, 3), (60, 79, 3), (60, 80), (8, 80, 3), (0, 80, 3)])
def test_pictures_of_two_sizes_differ(shape: tuple[int, ...]) -> None:
    assert not same_pixels(np.zeros((60, 80, 3), np.uint8), np.zeros(shape, np.uint8))
