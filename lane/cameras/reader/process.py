"""The process that reads one camera: `python -m lane.cameras.reader.process`, started by the watchdog.

Its input tells in two lines into which feed it writes, and what it reads. It says `+` for each whole
frame, `!` for one that was spoilt, `-` for one that was skipped, `.` for one that was left undecoded since
nobody looks, and at its end a word of trouble. It ends when its input does, and is killed when its lane is.
It loads no network.
"""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

import av.logging

from lane.cameras.reader.decoding import Missed
from lane.cameras.reader.kinds import shots
from lane.cameras.reader.opening import trouble_of
from lane.cameras.shared_memory_feed import AttachedWriter
from lane.cameras.source import Source
from lane.cameras.trouble import Trouble

_PARENT_DEATH_SIGNAL = 1  # prctl(2)


def main() -> None:
    """Read until the camera, the lane or this process ends."""
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
        trouble = trouble_of(error)
    _say(f"trouble {trouble}")
    os._exit(0)  # what FFmpeg still holds ends with the process


def read(source: Source, feed: str) -> None:
    """Fill the feed. Returns where the source ends, and raises what `shots` raises."""
    with AttachedWriter(feed) as writer:
        for shot in shots(source, lambda: writer.looked_at):
            if isinstance(shot, Missed):
                _say(shot.value)
                continue
            writer.write(shot.image_bgr, shot.wall_ns, shot.monotonic_ns)
            _say("+")


def _say(line: str) -> None:
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


if __name__ == "__main__":
    main()
