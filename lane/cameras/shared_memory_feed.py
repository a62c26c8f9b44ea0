"""One camera's newest frames in shared memory: one process writes, any number copy the newest by name.

Nobody waits for anybody and nothing queues. Each slot has a sequence lock, so that a reader never gets half
of one frame and half of another, also where the writer is killed in the middle of one.

The owner (`FeedWriter(name, …)`) removes the memory when it closes. Where it is killed, Python's resource
tracker, a process of its own, removes it once everybody who inherited it has ended; where that is killed as
well, the next owner of the name does.
"""

import fcntl
import mmap
import os
import platform
import re
import time
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Self

import numpy as np

from lane.cameras.frame import Frame
from lane.platform.errors import CameraError
from models.values.face import ImageBGR

MOST_PIXELS = 1 << 26
SLOTS = 4
"""A reader has the time of three frames to copy one before its slot is written again."""
TRIES = 16
_FOLDER = Path("/dev/shm")  # noqa: S108  where POSIX shared memory is on Linux
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,199}")
_MAGIC = 0x504C_4645_4544_3031
_PAGE = mmap.PAGESIZE
_PIXEL = np.dtype("V3")
"""Copied as one: a picture that is turned takes a fifth of the time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERED = platform.machine() in ("x86_64", "AMD64")
"""Whether this processor shows one core's writes to another in their order. If not, pixels are summed."""

# Words of 64 bits: of the feed, in its first page, and of each slot, in the page before its pixels.
_IS, _PIXELS, _NEWEST, _LOOKED_AT = range(4)
_LOCK, _SEQUENCE, _WALL_NS, _MONOTONIC_NS, _WIDTH, _HEIGHT, _SUM = range(7)


