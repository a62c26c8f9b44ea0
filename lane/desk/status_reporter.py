"""Tells the desk how the lane stands and hears what a supervisor wants, in a thread of its own.

It decides nothing, and one that fails or hangs stops nothing: the lane keeps the last word that it heard.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from lane.cameras.frame import Frame
from lane.cameras.health import Camera, CameraCounts, CameraHealth
from lane.cameras.port import FrameSource, TellingSource
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.desk.commands import NO_COMMAND, Command, Request, Wanted
from lane.desk.port import Supervisors
from lane.desk.status import About, Status
from lane.platform.clock import Clock
from lane.platform.errors import CameraError

log = logging.getLogger(__name__)

PERIOD_S = 2.0
STALE_S = 1.0
"""A camera that gives no frame for so long, while it is asked for some, is stale."""
FAULT = "fault"
EVENT_FOR_S = 300.0
"""So long is told what a gate's sensors saw: somebody shall look at it."""
COUNTED_FOR_S = 600.0
"""So long is told what a camera lost: a cable that was loose in the morning is no news in the evening."""
_COUNT_EACH_S = 10.0
_UNDER_WAY = {State.CAPTURING, State.REFERRED, State.OPEN}


class WatchedCamera:
    """See `lane.cameras.port.FrameSource`: another one's frames, of which it is noted when they came.

    Once a supervisor stops the lane it gives none, so that a capture ends at once.
    """

    def __init__(self, camera: FrameSource, beacon: "Beacon", clock: Clock) -> None:
        self._camera, self._beacon, self._clock = camera, beacon, clock
        self._asked_s: float | None = None
        self._last_s: float | None = None
        self._lost = False
        beacon.watch(self)

    def frames(self) -> Iterator[Frame]:
        """One capture's frames."""
        self._asked_s, self._lost = self._clock.monotonic_s(), False
        try:
            for frame in self._camera.frames():
                self._last_s = frame.captured_monotonic_s
                if self._beacon.command.wanted is Wanted.STOPPED:
                    return
                yield frame
        except CameraError:
            self._lost = True
            raise
        finally:
            self._asked_s = None

    def told(self) -> Camera:
        """How the camera does; may be asked from any thread."""
        if isinstance(self._camera, TellingSource):
            return self._camera.told()
        now_s, last_s, asked_s = self._clock.monotonic_s(), self._last_s, self._asked_s
        age_ms = None if last_s is None else max(0, round((now_s - last_s) * 1000))
        return Camera(self._health(now_s, last_s, asked_s), age_ms)

    def _health(self, now_s: float, last_s: float | None, asked_s: float | None) -> CameraHealth:
        if self._lost:
            return CameraHealth.LOST
        if asked_s is not None and now_s - max(asked_s, last_s or asked_s) > STALE_S:
            return CameraHealth.STALE
        return CameraHealth.UNKNOWN if last_s is None else CameraHealth.GOOD


class Lately:
    """What a camera counted within the last ten minutes, from what it counts since it was opened."""

    def __init__(self, now_s: float) -> None:
        self._seen: deque[tuple[float, CameraCounts]] = deque([(now_s, CameraCounts())])

    def of(self, camera: Camera, now_s: float) -> Camera:
        """The same camera, which tells what it counted lately."""
        if camera.counts is None:
            return camera
        if now_s - self._seen[-1][0] >= _COUNT_EACH_S:
            self._seen.append((now_s, camera.counts))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - COUNTED_FOR_S:
            self._seen.popleft()
        return replace(camera, counts=camera.counts.since(self._seen[0][1]))


