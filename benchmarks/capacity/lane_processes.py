"""Lanes as a site runs them, at one desk: started together, given passengers, all ended together.

Each is a supervisor, a lane, its camera's reader and the kiosk; the traveller's screen is open beside them.
"""

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.capacity.lane_process import BEAT, WAITS
from benchmarks.errors import BenchmarkError
from benchmarks.harness.desk_site import Site
from benchmarks.harness.kiosk_page import open_page
from benchmarks.harness.noted_camera import Noted
from lane.cameras.simulated import HEIGHT, WIDTH
from lane.document.travel_document import TravelDocument
from lane.platform.process_supervisor import start_talking

STARTS_WITHIN_S = 120.0
"""All lanes, at once, on a machine that may have few cores for them."""
ANSWERS_WITHIN_S = 60.0
ENDS_WITHIN_S = 20.0
"""A supervisor gives its lane fifteen."""
_SETTINGS = """\
lane = "{lane}"
journal = "{folder}/lane.sqlite"
[camera]
source = "{film}"
at_end = "loop"
open_s = 30.0
max_pixels = {max_pixels}
[document]
source = "folder:{folder}/documents"
[kiosk]
port = 0
[engine]
{engine}
[desk]
address = "{address}"
token = "{token}"
"""
_ROLES = {
    BEAT: "lane",
    "lane.cameras.reader.process": "reader",
    "lane.kiosk": "kiosk",
    "resource_tracker": "tracker",
}
"""A word of the command line, and whose it is; the tracker is Python's, and removes shared memory."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as the lane reports it."""

    refer: list[str]
    """The codes; none for who is admitted."""
    decided_s: float
    """By the clock that never jumps, as are the times of capture."""
    noted: Noted
    counts: dict[str, int]
    """The camera's, since it was opened."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """What all lanes of a run share, and a folder for what each keeps: started again, it goes on there."""

    folder: Path
    film: Path
    desk: Site
    threads: int | None = 1
    good_frames: int = 0
    """On so many a passage is decided at least; 0: as the rules say."""
    bf16: bool = False

    def settings(self, number: int) -> Path:
        """Of one lane, as a file that only its owner reads: its token is in it."""
        lane, token = list(self.desk.tokens.items())[number - 1]
        folder = self.folder / lane
        (folder / "documents").mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = [f"threads = {self.threads}"] if self.threads else []
        text = _SETTINGS.format(
            lane=lane,
            folder=folder,
            film=self.film,
            max_pixels=WIDTH * HEIGHT,
            engine="\n".join([*engine, f'bf16 = "{"require" if self.bf16 else "never"}"']),
            address=self.desk.address,
            token=token,
        )
        path = folder / "lane.toml"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


class LaneProcess:
    """One of them; see `benchmarks.capacity.lane_process`."""

    def __init__(self, shared: Lanes, number: int) -> None:
        self.number = number
        settings = shared.settings(number)
        self._documents = settings.parent / "documents"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it is closed by `end`
        self._read = b""
        self.counts: dict[str, int] = {}
        """The camera's before the first passage; see `Passage.counts`."""
        command = [sys.executable, "-m", "benchmarks.capacity.lane_process"]
        self._child = start_talking([*command, str(settings), str(shared.good_frames)], errors=self._errors)

    @property
    def pid(self) -> int:
        """Its supervisor's."""
        return self._child.process.pid

    def processes(self) -> dict[str, psutil.Process]:
        """All that run now, by what each is for."""
        supervisor = psutil.Process(self.pid)
        found = {"supervisor": supervisor}
        for child in supervisor.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                command = " ".join(child.cmdline())
                role = next((role for word, role in _ROLES.items() if word in command), "other")
                found[f"{role} {child.pid}" if role in found else role] = child
        return found

    def cpu_s(self) -> float:
        """Seconds that all of them have worked so far."""
        return sum(cpu_s(self.processes()).values())

    def page(self) -> str:
        """The address of the traveller's screen, once the lane serves. BenchmarkError where it does not."""
        answer = self._answer(STARTS_WITHIN_S)
        self.counts = dict(answer["counts"])
        return str(answer["page"])

    def wait(self) -> None:
        """Until the lane has dropped what was there before it waits: no document can get lost then."""
        until_s = time.monotonic() + ANSWERS_WITHIN_S
        self._line_of_passage(ANSWERS_WITHIN_S)
        while (self._documents / WAITS).exists():
            if time.monotonic() > until_s:
                raise BenchmarkError(f"lane {self.number} takes no document")
            time.sleep(0.02)

    def present(self, document: TravelDocument) -> Passage:
        """What came of who presents this document to a lane that waits; BenchmarkError where nothing does."""
        path = self._documents / "document"
        path.with_suffix(".jpg").write_bytes(document.photo)
        days = {"expires_on": str(document.expires_on), "born_on": str(document.born_on)}
        text = json.dumps({"code": "P", "issuer": "UTO", **days})
        path.with_suffix(".part").write_text(text, encoding="utf-8")
        path.with_suffix(".part").rename(path.with_suffix(".json"))
        values = self._line_of_passage(ANSWERS_WITHIN_S)
        return Passage(**values | {"noted": Noted(**values["noted"])})

    def rest(self, until_s: float) -> None:
        """Until then, while nobody comes. BenchmarkError for a lane that ends meanwhile."""
        if self._has_output(until_s):
            self._line_of_passage(0)
            raise BenchmarkError(f"lane {self.number} serves somebody who did not come")

    def _line_of_passage(self, within_s: float) -> dict[str, Any]:
        values = self._answer(within_s)
        if "page" in values:
            raise BenchmarkError(
                f"lane {self.number} ended by itself, and was started again: {self._last_errors()}"
            )
        return values

    def _answer(self, within_s: float) -> dict[str, Any]:
        """The next line; BenchmarkError where it is an error, comes too late, or not at all."""
        until_s = time.monotonic() + within_s
        while b"\n" not in self._read:
            if not self._has_output(until_s):
                raise BenchmarkError(f"lane {self.number} does not answer")
            if not (part := self._child.output.read(1 << 16)):
                raise self._ended()
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        values: dict[str, Any] = json.loads(line)
        if "error" in values:
            raise BenchmarkError(f"lane {self.number}: {values['error']}")
        return values

    def _has_output(self, until_s: float) -> bool:
        poll = select.poll()
        poll.register(self._child.output, select.POLLIN)
        return bool(poll.poll(max(0.0, until_s - time.monotonic()) * 1000))

    def _ended(self) -> BenchmarkError:
        came_to = "shut its output and lives on"
        with suppress(subprocess.TimeoutExpired):
            came_to = f"ended by itself ({self._child.process.wait(ENDS_WITHIN_S)})"
        return BenchmarkError(f"lane {self.number} {came_to}: {self._last_errors()}")

    def _last_errors(self) -> str:
        """The end of what it wrote on standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-2000:].strip() or "it said nothing"

    def terminate(self) -> None:
        """`end` waits for it."""
        self._child.process.terminate()

    def end(self) -> None:
        """It is gone afterwards, and all that it started."""
        self._child.end(ENDS_WITHIN_S)
        self._errors.close()


@contextmanager
def running(shared: Lanes, count: int) -> Iterator[Sequence[LaneProcess]]:
    """So many lanes that serve, each with its screen open. None is left afterwards."""
    started: list[LaneProcess] = []
    with ExitStack() as pages:
        try:
            started.extend(LaneProcess(shared, number) for number in range(1, count + 1))
            for lane in started:
                pages.enter_context(open_page(lane.page()))
            yield started
        finally:
            for lane in started:
                lane.terminate()
            for lane in started:
                lane.end()


def cpu_s(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Seconds that each has worked so far; one that has ended is left out."""
    spent = {}
    for role, process in processes.items():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[role] = float(times.user + times.system)
    return spent