class _Memory:
    """The mapped segment. The words are read and written whole: they are aligned, and copied as one."""

    def __init__(self, name: str, *, writable: bool) -> None:
        try:
            self._file = os.open(_FOLDER / name, os.O_RDWR if writable else os.O_RDONLY)
        except OSError as error:
            raise CameraError(f"no camera feed {name} on this machine: does its lane run?") from error
        try:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(self._file, 0, access=access)
        except (OSError, ValueError) as error:
            os.close(self._file)
            raise CameraError(f"the camera feed {name} cannot be mapped: {error}") from error
        self._view = memoryview(self._map)
        self._words = self._view.cast("Q")
        self._stride = (len(self._map) - _PAGE) // SLOTS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._map.closed:
            self._words.release()
            self._view.release()
            self._map.close()
            os.close(self._file)

    def hold(self) -> None:
        """Be the one owner, as long as this process lives. Raises BlockingIOError where another one is."""
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _word(self, word: int, slot: int | None = None) -> int:
        return self._words[self._start(slot) // 8 + word]

    def _put(self, value: int, word: int, slot: int | None = None) -> None:
        self._words[self._start(slot) // 8 + word] = value

    def _pixels(self, slot: int, shape: tuple[int, int, int]) -> ImageBGR:
        """The slot's own, not a copy."""
        start, count = self._start(slot) + _PAGE, shape[0] * shape[1] * shape[2]
        return np.frombuffer(self._map, np.uint8, count, start).reshape(shape)

    def _start(self, slot: int | None) -> int:
        return 0 if slot is None else _PAGE + slot * self._stride


class AttachedWriter(_Memory):
    """Writes into memory that another process owns, one writer at a time; goes on after the last frame.

    Raises CameraError where there is no such feed.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, writable=True)

    def look_until(self, monotonic_ns: int) -> None:
        """Somebody looks at every frame until then, by `time.monotonic_ns()`."""
        self._put(monotonic_ns, _LOOKED_AT)

    @property
    def looked_at(self) -> bool:
        """Whether somebody looks at every frame now; if not, fewer will do."""
        return time.monotonic_ns() < self._word(_LOOKED_AT)

    def write(self, image_bgr: ImageBGR, wall_ns: int, monotonic_ns: int) -> int:
        """Show this H×W×3 uint8 frame, its pixels whole, from now on; returns its sequence number, from 1.

        It was captured `wall_ns` after 1970, at `monotonic_ns` of `time.monotonic_ns()`. Raises CameraError
        for a frame that has no room.
        """
        height, width = image_bgr.shape[:2]
        if not 0 < width * height <= self._word(_PIXELS):
            raise CameraError(
                f"the camera's picture has {width}×{height} pixels, more than there is room for"
            )
        sequence = self._word(_NEWEST) + 1
        slot = sequence % SLOTS
        odd = self._word(_LOCK, slot) | 1  # odd already where a writer was killed in here
        self._put(odd, _LOCK, slot)
        pixels = self._pixels(slot, (height, width, 3))
        np.copyto(pixels.view(_PIXEL), image_bgr.view(_PIXEL))
        words = (sequence, wall_ns, monotonic_ns, width, height, 0 if _ORDERED else zlib.crc32(pixels.data))
        for word, value in enumerate(words, start=_SEQUENCE):
            self._put(value, word, slot)
        self._put(odd + 1, _LOCK, slot)
        self._put(sequence, _NEWEST)
        return sequence


class FeedWriter(AttachedWriter):
    """Owns a feed's memory: for frames of up to width × height pixels, in any shape of so many.

    Raises CameraError where there is too little memory, or another process owns the name.
    """

    def __init__(self, name: str, width: int, height: int) -> None:
        if not _NAME.fullmatch(name) or not 0 < width * height <= MOST_PIXELS:
            raise CameraError(f"a camera feed has a name in small letters, and at most {MOST_PIXELS} pixels")
        self._segment: SharedMemory | None = _made(name, width * height)
        super().__init__(name)
        try:
            self.hold()
            # Take all the memory now: a writer that finds none later is killed (SIGBUS).
            os.posix_fallocate(self._file, 0, len(self._map))
        except OSError as error:
            self.close()
            needed_mb = _size(width * height) >> 20
            raise CameraError(f"no {needed_mb} MB of shared memory for the camera feed: {error}") from error
        self._put(width * height, _PIXELS)
        self._put(_MAGIC, _IS)

    def close(self) -> None:
        """Remove the memory's name: who has it mapped keeps what is there. Twice is no error."""
        super().close()
        if self._segment is not None:
            self._segment.close()
            self._segment.unlink()
            self._segment = None


class FeedReader(_Memory):
    """Copies the newest frame of a feed, which it cannot change.

    Raises CameraError where there is no such feed.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, writable=False)
        self._name = name
        if self._word(_IS) != _MAGIC:
            self.close()
            raise CameraError(f"{name} is no camera feed of this release")

    @property
    def sequence(self) -> int:
        """The number of the newest frame; 0 before the first."""
        return self._word(_NEWEST)

    @property
    def captured_monotonic_s(self) -> float | None:
        """When the newest frame was captured; None before the first."""
        sequence = self.sequence
        return self._word(_MONOTONIC_NS, sequence % SLOTS) / 1e9 if sequence else None

    def newest(self, after: int = 0) -> Frame | None:
        """The newest frame, as a copy; None where its number is not above `after`. Does not wait.

        How old it is, the caller's monotonic clock says: a camera that died leaves its last frame here.
        """
        for _ in range(TRIES):
            sequence = self.sequence
            if sequence <= after:
                return None
            if (frame := self._copied(sequence)) is not None:
                return frame
        return None

    def _copied(self, sequence: int) -> Frame | None:
        """None where the slot was written meanwhile."""
        slot = sequence % SLOTS
        lock = self._word(_LOCK, slot)
        written, wall_ns, monotonic_ns, width, height, summed = (
            self._word(word, slot) for word in range(_SEQUENCE, _SUM + 1)
        )
        if lock % 2 or written != sequence or not 0 < width * height <= self._word(_PIXELS):
            return None
        image_bgr = self._pixels(slot, (height, width, 3)).copy()
        if self._word(_LOCK, slot) != lock or not (_ORDERED or zlib.crc32(image_bgr.data) == summed):
            return None
        captured_at = _EPOCH + timedelta(microseconds=wall_ns // 1000)
        return Frame(self._name, sequence, captured_at, monotonic_ns / 1e9, image_bgr)


def _size(pixels: int) -> int:
    slot = _PAGE + -(-pixels * 3 // _PAGE) * _PAGE
    return _PAGE + SLOTS * slot


def _made(name: str, pixels: int) -> SharedMemory:
    """New memory under this name, also where a killed owner left some. Raises CameraError."""
    for _ in range(2):
        try:
            return SharedMemory(name, create=True, size=_size(pixels))
        except FileExistsError:
            _remove_left_over(name)
        except OSError as error:
            raise CameraError(f"no shared memory for the camera feed {name}: {error}") from error
    raise CameraError(f"the camera feed {name} belongs to another process")


def _remove_left_over(name: str) -> None:
    """Nobody holds what a killed owner left. Raises CameraError where somebody does."""
    with _Memory(name, writable=True) as left:
        try:
            left.hold()
        except BlockingIOError as error:
            raise CameraError(f"the camera feed {name} belongs to another process that runs") from error
        (_FOLDER / name).unlink(missing_ok=True)


def remove_left_over(prefix: str) -> None:
    """Remove feeds whose names start so and whose owners were killed."""
    for path in _FOLDER.glob(f"{prefix}*"):
        with suppress(CameraError):
            _remove_left_over(path.name)
