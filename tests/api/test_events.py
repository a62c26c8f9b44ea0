"""News reaches open pages; a page that does not keep up is dropped and costs no memory."""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from api.broker import MOST_LISTENERS, MOST_WAITING, Broker, Event
from api.errors import TooManyListenersError
from tests.api.desks import Lane, Officer, RunningDesk, wait_until


class Follower:
    """Reads the event stream in a thread."""

    def __init__(self, officer: Officer) -> None:
        self.events: list[tuple[str, Any]] = []
        self.open = threading.Event()
        self.ended = threading.Event()
        self._officer = officer
        threading.Thread(target=self._read, daemon=True).start()
        assert self.open.wait(10)

    def _read(self) -> None:
        with suppress(httpx.HTTPError):  # the test ends before the stream does
            self._follow()
        self.ended.set()

    def _follow(self) -> None:
        name = ""
        with self._officer.http.stream("GET", "/api/v1/events", timeout=60) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                self.open.set()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line.removeprefix("data: "))))


def test_a_case_is_announced_changed_and_decided(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    with desk.officer("li") as other:
        following = Follower(other)
        passage = lane.refer()
        officer.claim(passage)
        officer.claim(passage)
        officer.decide(passage)
        lane.deliver(lane.write("passage.closed", {"passage": passage, "how": "passed_through"}))
        wait_until(lambda: len(following.events) == 4)
    assert following.events == [
        ("referral.opened", {"passage": passage}),
        ("referral.changed", {"passage": passage}),
        ("referral.decided", {"passage": passage}),
        ("referral.changed", {"passage": passage}),
    ]


def test_nothing_is_announced_that_was_not_stored(lane: Lane, officer: Officer) -> None:
    following = Follower(officer)
    passage = lane.refer()
    assert officer.decide(passage).status_code == 409
    lane.refer()
    wait_until(lambda: len(following.events) == 2)
    assert {name for name, _ in following.events} == {"referral.opened"}


def test_the_stream_ends_with_the_session(lane: Lane, officer: Officer) -> None:
    following = Follower(officer)
    officer.ask("DELETE", "/session")
    lane.refer()  # at the latest with the next event, the session is looked at again
    assert following.ended.wait(20)


def test_a_stream_needs_a_session(desk: RunningDesk) -> None:
    assert httpx.get(f"{desk.address}/api/v1/events").status_code == 401


def in_loop(act: Callable[[Broker], Any]) -> Any:
    async def run() -> Any:
        broker = Broker()
        broker.start()
        return await act(broker)

    return asyncio.run(run())


def test_a_slow_listener_is_dropped_and_the_others_are_not() -> None:
    async def act(broker: Broker) -> tuple[bool, bool, int]:
        slow, quick = broker.listen(), broker.listen("p-1")
        for number in range(MOST_WAITING + 5):
            broker.publish(Event("referral.opened", f"p-{number}"))
        await asyncio.sleep(0.05)
        return slow.dropped, quick.dropped, slow.waiting

    dropped, other_dropped, waiting = in_loop(act)
    assert dropped
    assert not other_dropped
    assert waiting <= 1


def test_the_number_of_listeners_is_bounded_and_places_become_free() -> None:
    async def act(broker: Broker) -> bool:
        listeners = [broker.listen() for _ in range(MOST_LISTENERS)]
        with pytest.raises(TooManyListenersError):
            broker.listen()
        broker.leave(listeners[0])
        return broker.listen() is not None

    assert in_loop(act)


def test_closing_ends_who_waits_and_who_comes_later() -> None:
    async def act(broker: Broker) -> list[object]:
        waiting = broker.listen()
        word = asyncio.ensure_future(waiting.word(30))
        await asyncio.sleep(0)
        broker.close()
        return [await word, waiting.dropped, broker.listen().dropped]

    assert in_loop(act) == [None, True, True]
