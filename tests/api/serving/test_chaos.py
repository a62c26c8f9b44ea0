"""Whatever is killed under load, and however many grasp at one case: nothing is lost, nothing happens twice.

The suite kills a few times and lets a few dozen race. A measured run takes more:
RACE_OFFICERS=200 RACE_ROUNDS=100 RACE_CASES=10000 CHAOS_KILLS=100 CHAOS_LANES=20 CHAOS_OFFICERS=5 \
    python -m pytest tests/api/serving/test_chaos.py
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import URL

from api.audit.verify.ledger import verify_ledger
from api.people import officers, sessions
from api.people.officers import SignedInOfficer
from api.platform.database.database import Database, opened
from api.platform.errors import ApiError, StoreBusyError
from api.review.cases.answers import OfficerAnswer
from api.web.access.authentication import cookie_name, csrf_token
from lane.decision.referral import Answer, Ground
from lane.ledger.entry import Entry
from tests.api.commands.test_command_line import run
from tests.api.serving.test_workers import address_of, launched
from tests.support import tiers
from tests.support.api.postgresql import Postgres, server_to_kill
from tests.support.api.running_desk import (
    REFERRED,
    Lane,
    Officer,
    RunningDesk,
    at_once,
    free_port,
    judged,
    payloads_of,
    wait_until,
    wire,
)
from tests.support.processes import children_of

RACE_OFFICERS = int(os.environ.get("RACE_OFFICERS", "16"))
RACE_ROUNDS = int(os.environ.get("RACE_ROUNDS", "6"))
RACE_CASES = int(os.environ.get("RACE_CASES", "25"))
CHAOS_KILLS = int(os.environ.get("CHAOS_KILLS", "1"))
CHAOS_LANES = int(os.environ.get("CHAOS_LANES", "2"))
CHAOS_OFFICERS = int(os.environ.get("CHAOS_OFFICERS", "2"))


@contextmanager
def many_officers(desk: RunningDesk, number: int) -> Iterator[list[Officer]]:
    """Signed in already: to check so many passwords would take most of the time."""
    with ExitStack() as closing:
        found = []
        for one in range(number):
            who = added_officer(desk, f"officer {one}")
            with desk.desk.database.write() as session:
                token, _ = sessions.begin(session, who.pseudonym, at=desk.clock())
            officer = Officer(desk.address, who.name)
            closing.callback(officer.http.close)
            officer.http.cookies.set(cookie_name(desk.settings), token)
            officer.http.headers["X-CSRF-Token"] = csrf_token(token)
            officer.pseudonym = who.pseudonym
            found.append(officer)
        yield found


def race(lane: Lane, rounds: int, officers: Sequence[Callable[[str], None]]) -> list[str]:
    """In each round a passenger is referred, and all officers want the case at the same moment."""
    passages: list[str] = []
    start = threading.Barrier(len(officers) + 1)

    def refer() -> None:
        for _ in range(rounds):
            passages.append(lane.refer(images=[]))
            start.wait(120)
            start.wait(120)

    def contend(officer: Callable[[str], None]) -> None:
        for _ in range(rounds):
            start.wait(120)
            officer(passages[-1])
            start.wait(120)

    calls: list[Callable[[], None]] = [refer, *(partial(contend, officer) for officer in officers)]
    at_once(calls)
    return passages


@pytest.mark.both_databases
def test_contested_case_is_decided_once(desk: RunningDesk, lane: Lane) -> None:
    wins: Counter[str] = Counter()
    claims: Counter[str] = Counter()

    def contend(officer: Officer, passage: str) -> None:
        claimed = officer.claim(passage).status_code == 200
        if officer.decide(passage).status_code == 200:  # who did not get the case decides, too
            wins[passage] += 1
            claims[passage] += claimed

    with many_officers(desk, RACE_OFFICERS) as racing:
        passages = race(lane, RACE_ROUNDS, [partial(contend, officer) for officer in racing])
    assert wins == claims == Counter(dict.fromkeys(passages, 1))
    decided = [body["passage"] for kind, body in facts(desk.desk.database) if kind == "referral.decided"]
    assert Counter(decided) == wins
    verify_ledger(desk.desk.database)


@pytest.mark.both_databases
def test_contested_case_decided_once_across_threads(desk: RunningDesk, lane: Lane) -> None:
    """The same without HTTP, where most of the time went: by far more cases."""
    racing = [added_officer(desk, f"officer {one}") for one in range(RACE_OFFICERS)]
    answers: Counter[str] = Counter()
    wins: Counter[str] = Counter()
    wanted = OfficerAnswer(Answer.SECOND_LINE, Ground.CANNOT_TELL, "")

    def contend(officer: SignedInOfficer, passage: str) -> None:
        refused = refusal(partial(desk.desk.cases.claim, passage, officer))
        answers[refused or "claimed"] += 1
        if refused is None:
            desk.desk.cases.view(passage, officer)
            wins[passage] += refusal(partial(desk.desk.cases.decide, passage, officer, wanted)) is None

    passages = race(lane, RACE_CASES, [partial(contend, officer) for officer in racing])
    print(f"{RACE_CASES} cases, {RACE_OFFICERS} officers:", dict(answers))
    assert wins == Counter(dict.fromkeys(passages, 1))
    recorded = facts(desk.desk.database)
    for kind in ("referral.claimed", "referral.decided"):
        assert Counter(body["passage"] for found, body in recorded if found == kind) == wins
    assert answers.keys() <= {"claimed", "ClaimHeldError", "AlreadyDecidedError"}
    verify_ledger(desk.desk.database)


def added_officer(desk: RunningDesk, name: str) -> SignedInOfficer:
    with desk.desk.database.write() as session:
        pseudonym = officers.add(session, name, "no password", at=desk.clock())
    return SignedInOfficer(name, pseudonym, "")


def refusal(ask: Callable[[], object]) -> str | None:
    """The kind of error with which it was refused. Who does not come in just now asks again, as over HTTP."""
    while True:
        try:
            ask()
        except StoreBusyError:
            continue
        except ApiError as error:
            return type(error).__name__
        return None


def facts(database: Database) -> list[tuple[str, dict[str, Any]]]:
    return [(entry["kind"], entry["body"]) for entry in map(json.loads, payloads_of(database))]


@dataclass
class Site:
    """A desk of several workers that somebody kills and somebody starts again."""

    place: Path | URL
    folder: Path
    workers: int
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self.folder / "log"
        self.process = launched(
            self.place, log, workers=self.workers, port=self.port, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """The desk and all its workers, which follow it."""
        assert self.process is not None
        workers = self._workers()
        self.process.kill()
        self.process.wait()
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def kill_a_worker(self) -> None:
        if workers := self._workers():
            with suppress(ProcessLookupError):
                os.kill(random.choice(sorted(workers)), signal.SIGKILL)

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def _workers(self) -> set[int]:
        assert self.process is not None
        with suppress(OSError):
            return children_of(self.process.pid, "spawn_main")
        return set()


@dataclass
class Passengers:
    """One lane that admits and refers in turn; it says everything until the desk has it."""

    site: Site
    name: str
    token: str
    enough: threading.Event
    done: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: list[Entry] = field(default_factory=list)

    def serve(self) -> None:
        with Lane(self.site.address, self.name, self.token) as lane:
            while not self.enough.is_set():
                self._admitted(lane, str(uuid4()))
                self._referred(lane, str(uuid4()))
            self.written = lane.written

    def _admitted(self, lane: Lane, passage: str) -> None:
        body = judged(passage, [], []) | {"outcome": "admit"}
        closed = {"how": "passed_through"}
        self._deliver(lane, passage, ("started", {}), ("judged", body), ("closed", closed))
        self.done.append(passage)

    def _referred(self, lane: Lane, passage: str) -> None:
        self._deliver(lane, passage, ("started", {}), ("judged", judged(passage, [], REFERRED)))
        decision = self._answer(lane, passage)
        self.answers[passage] = decision
        closed = {"how": "sent_to_second_line"}
        self._deliver(lane, passage, ("decided", {"decision": decision}), ("closed", closed))
        self.done.append(passage)

    def _deliver(self, lane: Lane, passage: str, *facts: tuple[str, dict[str, Any]]) -> None:
        entries = [lane.write(f"passage.{what}", {"passage": passage} | body) for what, body in facts]
        body = {"entries": wire(*entries)}
        until_it_works(lambda: lane.http.post("/entries", json=body, timeout=5))

    def _answer(self, lane: Lane, passage: str) -> dict[str, Any]:
        path = f"/passages/{passage}/decision"
        while True:
            answer = until_it_works(lambda: lane.http.get(path, params={"wait_s": 2}, timeout=10))
            if (decision := answer.json()["decision"]) is not None:
                return dict(decision)


def until_it_works(ask: Callable[[], httpx.Response], timeout_s: float = 240) -> httpx.Response:
    """Ask again while nobody answers, or somebody that it cannot."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            answer = ask()
            if answer.status_code < 500:
                assert answer.status_code == 200, answer.text
                return answer
            last = f"{answer.status_code} {answer.text}"
        except httpx.TransportError as error:
            last = repr(error)
        assert time.monotonic() < until, f"the desk does not come back: {last}"
        time.sleep(0.05)


