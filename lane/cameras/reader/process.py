"""The process that reads one camera: `python -m lane.cameras.reader.process`, started by the watchdog.

The two lines of its input name the feed and the source. It writes `+` for each whole frame, `!` for a
spoilt one, `-` for one that was skipped, `.` for one that was left undecoded at rest, and at its end a word
of trouble. It ends when its input does, and is killed when its lane is. It loads no network.
"""

import ctypes
import errno
import os
import signal
import sys
import threading
from contextlib import suppress

import av
import av.logging

from lane.cameras.reader.decoding import MissedFrame
from lane.cameras.reader.kinds import read_frames
from lane.cameras.shared_memory_feed import AttachedWriter
from lane.cameras.source import Source, Trouble, TroubleError

_PARENT_DEATH_SIGNAL = 1  # prctl(2)

_BY_NUMBER = {
    errno.EBUSY: Trouble.BUSY,
    errno.ENOTTY: Trouble.NO_VIDEO,
    errno.EHOSTUNREACH: Trouble.UNREACHABLE,
    errno.ENETUNREACH: Trouble.UNREACHABLE,
    errno.EIO: Trouble.CUT,
}
_BY_KIND: tuple[tuple[type[Exception], Trouble], ...] = (
    (av.HTTPUnauthorizedError, Trouble.CREDENTIALS),
    (av.HTTPForbiddenError, Trouble.CREDENTIALS),
    (av.HTTPNotFoundError, Trouble.NOT_FOUND),
    (FileNotFoundError, Trouble.MISSING),
    (PermissionError, Trouble.FORBIDDEN),
    (ConnectionError, Trouble.UNREACHABLE),
    (TimeoutError, Trouble.UNREACHABLE),
    (av.EOFError, Trouble.CUT),
    (ValueError, Trouble.NO_VIDEO),  # av's for data or options that fit nothing
    (LookupError, Trouble.NO_VIDEO),  # av's for a decoder, option or format that it has not
)


def main() -> None:
    _end_with_the_lane(int(sys.argv[1]))
    av.logging.set_level(None)  # FFmpeg's own messages name addresses
    os.set_blocking(1, False)
    feed = sys.stdin.buffer.readline().decode().strip()
    source = Source.from_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    try:
        read(source, feed)
        trouble = Trouble.ENDED
    except Exception as error:  # noqa: BLE001  any message may hold the password: only a word leaves
        trouble = to_trouble(error)
    _write_line(f"trouble {trouble}")
    os._exit(0)  # what FFmpeg still holds ends with the process


def read(source: Source, feed: str) -> None:
    """Fill the feed. Returns where the source ends, and raises what `read_frames` raises."""
    with AttachedWriter(feed) as writer:
        for image in read_frames(source, lambda: writer.looked_at):
            if isinstance(image, MissedFrame):
                _write_line(image.value)
                continue
            writer.write(image.image_bgr, image.wall_ns, image.monotonic_ns)
            _write_line("+")


def _write_line(line: str) -> None:
    with suppress(BlockingIOError):  # nobody listens now: the feed is what counts
        os.write(1, f"{line}\n".encode())


def _end_with_the_lane(lane_pid: int) -> None:
    """Also where the lane is killed, and even where this process hangs or is stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != lane_pid:
        os._exit(0)


def _end_with_the_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def to_trouble(error: Exception) -> Trouble:
    """The word for it: the error's own message may hold the address and its password."""
    if isinstance(error, TroubleError):
        return error.trouble
    number = error.errno if isinstance(error, OSError) else None
    kinds = (trouble for kind, trouble in _BY_KIND if isinstance(error, kind))
    return _BY_NUMBER.get(number or 0) or next(kinds, Trouble.BROKEN)


if __name__ == "__main__":
    main()
