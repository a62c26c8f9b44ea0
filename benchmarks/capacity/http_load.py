"""A shift at a desk, over HTTP: lanes that refer passengers, officers who answer, and one who watches.

Everything is asked as the real ones ask it: pictures, then entries; an event, then the page's cases, one
request of a page at a time; claim, pictures, judgement, decision. What is sent on time does not wait for what
was sent before.
"""

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np

from benchmarks.harness.desk_site import Site
from lane.ledger.entry import GENESIS, Entry, Head, follow

_PATIENCE_S = 20.0
_LOOKS_AGAIN_S = 10.0
"""As the page of the queue does where nothing happens."""
_REACTS_WITHIN_S = (0.2, 1.0)
_CHANGES_NO_QUEUE = "event: referral.handed"
_CASE = re.compile(r'<li class="case[^>]*data-passage="([^"]+)"')

Fact = tuple[str, dict[str, Any]]
"""Kind and body."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a shift has to carry."""

    per_hour: float
    """Passages of each lane."""
    referred: float
    """The share of them that an officer decides."""
    seconds: float
    officer_s: float
    """How long an officer looks at a case."""
    drain_s: float = 30.0
    """How long the officers may go on after the last passenger."""


@dataclass(slots=True)
class Observed:
    passages: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    late_ns: list[int] = field(default_factory=list)
    """How much after its time a passage was sent to the desk."""
    sent_at: dict[str, int] = field(default_factory=dict)
    """Referral → when the lane began to send it."""
    on_screen_ns: dict[str, int] = field(default_factory=dict)
    """Referral → until the page of an officer who only watches had it, asked for because of the event."""
    decided_ns: dict[str, int] = field(default_factory=dict)
    """Referral → until the lane had the decision."""


@dataclass(slots=True)
class Screen:
    client: httpx.AsyncClient
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    follows: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Wait until something happens, or the page looks by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOKS_AGAIN_S):
                await self.changed.wait()