class Beacon:
    """What is told is noted by the station; what was heard is kept until the desk says something else."""

    def __init__(self, desk: Supervisors, about: About, clock: Clock, period_s: float = PERIOD_S) -> None:
        self._desk, self._about, self._clock, self._period_s = desk, about, clock, period_s
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._camera: WatchedCamera | None = None
        self._lately = Lately(clock.monotonic_s())
        self._command, self._heard, self._obeyed = NO_COMMAND, False, 0
        self._request: Request | None = None
        self._good_until_s, self._asked = 0.0, 0
        self._passage = State.WAITING
        self._fault = False
        self._gate: str | None = None
        self._events: dict[str, float] = {}
        self._passages = self._outbox = 0
        self._told = (State.WAITING.value, clock.now())
        self._silent = False

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, name="beacon", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell nothing more. Closing twice is no error."""
        self._closed.set()
        self._news.set()

    def watch(self, camera: WatchedCamera) -> None:
        """Tell how this camera does."""
        self._camera = camera

    @property
    def command(self) -> Command:
        """What a supervisor wants, as far as it was heard."""
        with self._lock:
            return self._command

    def remember(self, command: Command) -> None:
        """What was obeyed before the lane started, until the desk says what is wanted now."""
        with self._lock:
            self._obeyed = command.number
            if not self._heard:
                self._command = command

    def remember_asked(self, number: int) -> None:
        """The last request that was taken up before the lane started: none is taken up twice."""
        with self._lock:
            self._asked = max(self._asked, number)

    def take_request(self) -> Request | None:
        """What an officer asks for the passenger who is here now; told once, and never once it is late."""
        with self._lock:
            request, self._request = self._request, None
            if request is None or self._clock.monotonic_s() > self._good_until_s:
                return None
            self._asked = request.number
        self._news.set()
        return request

    def note_obeyed(self, command: Command) -> None:
        """The station does as this command says."""
        with self._lock:
            self._obeyed = command.number
        self._news.set()

    def note_passage(self, state: State) -> None:
        """Where the passage under way stands."""
        with self._lock:
            self._passages += state is State.CAPTURING and self._passage not in _UNDER_WAY
            self._passage = state
        self._news.set()

    def note_outbox(self, waiting: int) -> None:
        """How many entries the desk has not confirmed."""
        with self._lock:
            self._outbox = waiting

    def note_fault(self, *, over: bool = False) -> None:
        """The lane serves nobody until somebody looks at it, or until it says that this is over."""
        with self._lock:
            self._fault = not over
        self._news.set()

    def note_engine(self, provider: str) -> None:
        """Where the networks run now."""
        with self._lock:
            self._about = replace(self._about, provider=provider)
        self._news.set()

    def note_gate(self, trouble: str | None) -> None:
        """Why the gate lets nobody be served, None where it does."""
        with self._lock:
            changed, self._gate = trouble != self._gate, trouble
        if changed:
            self._news.set()

    def note_event(self, code: Code) -> None:
        """A gate's sensors saw this."""
        with self._lock:
            self._events[code.value] = self._clock.monotonic_s()
        self._news.set()

    def status(self) -> Status:
        """How the lane stands now."""
        camera = self._camera.told() if self._camera else Camera(CameraHealth.UNKNOWN, None)
        with self._lock:
            camera = self._lately.of(camera, self._clock.monotonic_s())
            state = self._state()
            if state != self._told[0]:
                self._told = (state, self._clock.now())
            since = self._told[1]
            return Status(
                state,
                since,
                camera,
                self._about,
                self._outbox,
                self._passages,
                self._obeyed,
                self._seen(),
                self._asked,
            )

    def _seen(self) -> tuple[str, ...]:
        """What is wrong with the gate comes first; then what was seen there, the newest first."""
        since_s = self._clock.monotonic_s() - EVENT_FOR_S
        recent = sorted((at_s, code) for code, at_s in self._events.items() if at_s >= since_s)
        words = [self._gate] if self._gate else []
        return tuple(dict.fromkeys(words + [code for _, code in reversed(recent)]))

    def _state(self) -> str:
        if self._fault:
            return FAULT
        if self._passage in _UNDER_WAY:
            return self._passage.value
        if self._gate is not None:
            return FAULT
        return State.WAITING.value if self._command.wanted is Wanted.OPEN else self._command.wanted.value

    def _work(self) -> None:
        while not self._closed.is_set():
            self._news.clear()
            self.exchange()
            self._news.wait(self._period_s)

    def exchange(self) -> None:
        """Tell once, and hear. Raises nothing: a desk out of reach changes nothing."""
        asked_s = self._clock.monotonic_s()
        try:
            heard = self._desk.report(self.status())
        except Exception as error:  # noqa: BLE001  the lane goes on without a supervisor who sees it
            if not self._silent:
                log.warning("the lane's status did not reach the desk: %s", error)
            self._silent = True
            return
        self._silent = False
        with self._lock:
            self._command, self._heard = heard, True
            self._hear_request(heard.request, asked_s)

    def _hear_request(self, request: Request | None, asked_s: float) -> None:
        """How long it is good for counts from before the desk was asked: never longer than the desk meant."""
        if request is None or request.number <= self._asked:
            self._request = None
            return
        self._request, self._good_until_s = request, asked_s + request.for_s
