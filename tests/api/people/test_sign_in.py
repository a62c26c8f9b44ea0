"""Signing in: guesses are slowed down for all workers at once, and a session belongs to one sign-in."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.people.passwords import Passwords
from api.people.sign_in import NAME, SOURCE, Visitor, _pause, subject
from api.platform.database.database import Database
from api.platform.database.tables import AttemptsRow, SessionRow
from api.platform.errors import TooManyAttemptsError, WrongPasswordError
from api.web.access.authentication import client_address
from api.web.desk import Desk
from tests.support.api.running_desk import CHEAP, PASSWORD, Officer, RunningDesk, running

pytestmark = pytest.mark.both_databases

NOBODY = Visitor(None)
COOKIE = "passenger_lane_session"


def guess(desk: Desk, name: str = "wang", source: str | None = None) -> str:
    try:
        desk.sign_in.by_password(name, "not the password", Visitor(source))
    except (WrongPasswordError, TooManyAttemptsError) as error:
        return type(error).__name__
    raise AssertionError


def other_worker(desk: RunningDesk) -> Desk:
    """Another process of the same desk shares nothing with this one but the database."""
    database = Database(desk.settings.database)
    return replace(desk.desk, database=database, passwords=Passwords(CHEAP))


def test_workers_count_guesses_together(desk: RunningDesk) -> None:
    desk.officer()
    other = other_worker(desk)
    outcomes = [guess(desk.desk) for _ in range(3)] + [guess(other) for _ in range(3)]
    assert outcomes == ["WrongPasswordError"] * 5 + ["TooManyAttemptsError"]
    other.database.close()


@pytest.mark.usefixtures("standing_clock")
def test_each_guess_doubles_pause_to_limit(desk: RunningDesk) -> None:
    desk.officer()
    assert [guess(desk.desk) for _ in range(6)][-1] == "TooManyAttemptsError"
    for minutes in (1, 2, 4, 8):
        desk.clock.pass_time(minutes=minutes, seconds=-5)
        assert guess(desk.desk) == "TooManyAttemptsError"
        desk.clock.pass_time(seconds=10)
        assert guess(desk.desk) == "WrongPasswordError"
    desk.clock.pass_time(minutes=15, seconds=5)
    with Officer(desk.address, "wang") as officer:
        assert officer.sign_in().status_code == 200


@given(st.integers(0, 10**9))
def test_no_pause_exceeds_quarter_hour(wrong: int) -> None:
    assert timedelta() <= _pause(wrong, NAME) <= timedelta(minutes=15)
    assert _pause(wrong, NAME) <= _pause(wrong + 1, NAME)


def test_flooded_name_is_not_locked_forever(desk: RunningDesk) -> None:
    desk.officer()
    for _ in range(12):
        for _ in range(30):
            guess(desk.desk)
        desk.clock.pass_time(minutes=15, seconds=1)
    who, _ = desk.desk.sign_in.by_password("wang", PASSWORD, NOBODY)
    assert who.name == "wang"


def test_many_names_one_address_slowed_too(desk: RunningDesk) -> None:
    desk.officer()
    outcomes = [guess(desk.desk, f"name {number}", "192.0.2.7") for number in range(SOURCE.free + 1)]
    assert outcomes.count("TooManyAttemptsError") == 1
    assert guess(desk.desk, "elsewhere", "192.0.2.8") == "WrongPasswordError"
    with pytest.raises(TooManyAttemptsError):
        desk.desk.sign_in.by_password("wang", PASSWORD, Visitor("192.0.2.7"))
    desk.clock.pass_time(minutes=1, seconds=1)
    assert desk.desk.sign_in.by_password("wang", PASSWORD, Visitor("192.0.2.7"))


def test_right_password_excuses_no_address_guesses(desk: RunningDesk) -> None:
    """What others did from its address still counts."""
    desk.officer()
    for number in range(SOURCE.free - 1):
        guess(desk.desk, f"name {number}", "192.0.2.7")
    desk.desk.sign_in.by_password("wang", PASSWORD, Visitor("192.0.2.7"))
    assert guess(desk.desk, "one more", "192.0.2.7") == "WrongPasswordError"
    assert guess(desk.desk, "too many", "192.0.2.7") == "TooManyAttemptsError"


def test_fast_clock_locks_nobody_out(desk: RunningDesk) -> None:
    """It keeps nobody in, either."""
    desk.clock.pass_time(days=300)
    with desk.officer() as officer:
        for _ in range(6):
            guess(desk.desk)
        desk.clock.pass_time(days=-300)
        assert officer.ask("GET", "/session").status_code == 401
        assert officer.sign_in().status_code == 200
        assert officer.ask("GET", "/session").status_code == 200


def test_expired_attempts_and_sessions_are_forgotten(desk: RunningDesk, officer: Officer) -> None:
    """What is kept of them is no name and no address."""
    known = {"name": "nobody", "source": "192.0.2.7"}
    guess(desk.desk, *known.values())
    desk.desk.sign_in.forget_old()
    with desk.desk.database.read() as session:
        kept = {row.subject for row in session.query(AttemptsRow)}
        assert kept == {subject(what, value) for what, value in known.items()}
        assert session.query(SessionRow).count() == 1
    desk.clock.pass_time(days=1, seconds=1)
    desk.desk.sign_in.forget_old()
    with desk.desk.database.read() as session:
        assert (session.query(AttemptsRow).count(), session.query(SessionRow).count()) == (0, 0)


def session_of(desk: RunningDesk, token: str, cookie: str = COOKIE) -> int:
    """The status that a browser with this cookie gets when it asks who is signed in."""
    headers = {"Cookie": f"{cookie}={token}"}
    return httpx.get(f"{desk.address}/api/v1/session", headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("path", ["/api/v1/session", "/sign-in"])
def test_new_sign_in_ends_browser_session(desk: RunningDesk, officer: Officer, path: str) -> None:
    before = officer.http.cookies[COOKIE]
    body = {"name": officer.name, "password": PASSWORD}
    sent = {"json": body} if path.startswith("/api/") else {"data": body}
    assert officer.http.post(path, **sent).status_code in (200, 303)  # type: ignore[arg-type]
    assert officer.http.cookies[COOKIE] != before
    assert session_of(desk, before) == 401
    assert officer.ask("GET", "/session").status_code == 200


def test_session_chosen_by_others_never_taken(desk: RunningDesk) -> None:
    with desk.officer() as officer:
        officer.http.cookies.clear()
        officer.http.cookies.set(COOKIE, "chosen by somebody else")
        officer.http.post("/sign-in", data={"name": officer.name, "password": PASSWORD})
    assert session_of(desk, "chosen by somebody else") == 401


def test_other_host_cannot_set_https_cookie(tmp_path: Path) -> None:
    with running(tmp_path, cookie_secure=True) as desk, desk.officer() as officer:
        given = officer.sign_in().headers["set-cookie"]
        token = given.partition("=")[2].partition(";")[0]
        attributes = {part.strip() for part in given.split(";")[1:]}
        assert given.startswith("__Host-passenger_lane_session=")
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Secure"} <= attributes
        assert not any(attribute.lower().startswith("domain") for attribute in attributes)
        for name, status in ((f"__Host-{COOKIE}", 200), (COOKIE, 401)):
            assert session_of(desk, token, name) == status


NETWORKS = tuple(ip_network(one) for one in ("10.0.0.1/32", "10.0.9.0/24", "127.0.0.0/8", "fd00::/64"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.9"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9, 10.0.9.4"], "198.51.100.9"),
        ("10.0.0.1", ["10.0.9.7, 10.0.0.1, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9:4711"], "198.51.100.9"),
        ("10.0.0.1", ["not an address, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9, not an address"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("fd00::1", ["[2001:db8:1:2:3::4]:80"], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2:ffff::9"], "2001:db8:1:2::/64"),
        ("127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", [], None),
        ("10.0.0.1", ["127.0.0.1"], None),
        ("::1", ["198.51.100.9"], None),
        (None, ["198.51.100.9"], None),
        ("testclient", [], None),
    ],
)
def test_address_only_from_trusted_proxy(peer: str | None, forwarded: list[str], found: str | None) -> None:
    assert client_address(peer, forwarded, NETWORKS) == found


@given(st.lists(st.text(max_size=40), max_size=5), st.ip_addresses(v=4))
def test_browser_cannot_change_its_address(forged: list[str], real: IPv4Address) -> None:
    """Its proxy puts the true address last."""
    assume(not real.is_loopback and not any(real in one for one in NETWORKS if one.version == 4))
    assert client_address("10.0.0.1", [*forged, str(real)], NETWORKS) == str(real)
    assert client_address(str(real), forged, NETWORKS) == str(real)


def wrong(desk: RunningDesk, name: str, forwarded: str) -> int:
    body = {"name": name, "password": "not the password"}
    with httpx.Client(base_url=desk.address, trust_env=False) as browser:
        return browser.post("/api/v1/session", json=body, headers={"X-Forwarded-For": forwarded}).status_code


@pytest.mark.parametrize(
    ("trusted", "refused"), [(["127.0.0.1"], 1), ([], 0)], ids=["a trusted proxy", "one that tells nothing"]
)
def test_addresses_count_only_from_trusted_proxy(tmp_path: Path, trusted: list[str], refused: int) -> None:
    with running(tmp_path, trusted_proxies=trusted) as desk:
        statuses = [wrong(desk, f"name {number}", f"203.0.113.{number}, 192.0.2.7") for number in range(51)]
        assert statuses == [401] * (51 - refused) + [429] * refused
        assert wrong(desk, "somebody", "192.0.2.8") == 401
