"""Events for open pages and waiting lanes, of this worker and of others: that something changed, never what.

The state is in the database: a listener that misses an event reads it there.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import time
from typing import Literal, Protocol

from api.platform.errors import TooManyListenersError

EventName = Literal[
    "referral.opened",
    "referral.changed",
    "referral.decided",
    "referral.handed",
    "lane.changed",
    "staff.changed",
]

MOST_LISTENERS = 512
MOST_OF_A_LANE = 8
MOST_OF_A_SESSION = 16
"""So that no single lane or session takes all places; a lane waits for one decision at a time."""
MOST_WAITING = 64
"""Events kept for one listener; a listener that is slower is dropped and comes again."""


@dataclass(frozen=True, slots=True)
class Event:
    name: EventName
    passage: str
    officer: str = ""
    """The only officer whom it concerns; empty: everybody."""
    published_at: float = field(default_factory=time, compare=False)
    """By the time of day, which several machines share. Only for the measurement of delays."""


OnEvent = Callable[[Event], None]
OnLoss = Callable[[], None]


class WorkerEvents(Protocol):
    """Connects the brokers of several workers."""

    def start(self, on_event: OnEvent, on_loss: OnLoss) -> None:
        """Begin. `on_event` gets events of other workers; `on_loss` is called when some may be missing."""
        ...

    def send(self, event: Event) -> None:
        """Send to the other workers. Never waits and never fails."""
        ...

    def close(self) -> None:
        """Send what is queued, if that is possible at once, and end."""
        ...


class Listener:
    """One listener's bounded queue; `dropped` when it did not keep up, or the desk is closing."""

    def __init__(self, of: str, passage: str | None) -> None:
        self.of = of
        self.passage = passage
        self.dropped = False
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING)

    async def next_event(self, timeout_s: float) -> Event | None:
        """The next event; None after `timeout_s` without one, or when this listener was dropped."""
        if self.dropped:
            return None
        try:
            return await asyncio.wait_for(self._events.get(), timeout_s)
        except TimeoutError:
            return None

    def offer(self, event: Event) -> None:
        """Queue an event, or drop this listener where it does not keep up."""
        if self.dropped or self.passage not in (None, event.passage):
            return
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """End this listener: its queued events are discarded."""
        self.dropped = True
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)


class Broker:
    """Listeners of one event loop; `publish` may be called from any thread.

    `worker_events` takes what is published to the listeners of other workers.
    """

    def __init__(self, worker_events: WorkerEvents | None = None) -> None:
        self._worker_events = worker_events
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()
        self._closed = threading.Event()
        self._changes = count(1)
        self.changes = 0
        """Grows with each event, before any listener gets it; also when events may have been missed."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._worker_events is not None:
            self._worker_events.start(self._on_event, self._on_loss)

    def listen(self, of: str, most: int, passage: str | None = None) -> Listener:
        """A new listener, to one passage or to all; give it to `leave`.

        Raises TooManyListenersError where `of`, a lane or a session, has `most`, or all places are taken.
        """
        held = sum(listener.of == of for listener in self._listeners)
        if held >= most or len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListenersError
        listener = Listener(of, passage)
        self._listeners.add(listener)
        if self._closed.is_set():
            listener.drop()
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def publish(self, event: Event) -> None:
        """Deliver an event to the listeners of all workers."""
        self._on_event(event)
        if self._worker_events is not None:
            self._worker_events.send(event)

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """End all streams, so that the process can end. Call it in the event loop."""
        self._closed.set()
        self._drop_all()

    def stop(self) -> None:
        """Send nothing more to other workers: the last request is answered."""
        if self._worker_events is not None:
            self._worker_events.close()

    def _on_event(self, event: Event) -> None:
        self.changes = next(self._changes)
        if self._loop is not None and not self._closed.is_set():
            self._loop.call_soon_threadsafe(self._deliver, event)

    def _on_loss(self) -> None:
        """Events may have been missed: listeners must connect again, and read the database."""
        self.changes = next(self._changes)
        if self._loop is not None and not self._closed.is_set():
            self._loop.call_soon_threadsafe(self._drop_all)

    def _drop_all(self) -> None:
        for listener in self._listeners:
            listener.drop()

    def _deliver(self, event: Event) -> None:
        for listener in self._listeners:
            listener.offer(event)