class Shift:
    """One load, once. `heads` are those of the lanes' chains, which go on from shift to shift."""

    def __init__(self, site: Site, load: Load, heads: dict[str, Head]) -> None:
        self._site, self._load, self._heads, self.seen = site, load, heads, Observed()
        self._over = asyncio.Event()
        self._chance = np.random.default_rng()
        self._pictures = [_drawn(seed) for seed in (1, 2)]

    async def run(self) -> Observed:
        officers = [await self._signed_in(*one) for one in self._site.passwords.items()]
        screens = [Screen(one) for one in officers]
        at_work = [self._watch(screens[0]), *(self._decide(one) for one in screens[1:])]
        background = [asyncio.create_task(one) for one in (*map(self._follow, screens), *at_work)]
        try:
            await asyncio.gather(*(one.follows.wait() for one in screens))
            await asyncio.gather(*(self._lane(*one) for one in self._site.tokens.items()))
        finally:
            self._over.set()  # after Ctrl-C, too: a request that swallows its end must not be made again
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            for client in officers:
                await client.aclose()
        return self.seen

    def _client(self, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"{self._site.address}/api/v1", timeout=_PATIENCE_S, trust_env=False, **more
        )

    async def _signed_in(self, name: str, password: str) -> httpx.AsyncClient:
        client = self._client()
        answer = await client.post("/session", json={"name": name, "password": password})
        answer.raise_for_status()
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    async def _request(self, what: str, ask: Coroutine[Any, Any, httpx.Response]) -> httpx.Response | None:
        """The answer, or None where there is none that helps: then it is counted."""
        try:
            answer = await ask
        except httpx.HTTPError as error:
            self.seen.errors[f"{what}: {type(error).__name__}"] += 1
            return None
        if answer.is_success:
            return answer
        self.seen.errors[f"{what}: HTTP {answer.status_code} {_code(answer)}"] += 1
        return None

    # --- lanes

    async def _lane(self, name: str, token: str) -> None:
        every_s, sending, waiting = 3600 / self._load.per_hour, asyncio.Lock(), []
        began = time.monotonic() + self._chance.uniform(0, every_s)
        async with self._client(headers={"Authorization": f"Bearer {token}"}) as client:
            number = 0
            while (due := began + number * every_s) < began + self._load.seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                waiting.append(asyncio.create_task(self._passage(client, name, sending, due)))
                number += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(self._load.drain_s):
                    await asyncio.gather(*waiting)

    async def _passage(self, client: httpx.AsyncClient, lane: str, sending: asyncio.Lock, due: float) -> None:
        passage, refers = str(uuid4()), self._chance.random() < self._load.referred
        sent_at = time.monotonic_ns()
        async with sending:
            if refers and not await self._upload(client, passage):
                return
            if not await self._send(client, lane, _facts(passage, refers, self._pictures)):
                return
        self.seen.passages += 1
        self.seen.late_ns.append(max(0, time.monotonic_ns() - round(due * 1e9)))
        if refers:
            self.seen.sent_at[passage] = sent_at
            await self._wait(client, passage, sent_at)
            closed: Fact = ("passage.closed", {"passage": passage, "how": "sent_to_second_line"})
            async with sending:
                await self._send(client, lane, [closed])

    async def _upload(self, client: httpx.AsyncClient, passage: str) -> bool:
        for picture in self._pictures:
            path = f"/passages/{passage}/images/{hashlib.sha256(picture).hexdigest()}"
            put = client.put(path, content=picture, headers={"Content-Type": "image/jpeg"})
            if await self._request("image", put) is None:
                return False
        return True

    async def _send(self, client: httpx.AsyncClient, lane: str, facts: list[Fact]) -> bool:
        head, entries = self._heads.get(lane, GENESIS), list[Entry]()
        for kind, body in facts:
            entries.append(follow(head, chain=lane, at=datetime.now(UTC), kind=kind, body=body))
            head = entries[-1].head
        wire = [{"payload": entry.payload, "hash": entry.hash} for entry in entries]
        answer = await self._request("entries", client.post("/entries", json={"entries": wire}))
        if answer is None:
            return False
        self._heads[lane] = head
        return True

    async def _wait(self, client: httpx.AsyncClient, passage: str, sent_at: int) -> None:
        while not self._over.is_set():
            path = f"/passages/{passage}/decision"
            answer = await self._request("decision", client.get(path, params={"wait_s": 10}))
            if answer is not None and answer.json()["decision"] is not None:
                self.seen.decided_ns[passage] = time.monotonic_ns() - sent_at
                return
            if answer is None:
                await asyncio.sleep(1)

    # --- officers

    async def _follow(self, screen: Screen) -> None:
        """Wake the page whenever something happens, as its script does."""
        while not self._over.is_set():
            with suppress(httpx.HTTPError):
                async with screen.client.stream("GET", "/events", timeout=60) as stream:
                    screen.follows.set()
                    async for line in stream.aiter_lines():
                        if line.startswith("event: ") and line != _CHANGES_NO_QUEUE:
                            screen.changed.set()
            self.seen.errors["events: the stream ended"] += 1

    async def _cases(self, screen: Screen) -> set[str]:
        """Who waits, as the page shows it."""
        screen.changed.clear()
        shown = await self._request("page", screen.client.get(f"{self._site.address}/queue/cases"))
        return set(_CASE.findall(shown.text)) if shown is not None else set()

    async def _watch(self, screen: Screen) -> None:
        while not self._over.is_set():
            cases = await self._cases(screen)
            now = time.monotonic_ns()
            for passage in cases:
                self.seen.on_screen_ns.setdefault(passage, now)
            await screen.wait()

    async def _decide(self, screen: Screen) -> None:
        while not self._over.is_set():
            if not await self._cases(screen):
                await screen.wait()
                continue
            await asyncio.sleep(self._chance.uniform(*_REACTS_WITHIN_S))
            answer = await self._request("claim", screen.client.post("/referrals/next"))
            claim = answer.json()["claim"] if answer is not None else None
            if claim is None:
                await screen.wait()
            else:
                await self._answer(screen.client, f"/referrals/{claim['passage']}")

    async def _answer(self, client: httpx.AsyncClient, path: str) -> None:
        shown = await self._request("case", client.get(path))
        if shown is None:
            return
        for image in shown.json().get("images", ()):
            await self._request("picture", client.get(f"{self._site.address}{image['href']}"))
        await asyncio.sleep(self._load.officer_s)
        if shown.json().get("step") == "blind":
            judged = {"verdict": "cannot_tell", "confidence": 3, "features": {}, "viewed": []}
            await self._request("judgement", client.post(f"{path}/judgement", json=judged))
        decided = {"answer": "second_line", "ground": "cannot_tell", "note": ""}
        await self._request("decide", client.post(f"{path}/decision", json=decided))


def _facts(passage: str, refers: bool, pictures: list[bytes]) -> list[Fact]:
    measured = ("sharpness", "brightness", "inter_eye_distance_px", "yaw_deg", "pitch_deg", "roll_deg")
    images = [
        {
            "role": "live" if number else "document",
            "sha256": hashlib.sha256(picture).hexdigest(),
            "media_type": "image/jpeg",
            "sequence": number or None,
            "captured_at": None,
        }
        for number, picture in enumerate(pictures)
    ]
    judged = {
        "passage": passage,
        "outcome": "refer" if refers else "admit",
        "reasons": [{"code": "F09", "components": []}] if refers else [],
        "remarks": [{"code": "A02", "components": []}],
        "evidence": {
            "document": {"expiry": "successful", "expires_on": "2031-01-31", "photo_faces": {"value": 1}},
            "capture": {"ended": "enough", "frames_seen": 42, "good_frames": 3},
            "quality": {name: {"value": 0.5} for name in measured},
            "similarity": {"value": 0.31},
            "achieved_fmr": {"value": 0.003},
            "liveness": {"not_assessed": "no attack detection in this release"},
            "desk": "reached",
        },
        "images": images if refers else [],
    }
    facts: list[Fact] = [("passage.started", {"passage": passage}), ("passage.judged", judged)]
    if not refers:
        facts.append(("passage.closed", {"passage": passage, "how": "passed_through"}))
    return facts


def _drawn(seed: int) -> bytes:
    """A picture of the size that a lane sends, of nobody."""
    noise = np.random.default_rng(seed).integers(0, 255, (60, 48, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (480, 600), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return ""
