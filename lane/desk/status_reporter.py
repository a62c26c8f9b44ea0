"""Reports the lane's status to the desk and receives commands and requests, in a thread of its own.

It decides nothing. If it fails or hangs, the lane goes on with the last command that it received.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

from lane.cameras.frame import Frame
from lane.cameras.health import CameraCounts, CameraHealth, CameraStatus
from lane.cameras.port import FrameSource, StatusSource
from lane.decision.passage_states import State
from lane.decision.reason_codes import Code
from lane.desk.port import (
    NO_COMMAND,
    Command,
    LaneIdentity,
    Request,
    Status,
    Supervisors,
    WantedState,
    providers,
)
from lane.platform.clock import Clock
from lane.platform.errors import CameraError, DeskError
from models.values.identity import NetworkIdentity

log = logging.getLogger(__name__)

PERIOD_S = 2.0
STALE_S = 1.0
"""A camera that gives no frame for so long, while it is asked for some, is stale."""
FAULT = "fault"
EVENT_FOR_S = 300.0
"""How long an event of the gate's sensors is reported: a supervisor should look at it."""
COUNTED_FOR_S = 600.0
"""The time over which a camera's lost frames are counted: a fault of the morning is over in the evening."""
_COUNT_EACH_S = 10.0
_UNDER_WAY = {State.CAPTURING, State.REFERRED, State.OPEN}


class WatchedCamera:
    """See `lane.cameras.port.FrameSource`: another camera's frames, whose times are noted for its status.

    Once a supervisor stops the lane it gives no more frames, so that a capture ends at once.
    """

    def __init__(self, camera: FrameSource, status_reporter: "StatusReporter", clock: Clock) -> None:
        self._camera, self._status_reporter, self._clock = camera, status_reporter, clock
        self._asked_s: float | None = None
        self._last_s: float | None = None
        self._lost = False
        status_reporter.watch(self)

    def frames(self) -> Iterator[Frame]:
        self._asked_s, self._lost = self._clock.monotonic_s(), False
        try:
            for frame in self._camera.frames():
                self._last_s = frame.captured_monotonic_s
                if self._status_reporter.command.wanted is WantedState.STOPPED:
                    return
                yield frame
        except CameraError:
            self._lost = True
            raise
        finally:
            self._asked_s = None

    def status(self) -> CameraStatus:
        """The camera's status now; from any thread."""
        if isinstance(self._camera, StatusSource):
            return self._camera.status()
        now_s, last_s, asked_s = self._clock.monotonic_s(), self._last_s, self._asked_s
        age_ms = None if last_s is None else max(0, round((now_s - last_s) * 1000))
        return CameraStatus(self._health(now_s, last_s, asked_s), age_ms)

    def _health(self, now_s: float, last_s: float | None, asked_s: float | None) -> CameraHealth:
        if self._lost:
            return CameraHealth.LOST
        if asked_s is not None and now_s - max(asked_s, last_s or asked_s) > STALE_S:
            return CameraHealth.STALE
        return CameraHealth.UNKNOWN if last_s is None else CameraHealth.GOOD


class RecentCounts:
    """What a camera counted within the last ten minutes, from what it counts since it was opened."""

    def __init__(self, now_s: float) -> None:
        self._seen: deque[tuple[float, CameraCounts]] = deque([(now_s, CameraCounts())])

    def apply(self, camera: CameraStatus, now_s: float) -> CameraStatus:
        """The camera's status with the recent counts in place of those since it was opened."""
        if camera.counts is None:
            return camera
        if now_s - self._seen[-1][0] >= _COUNT_EACH_S:
            self._seen.append((now_s, camera.counts))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - COUNTED_FOR_S:
            self._seen.popleft()
        return replace(camera, counts=camera.counts.since(self._seen[0][1]))


