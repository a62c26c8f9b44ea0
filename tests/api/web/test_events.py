"""Events reach open pages; a page that does not keep up is dropped and costs no memory."""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from api.platform.errors import TooManyListenersError
from api.platform.events import MOST_LISTENERS, MOST_OF_A_LANE, MOST_WAITING, Broker, Event
from tests.support.api.running_desk import Lane, Officer, RunningDesk, wait_until

pytestmark = pytest.mark.both_databases


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
            assert stream.headers["cache-control"] == "no-store"
            for line in stream.iter_lines():
                self.open.set()
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line.removeprefix("data: "))))


def test_case_opening_change_decision_announced(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    with desk.officer("li") as other:
        following = Follower(other)
        passage = lane.refer_to(officer)
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


def test_nothing_announced_unless_stored(lane: Lane, officer: Officer) -> None:
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


def in_loop(act: Callable[[Broker], Any]) -> Any:
    async def run() -> Any:
        broker = Broker()
        broker.start()
        return await act(broker)

    return asyncio.run(run())


def test_slow_listener_dropped_alone() -> None:
    async def act(broker: Broker) -> list[object]:
        slow, quick = broker.listen("one", 1), broker.listen("another", 1, "p-1")
        for number in range(MOST_WAITING + 5):
            broker.publish(Event("referral.opened", f"p-{number}"))
        heard = await quick.next_event(30)
        broker.publish(Event("referral.decided", "p-1"))
        last = await quick.next_event(30)  # by then, all that was published before was told
        return [slow.dropped, await slow.next_event(30), quick.dropped, heard, last]

    assert in_loop(act) == [
        True,
        None,
        False,
        Event("referral.opened", "p-1"),
        Event("referral.decided", "p-1"),
    ]


def test_listeners_are_bounded_and_places_freed() -> None:
    async def act(broker: Broker) -> bool:
        listeners = [broker.listen("one", 3) for _ in range(3)]
        with pytest.raises(TooManyListenersError):
            broker.listen("one", 3)
        listeners += [broker.listen(f"{number}", 3) for number in range(MOST_LISTENERS - 3)]
        with pytest.raises(TooManyListenersError):
            broker.listen("next", 3)
        broker.leave(listeners[0])
        return broker.listen("one", 3) is not None

    assert in_loop(act)


def test_overwaiting_lane_blocks_only_itself(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(images=[])
    listeners = [desk.desk.broker.listen(lane.name, MOST_OF_A_LANE) for _ in range(MOST_OF_A_LANE)]
    try:
        answer = lane.http.get(f"/passages/{passage}/decision", params={"wait_s": 1})
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_listeners")
        assert lane.decision(passage) is None
        assert lane.http.get("/passages/p-9/decision", params={"wait_s": 1}).status_code == 404
        with desk.lane("lane-2") as other:
            mine = other.refer(images=[])
            officer.claim(mine)
            officer.decide(mine)
            assert other.decision(mine, wait_s=1) is not None
            assert other.decision(other.refer(images=[]), wait_s=0.01) is None
    finally:
        for listener in listeners:
            desk.desk.broker.leave(listener)


def test_closing_ends_present_and_later_waits() -> None:
    async def act(broker: Broker) -> list[object]:
        waiting = broker.listen("one", 1)
        word = asyncio.ensure_future(waiting.next_event(30))
        await asyncio.sleep(0)
        broker.close()
        return [await word, waiting.dropped, broker.listen("two", 1).dropped]

    assert in_loop(act) == [None, True, True]
