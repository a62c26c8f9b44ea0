"""The camera's shared memory: the newest frame, whole, to whoever reads; gone when its owner is."""

import os
import random
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
from lane.cameras.frame import Frame
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
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        assert reader.newest() is None
        assert [write(writer, sequence) for sequence in range(1, 8)] == list(range(1, 8))
        frame = newest(reader, after=2)
        assert (frame.sequence, frame.camera) == (7, feed)
        assert reader.newest(after=7) is None


def test_reader_owns_only_its_frame() -> None:
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        write(writer, 1)
        frame = newest(reader)
        for sequence in range(2, 9):
            write(writer, sequence)
        assert_whole(frame)
        with pytest.raises(TypeError):
            reader._memory.put(0, 0)


def test_oversized_frame_is_refused() -> None:
    with FeedWriter(name(), 64, 48) as writer, pytest.raises(CameraError, match="65×48 pixels"):
        writer.write(np.zeros((48, 65, 3), np.uint8), 0, 0)


def test_reader_always_sees_whole_frame() -> None:
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        seen: list[int] = []
        plain = writer._memory.put

        def look_then_put(value: int, word: int, slot: int | None = None) -> None:
            look()
            plain(value, word, slot)
            look()

        def look() -> None:
            if (frame := reader.newest()) is not None:
                assert_whole(frame)
                seen.append(frame.sequence)

        writer._memory.put = look_then_put  # type: ignore[method-assign]
        for sequence in range(1, 30):
            write(writer, sequence)
        assert seen == sorted(seen)
        assert set(seen) == set(range(1, 30))


@given(before=st.integers(1, 9), meanwhile=st.lists(st.integers(0, 9), max_size=4))
def test_concurrent_writes_yield_whole_frames(before: int, meanwhile: list[int]) -> None:
    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        for sequence in range(1, before + 1):
            write(writer, sequence)
        plain = reader._memory.pixels
        bursts = iter(meanwhile)

        def overtaken(slot: int, shape: tuple[int, int, int]) -> ImageBGR:
            """Half of the pixels from before the writer came, half from after."""
            found = plain(slot, shape).copy()
            for _ in range(next(bursts, 0)):
                write(writer, reader.sequence + 1)
            found[found.shape[0] // 2 :] = plain(slot, shape)[found.shape[0] // 2 :]
            return found

        reader._memory.pixels = overtaken  # type: ignore[method-assign]
        newest(reader)


def test_killed_writers_leave_only_whole_frames() -> None:
    with FeedWriter(feed := name(), 64, 48), FeedReader(feed) as reader:
        last = 0
        for _ in range(6):
            with running(WRITES, feed) as process:
                least = last + 300
                until(lambda least=least: reader.sequence >= least)  # type: ignore[misc]
                while last < least:
                    if (frame := reader.newest(last)) is not None:
                        assert_whole(frame)
                        last = frame.sequence
                process.send_signal(signal.SIGKILL)
                process.wait()
            if (frame := reader.newest(last)) is not None:
                assert_whole(frame)
                last = frame.sequence


def test_kill_inside_write_harms_no_frame() -> None:
    class KilledError(Exception):
        pass

    with FeedWriter(feed := name(), 64, 48) as writer, FeedReader(feed) as reader:
        for dies_at in range(20):
            write(writer, reader.sequence + 1)
            dying = AttachedWriter(feed)
            plain, steps = dying._memory.put, iter(range(100))

            def put(value: int, word: int, slot: int | None = None) -> None:
                if next(steps) == dies_at:  # noqa: B023
                    raise KilledError
                plain(value, word, slot)  # noqa: B023

            dying._memory.put = put  # type: ignore[method-assign]
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
        writer._memory.pixels(1, picture(1).shape)[3, 3, 1] += 1
        assert reader.newest() is None


def test_the_owner_removes_its_memory() -> None:
    with FeedWriter(feed := name(), 64, 48) as writer:
        assert there(feed)
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
        kill_with_all_helpers(feed)
        assert there(feed)
    with FeedWriter(taken, 8, 8) as writer, FeedWriter(held, 8, 8):
        assert writer.most_pixels == 64
        remove_left_over(prefix)
        assert not there(left)
        assert there(taken)
        assert there(held)


def kill_with_all_helpers(feed: str) -> None:
    with running(OWNS, feed) as owner:
        assert line_of(owner) == "there\n"
        for helper in children_of(owner.pid, "resource_tracker"):
            os.kill(helper, signal.SIGKILL)
        owner.kill()


def test_a_feed_has_one_owner() -> None:
    with FeedWriter(feed := name(), 64, 48), pytest.raises(CameraError, match="belongs to another process"):
        FeedWriter(feed, 64, 48)


@pytest.mark.parametrize("wrong", ["", "UPPER", "../etc", "a/b", ".hidden"])
def test_a_feeds_name_is_no_path(wrong: str) -> None:
    with pytest.raises(CameraError, match="name"):
        FeedWriter(wrong, 64, 48)


def test_too_little_memory_stops_start() -> None:
    code = """
import resource, sys
from lane.cameras import shared_memory_feed as feeds
from lane.platform.errors import CameraError
from lane.cameras.shared_memory_feed import FeedWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    FeedWriter(sys.argv[1], 640, 480)
except CameraError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, feed := name()], capture_output=True, text=True, check=True
    )
    assert "shared memory" in done.stdout
    assert not there(feed)