class StatusReporter:
    """The station notes what is to be reported; a command holds until the desk sends another."""

    def __init__(
        self, desk: Supervisors, about: LaneIdentity, clock: Clock, period_s: float = PERIOD_S
    ) -> None:
        self._desk, self._about, self._clock, self._period_s = desk, about, clock, period_s
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._camera: WatchedCamera | None = None
        self._recent_counts = RecentCounts(clock.monotonic_s())
        self._command, self._has_command, self._obeyed = NO_COMMAND, False, 0
        self._request: Request | None = None
        self._request_until_s, self._last_request = 0.0, 0
        self._passage = State.WAITING
        self._fault = False
        self._gate: str | None = None
        self._events: dict[str, float] = {}
        self._passages = self._outbox = 0
        self._reported_state = (State.WAITING.value, clock.now())
        self._silent = self._faulty = False
        """Whether a report was lost since the last that arrived, and whether by a fault of the lane."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, name="status-reporter", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._changed.set()

    def watch(self, camera: WatchedCamera) -> None:
        self._camera = camera

    @property
    def command(self) -> Command:
        """The last command that was received; it may not be obeyed yet."""
        with self._lock:
            return self._command

    def remember(self, command: Command, last_request: int = 0) -> None:
        """Take up what held before the lane started: the command that was obeyed, until the desk sends one.

        `last_request` is the last that was taken up: none is taken up twice.
        """
        with self._lock:
            self._obeyed = command.number
            self._last_request = max(self._last_request, last_request)
            if not self._has_command:
                self._command = command

    def take_request(self) -> Request | None:
        """An officer's request for the passenger who is here now; each once, and none that is too late."""
        with self._lock:
            request, self._request = self._request, None
            if request is None or self._clock.monotonic_s() > self._request_until_s:
                return None
            self._last_request = request.number
        self._changed.set()
        return request

    def note_obeyed(self, command: Command) -> None:
        with self._lock:
            self._obeyed = command.number
        self._changed.set()

    def note_passage(self, state: State, outbox: int) -> None:
        """The passage under way has entered this state; so many entries wait for the desk."""
        with self._lock:
            self._passages += state is State.CAPTURING and self._passage not in _UNDER_WAY
            self._passage, self._outbox = state, outbox
        self._changed.set()

    def note_fault(self, *, over: bool = False) -> None:
        """The lane serves nobody until somebody looks at it, or until it says that this is over."""
        with self._lock:
            self._fault = not over
        self._changed.set()

    def note_engine(self, identities: Sequence[NetworkIdentity]) -> None:
        """The networks run elsewhere now."""
        with self._lock:
            self._about = replace(self._about, provider=providers(identities))
        self._changed.set()

    def note_gate(self, trouble: str | None) -> None:
        """Why the gate lets nobody be served, None where it does."""
        with self._lock:
            changed, self._gate = trouble != self._gate, trouble
        if changed:
            self._changed.set()

    def note_event(self, code: Code) -> None:
        """A gate's sensors saw this."""
        with self._lock:
            self._events[code.value] = self._clock.monotonic_s()
        self._changed.set()

    def status(self) -> Status:
        camera = self._camera.status() if self._camera else CameraStatus(CameraHealth.UNKNOWN, None)
        with self._lock:
            camera = self._recent_counts.apply(camera, self._clock.monotonic_s())
            state = self._state()
            if state != self._reported_state[0]:
                self._reported_state = (state, self._clock.now())
            since = self._reported_state[1]
            counts = (self._outbox, self._passages, self._obeyed)
            return Status(state, since, camera, self._about, *counts, self._gate_words(), self._last_request)

    def _gate_words(self) -> tuple[str, ...]:
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
        return State.WAITING.value if self._command.wanted is WantedState.OPEN else self._command.wanted.value

    def _work(self) -> None:
        while not self._closed.is_set():
            self._changed.clear()
            self.exchange()
            self._changed.wait(self._period_s)

    def exchange(self) -> None:
        """Report once, and take in the answer. Raises nothing: a desk out of reach changes nothing."""
        asked_s = self._clock.monotonic_s()
        try:
            command = self._desk.report(self.status())
        except Exception as error:  # decides nothing: the lane goes on with the last command
            ours = not isinstance(error, DeskError)
            if not self._silent or (ours and not self._faulty):
                log.warning("the lane's status did not reach the desk: %s", error, exc_info=ours)
            self._silent, self._faulty = True, self._faulty or ours
            return
        self._silent = self._faulty = False
        with self._lock:
            self._command, self._has_command = command, True
            self._take_in_request(command.request, asked_s)

    def _take_in_request(self, request: Request | None, asked_s: float) -> None:
        """A request's time runs from before the desk was asked: it never lasts longer than the desk meant."""
        if request is None or request.number <= self._last_request:
            self._request = None
            return
        self._request, self._request_until_s = request, asked_s + request.for_s