def decide_everything(
    site: Site, name: str, password: str, decisions: dict[str, Any], ending: threading.Event
) -> None:
    """An officer who works until the end, and signs in again whenever that is needed."""
    officer = Officer(site.address, name)
    while not ending.is_set():
        with suppress(httpx.TransportError, KeyError, ValueError):
            claimed = officer.ask("POST", "/referrals/next", timeout=5)
            if claimed.status_code in (401, 403):
                officer.sign_in(password)
            elif claimed.status_code == 200 and (claim := claimed.json()["claim"]):
                passage = claim["passage"]
                decided = officer.decide(passage, "second_line", "cannot_tell")
                if decided.status_code == 200:
                    decisions[passage] = decided.json()["decision"]
                continue
        time.sleep(0.02)
    officer.http.close()


@pytest.mark.thorough
@tiers.parametrize("killed", ["desk on sqlite", "worker", "desk", "postgresql"], quick=1)
def test_killing_anything_loses_or_repeats_nothing(
    killed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEYS", str(tmp_path))
    with ExitStack() as ending:
        postgres = None if killed == "desk on sqlite" else ending.enter_context(server_to_kill())
        place = tmp_path / "desk.sqlite3" if postgres is None else postgres.url("desk")
        tokens, passwords = staffed(address_of(place))
        site = Site(place, tmp_path, workers=1 if killed == "desk on sqlite" else 2)
        site.start()
        ending.callback(site.end)
        enough, over = threading.Event(), threading.Event()
        ending.callback(over.set)
        ending.callback(enough.set)
        lanes = [Passengers(site, name, token, enough) for name, token in tokens.items()]
        decisions: dict[str, Any] = {}
        at_work = [
            threading.Thread(target=decide_everything, args=(site, *one, decisions, over), daemon=True)
            for one in passwords.items()
        ]
        halls = [threading.Thread(target=one.serve, daemon=True) for one in lanes]
        for thread in (*at_work, *halls):
            thread.start()
        for number in range(CHAOS_KILLS):
            wait_until(lambda number=number: served(lanes) > 3 * number, 240)
            strike(killed, site, postgres)
        wait_until(lambda: served(lanes) > 3 * CHAOS_KILLS, 240)
        enough.set()
        for thread in halls:
            thread.join(300)
            assert not thread.is_alive(), (tmp_path / "log").read_text()[-4000:]
        over.set()
        for thread in at_work:
            thread.join(60)
        site.end()
        print(f"{killed} killed {CHAOS_KILLS} times: {served(lanes)} passages, {len(decisions)} decisions")
        check(place, lanes, decisions)


def served(lanes: list[Passengers]) -> int:
    return sum(len(one.done) for one in lanes)


def staffed(address: str) -> tuple[dict[str, str], dict[str, str]]:
    """Lanes with their tokens, officers with their passwords."""
    tokens, passwords = {}, {}
    for number in range(1, CHAOS_LANES + 1):
        made = run("lane", "add", f"lane-{number}", "--database", address, "--json")
        tokens[f"lane-{number}"] = json.loads(made.stdout)["token"]
    for number in range(1, CHAOS_OFFICERS + 1):
        made = run("officer", "add", f"officer{number}", "--database", address, "--generate", "--json")
        passwords[f"officer{number}"] = json.loads(made.stdout)["password"]
    return tokens, passwords


def strike(killed: str, site: Site, postgres: Postgres | None) -> None:
    time.sleep(random.uniform(0, 0.2))
    if killed == "worker":
        site.kill_a_worker()
    elif killed == "postgresql":
        assert postgres is not None
        postgres.kill()
        postgres.start()
    else:
        site.kill()
        site.start()


def check(place: Path | URL, lanes: list[Passengers], decisions: dict[str, Any]) -> None:
    """Ledger, lanes and officers say the same."""
    with opened(place) as database:
        verify_ledger(database)
        recorded = facts(database)
    received = [body["hash"] for kind, body in recorded if kind == "entry.received"]
    for lane in lanes:
        own = {entry.hash for entry in lane.written}
        in_order = [hash_ for hash_ in received if hash_ in own]
        assert in_order == [entry.hash for entry in lane.written], "each entry once, in order"
    assert len(received) == sum(len(lane.written) for lane in lanes)
    decided = {body["passage"]: body["decision"] for kind, body in recorded if kind == "referral.decided"}
    number = Counter(body["passage"] for kind, body in recorded if kind == "referral.decided")
    assert set(number.values()) == {1}
    names = {passage: decision["id"] for passage, decision in decided.items()}
    answered = {passage: decision["id"] for lane in lanes for passage, decision in lane.answers.items()}
    assert names == answered
    assert all(names[passage] == decision["id"] for passage, decision in decisions.items())
    verified = run("ledger", "verify", "--database", address_of(place))
    assert verified.exit_code == 0, verified.output
