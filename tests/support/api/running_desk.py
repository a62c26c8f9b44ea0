"""A real desk on a real port with a real database, and a lane and officers that speak HTTP to it."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar, cast
from uuid import uuid4

import cv2
import httpx
import numpy as np
from fastapi import FastAPI
from sqlalchemy import URL, select

from api.faces.keyring import keyring_of
from api.lanes import tokens
from api.people import officers
from api.people.passwords import Passwords
from api.people.roles import Role
from api.platform.database.database import Database
from api.platform.database.tables import LedgerRow
from api.platform.metrics import Meters
from api.platform.settings import Argon2Cost, Settings
from api.serving.connections import Bounds
from api.serving.process import BOUNDS, DeskServer, address_of, bind
from api.web.app import CHORES, create_app
from api.web.desk import Desk
from api.web.periodic_tasks import Chore, Chores
from lane.ledger.entry import GENESIS, Entry, follow
from tests.support.api.sqlite_file import fresh_file
from tests.support.processes import until

T = TypeVar("T")

CHEAP = Argon2Cost(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
REFERRED = [{"code": "F09", "components": []}]


class Clock:
    """The desk's clock, which a test moves on."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.passed_s = 0.0
        self.stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stands_at or datetime.now(UTC)) + self.ahead

    def stand(self) -> None:
        """From now on only what a test lets pass goes by, however long the machine takes."""
        self.stands_at = datetime.now(UTC)

    def elapsed_s(self) -> float:
        """The clock beside it that nobody sets."""
        return time.monotonic() + self.passed_s

    def pass_time(self, **duration: float) -> None:
        # In this order: somebody who asks in between must not take time that passed for a clock set back.
        self.set_ahead(**duration)
        self.passed_s += timedelta(**duration).total_seconds()

    def set_ahead(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@dataclass
class RunningDesk:
    """A desk that accepts connections."""

    address: str
    app: FastAPI
    clock: Clock
    settings: Settings

    @property
    def desk(self) -> Desk:
        return cast("Desk", self.app.state.desk)

    @property
    def file(self) -> Path:
        """The SQLite file, for tests that run on SQLite alone."""
        assert isinstance(self.settings.database, Path)
        return self.settings.database

    def payloads(self) -> list[str]:
        return payloads_of(self.desk.database)

    @contextmanager
    def moved_into(self, place: Path | URL) -> Iterator["RunningDesk"]:
        """The same server with another database, at the newest revision: to start one takes long."""
        clock = Clock()
        update = {
            "database": place,
            "kek_file": _key_file(place, self.settings, "kek"),
            "ledger_key": _key_file(place, self.settings, "ledger-key"),
        }
        made = self.settings.model_copy(update=update)
        database, keyring = Database(made.database), keyring_of(made)
        self.app.state.desk = replace(
            self.desk,
            settings=made,
            database=database,
            keyring=keyring,
            clock=clock,
            elapsed_s=clock.elapsed_s,
            meters=Meters(),
        )
        self.desk.proofs.announce()
        self.desk.keyring.prepare()
        yield RunningDesk(self.address, self.app, clock, made)
        keyring.close()
        database.close()

    @contextmanager
    def changed(self, **settings: object) -> Iterator[None]:
        """Other settings for a while."""
        usual = self.desk
        self.app.state.desk = replace(usual, settings=usual.settings.model_copy(update=settings))
        try:
            yield
        finally:
            self.app.state.desk = usual

    def do_chores(self) -> None:
        """All that a desk does by itself, once, now."""
        done = Chores(CHORES, lambda: self.desk)
        done.run_due()
        assert not done.failures, f"these chores failed: {dict(done.failures)}"

    def lane(self, name: str = "lane-1") -> "Lane":
        with self.desk.database.write() as session:
            token = tokens.add(session, name, at=self.clock())
        return Lane(self.address, name, token)

    def officer(self, name: str = "wang", role: Role = Role.OFFICER, duties: Iterable[str] = ()) -> "Officer":
        hashed = Passwords(CHEAP).hash(PASSWORD)
        with self.desk.database.write() as session:
            officers.add(session, name, hashed, at=self.clock(), role=role, duties=duties)
        return Officer(self.address, name)


def _key_file(place: Path | URL, settings: Settings, what: str) -> Path:
    """Beside the database; of one on a server, in the folder of the shared desk."""
    near = place if isinstance(place, Path) else settings.database
    assert isinstance(near, Path)
    name = near.name if isinstance(place, Path) else place.database
    return near.with_name(f"{name}.{what}")


@contextmanager
def running(
    path: Path, *, chores: Sequence[Chore] = (), bounds: Bounds = BOUNDS, **settings: Any
) -> Iterator[RunningDesk]:
    """A desk that does no chores by itself, so that a test says when."""
    clock = Clock()
    settings = {"correction_window_s": 0} | settings
    file = path / "desk.sqlite3"
    made = Settings(database=file if file.exists() else fresh_file(file), argon2=CHEAP, **settings)
    app = create_app(made, clock=clock, elapsed_s=clock.elapsed_s, chores=chores)
    listening = bind("127.0.0.1", 0)
    ready = threading.Event()
    server = DeskServer(app, announce=ready.set, bounds=bounds)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert ready.wait(30), "the desk does not start"
        yield RunningDesk(address_of(listening, https=server.config.is_ssl), app, clock, made)
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Lane:
    """A lane with its chain."""

    address: str
    name: str
    token: str
    head: Any = GENESIS
    written: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=f"{self.address}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def write(self, kind: str, body: Mapping[str, Any], at: datetime | None = None) -> Entry:
        entry = follow(self.head, chain=self.name, at=at or datetime.now(UTC), kind=kind, body=body)
        self.head = entry.head
        self.written.append(entry)
        return entry

    def deliver(self, *entries: Entry) -> httpx.Response:
        return self.http.post("/entries", json={"entries": wire(*entries)})

    def put_image(self, image: bytes, passage: str) -> httpx.Response:
        path = f"/passages/{passage}/images/{hashlib.sha256(image).hexdigest()}"
        return self.http.put(path, content=image, headers={"Content-Type": "image/jpeg"})

    def upload(self, image: bytes, passage: str) -> str:
        """Upload an image that the desk takes; return its hash."""
        answer = self.put_image(image, passage)
        assert answer.status_code == 204, answer.text
        return hashlib.sha256(image).hexdigest()

    def refer(
        self,
        *,
        reasons: list[dict[str, Any]] | None = None,
        images: list[bytes] | None = None,
        at: datetime | None = None,
        passage: str | None = None,
        **more: Any,
    ) -> str:
        """Tell the desk of a passenger who is referred; return the passage."""
        passage = passage or str(uuid4())
        pictures = [drawn_face(1), drawn_face(2)] if images is None else images
        shas = [self.upload(picture, passage) for picture in pictures]
        body = judged(passage, shas, REFERRED if reasons is None else reasons) | more
        answer = self.deliver(
            self.write("passage.started", {"passage": passage}, at), self.write("passage.judged", body, at)
        )
        assert answer.status_code == 200, answer.text
        return passage

    def refer_to(self, officer: "Officer", **asked: Any) -> str:
        """As `refer`; the officer claims the case, and has not looked at it yet."""
        passage = self.refer(**asked)
        assert officer.claim(passage).status_code == 200
        return passage

    def decision(self, passage: str, wait_s: float = 0) -> Any:
        answer = self.http.get(f"/passages/{passage}/decision", params={"wait_s": wait_s})
        assert answer.status_code == 200, answer.text
        return answer.json()["decision"]


class Officer:
    """An officer at a browser that shows no pages; `sign_in` may be called again for another session."""

    def __init__(self, address: str, name: str) -> None:
        self.name = name
        self.address = address
        self.http = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        self.sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        answer = self.http.post("/api/v1/session", json={"name": self.name, "password": password})
        if answer.status_code == 200:
            self.http.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
            self.pseudonym = answer.json()["officer"]["pseudonym"]
        return answer

    @property
    def who(self) -> officers.SignedInOfficer:
        """The same officer to the desk's own code."""
        return officers.SignedInOfficer(self.name, self.pseudonym, "")

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.http.request(method, f"/api/v1{path}", **request)

    def read(self, path: str, **parameters: str) -> Any:
        """What the desk answers to a question that it does not refuse."""
        answer = self.ask("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cases(self, state: str | None = None) -> list[Any]:
        """The cases that the queue shows this officer."""
        return list(self.read("/referrals", **({"state": state} if state else {}))["referrals"])

    def look(self, passage: str) -> Any:
        """The case as this officer sees it."""
        return self.ask("GET", f"/referrals/{passage}").json()

    def take_next(self) -> str | None:
        """Claim the case that comes first; return its passage, or None where there is none."""
        claim = self.ask("POST", "/referrals/next").json()["claim"]
        return claim and str(claim["passage"])

    def form(self, path: str, **fields: str) -> httpx.Response:
        """Send a page's form, with the proof that the own page sends it."""
        return self.http.post(path, data={"csrf_token": self.http.headers["X-CSRF-Token"], **fields})

    def claim(self, passage: str) -> httpx.Response:
        return self.ask("POST", f"/referrals/{passage}/claim")

    def judge(self, passage: str, verdict: str = "same", confidence: int = 4, **more: Any) -> httpx.Response:
        """Look at the faces, and say what is seen."""
        self.ask("GET", f"/referrals/{passage}")
        body = {"verdict": verdict, "confidence": confidence, **more}
        return self.ask("POST", f"/referrals/{passage}/judgement", json=body)

    def decide(
        self, passage: str, answer: str = "admit", ground: str = "same_person", note: str = "as I saw it"
    ) -> httpx.Response:
        """Decide; where the case is not judged yet, judge it first as the decision says."""
        if self.ask("GET", f"/referrals/{passage}").json().get("step") == "blind":
            self.judge(passage, "different" if ground == "different_person" else "same")
        return self.answer(passage, answer, ground, note)

    def answer(self, passage: str, answer: str, ground: str, note: str = "") -> httpx.Response:
        """Decide, and nothing before it."""
        body = {"answer": answer, "ground": ground, "note": note}
        return self.ask("POST", f"/referrals/{passage}/decision", json=body)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code with which the desk refuses."""
    return answer.status_code, answer.json()["code"]


def wire(*entries: Entry) -> list[dict[str, str]]:
    return [{"payload": entry.payload, "hash": entry.hash} for entry in entries]


def judged(passage: str, images: list[str], reasons: list[dict[str, Any]]) -> dict[str, Any]:
    measured = ("sharpness", "brightness", "inter_eye_distance_px", "yaw_deg", "pitch_deg", "roll_deg")
    return {
        "passage": passage,
        "outcome": "refer",
        "reasons": reasons,
        "remarks": [{"code": "A02", "components": []}],
        "evidence": {
            "document": {"expiry": "successful", "expires_on": "2031-01-31", "photo_faces": {"value": 1}},
            "capture": {"ended": "enough", "frames_seen": 42, "good_frames": 3},
            "quality": {name: {"value": 0.5} for name in measured},
            "similarity": {"value": 0.31337},
            "achieved_fmr": {"value": 0.0031337},
            "liveness": {"not_assessed": "no attack detection in this release"},
            "desk": "reached",
        },
        "images": [
            {
                "role": "live" if number else "document",
                "sha256": sha256,
                "media_type": "image/jpeg",
                "sequence": number or None,
                "captured_at": None,
            }
            for number, sha256 in enumerate(images)
        ],
    }


@cache
def drawn_face(seed: int, width: int = 480, height: int = 600) -> bytes:
    """A drawing that is nobody's face."""
    shade = 90 + seed * 37 % 120
    picture = np.full((height, width, 3), (200, 205, 210), np.uint8)
    middle = (width // 2, height // 2)
    cv2.ellipse(picture, middle, (width // 4, height // 3), 0, 0, 360, (shade, shade + 20, shade + 35), -1)
    for side in (-1, 1):
        eye = (middle[0] + side * width // 10, middle[1] - height // 20)
        cv2.circle(picture, eye, width // 40, (40, 40, 40), -1)
    mouth = (middle[0], middle[1] + height // 8)
    cv2.ellipse(picture, mouth, (width // 12, height // 40), 0, 0, 180, (60, 60, 120), 4)
    found, encoded = cv2.imencode(".jpg", picture)
    assert found
    return bytes(encoded.tobytes())


def payloads_of(database: Database) -> list[str]:
    """What the ledger's entries say, in order."""
    with database.read() as session:
        return list(session.scalars(select(LedgerRow.payload).order_by(LedgerRow.seq)))


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_until(holds: Any, timeout_s: float = 10) -> None:
    """Poll until `holds()`; a test that waits for this fails when it never does."""
    until(holds, timeout_s)


ENDS_WITHIN_S = 300.0
"""Generous: what comes to no end is a failure, never a test that hangs."""


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All calls at the same moment, each in a thread of its own; the answers in the calls' order."""
    start, answers = threading.Barrier(len(calls)), [Future[T]() for _ in calls]

    def run(call: Callable[[], T], answer: Future[T]) -> None:
        try:
            start.wait(ENDS_WITHIN_S)
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  it is raised again where the answer is taken
            answer.set_exception(error)

    for call, answer in zip(calls, answers, strict=True):
        # No pool: its end would wait for a thread that hangs, and the failure would never be seen.
        threading.Thread(target=run, args=(call, answer), daemon=True).start()
    return [answer.result(ENDS_WITHIN_S) for answer in answers]
