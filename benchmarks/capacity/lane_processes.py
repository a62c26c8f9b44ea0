"""Lanes as processes of their own, started as they are needed and all ended together."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

STARTS_WITHIN_S = 120.0
"""All that a step needs, at once, on a machine that may have few cores for them."""
ANSWERS_WITHIN_S = 60.0
"""After its time is over."""
ENDS_WITHIN_S = 10.0


class LaneProcess:
    """One of them; see `benchmarks.capacity.lane_process`."""

    def __init__(self, film: Path, number: int, every_s: float, *, bf16: bool = False) -> None:
        self.number = number
        self.has_camera = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it is closed by `end`
        asked = (str(film), str(number), str(every_s), "bf16" if bf16 else "fp32")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.capacity.lane_process", *asked],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for who measures, who then ends the lanes
        )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def ask(self, line: str) -> None:
        """`answer` has what it says."""
        try:
            os.write(self._input, f"{line}\n".encode())
        except BrokenPipeError as error:
            raise self._ended() from error

    def answer(self, until_s: float) -> dict[str, Any]:
        """Of one question; BenchmarkError where it is wrong, comes later than this, or not at all."""
        came = b""
        while not came.endswith(b"\n"):
            poll = select.poll()
            poll.register(self._output, select.POLLIN)
            if not poll.poll(max(0.0, until_s - time.monotonic()) * 1000):
                raise BenchmarkError(f"lane {self.number} does not answer")
            if not (part := os.read(self._output, 1 << 16)):
                raise self._ended()
            came += part
        told: dict[str, Any] = json.loads(came)
        if "error" in told:
            raise BenchmarkError(f"lane {self.number}: {told['error']}")
        return told

    @property
    def _input(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _ended(self) -> BenchmarkError:
        code = self._process.wait(ENDS_WITHIN_S)
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-2000:].strip()
        return BenchmarkError(f"lane {self.number} ended by itself ({code}): {said or 'it said nothing'}")

    def tell_to_end(self) -> None:
        """`end` waits for it."""
        self._process.terminate()

    def end(self) -> None:
        """It is gone afterwards, and its camera's reader with it."""
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()


class Lanes:
    """As many as were ever needed; those that a step does without have no camera, and take no time."""

    def __init__(self, film: Path, every_s: float, *, bf16: bool = False) -> None:
        self._film, self._every_s, self._bf16 = film, every_s, bf16
        self._every: list[LaneProcess] = []

    def work(self, count: int, seconds: float) -> list[dict[str, Any]]:
        """What each of so many, at once, came to. Raises BenchmarkError for one that fails."""
        self._start(count)
        used, spare = self._every[:count], self._every[count:]
        _set_camera(used, wanted=True)
        _set_camera(spare, wanted=False)
        return _asked(used, f"work {seconds}", seconds + ANSWERS_WITHIN_S)

    def _start(self, count: int) -> None:
        new = range(len(self._every), count)
        for number in new:
            self._every.append(LaneProcess(self._film, number + 1, self._every_s, bf16=self._bf16))
        _answers([self._every[number] for number in new], STARTS_WITHIN_S)

    def end(self) -> None:
        """All of them."""
        for lane in self._every:
            lane.tell_to_end()
        for lane in self._every:
            lane.end()


def _set_camera(lanes: Sequence[LaneProcess], *, wanted: bool) -> None:
    changed = [lane for lane in lanes if lane.has_camera is not wanted]
    _asked(changed, "open" if wanted else "close", STARTS_WITHIN_S)
    for lane in changed:
        lane.has_camera = wanted


def _asked(lanes: Sequence[LaneProcess], line: str, within_s: float) -> list[dict[str, Any]]:
    for lane in lanes:
        lane.ask(line)
    return _answers(lanes, within_s)


def _answers(lanes: Sequence[LaneProcess], within_s: float) -> list[dict[str, Any]]:
    until_s = time.monotonic() + within_s
    return [lane.answer(until_s) for lane in lanes]


@contextmanager
def lanes(film: Path, every_s: float, *, bf16: bool = False) -> Iterator[Lanes]:
    """Lanes that see this film; to each a passenger comes every so many seconds. None is left afterwards."""
    made = Lanes(film, every_s, bf16=bf16)
    try:
        yield made
    finally:
        made.end()
