"""Each role at each endpoint, over HTTP: let in, or refused with a code, before anything is read.

The table is made from the routes of the application: a new one is in it without being named here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from api.people.roles import Role
from api.platform.errors import RuleMissingError
from api.web.access.authentication import Guarded, GuardedPage, cookie_name
from api.web.access.permissions import PEOPLE, RULES, Caller, Rule
from api.web.app import _check_guarded
from tests.support.api import described_desk
from tests.support.api.evaluated_lane import TOKEN
from tests.support.api.running_desk import PASSWORD, Officer, RunningDesk, running

APP = described_desk.app()
OPENAPI: dict[str, Any] = described_desk.openapi()
FILLED = {"sha256": "0" * 64, "alarm": "1"}
STRANGER, FORGER = "a stranger", "somebody with invented tokens"
CALLERS = [STRANGER, FORGER, *Role, Caller.LANE, Caller.MONITOR]


def endpoints() -> list[tuple[str, str, str]]:
    found = []
    for route in iter_route_contexts(APP.routes):
        if isinstance(route.original_route, Guarded):
            name = route.original_route.name
            found += [(method, str(route.path), name) for method in sorted(route.methods or ())]
    return found


ENDPOINTS = endpoints()
CHANGES = [one for one in ENDPOINTS if RULES[one[2]].needs_csrf]
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for methods in OPENAPI["paths"].values()
    for operation in methods.values()
]


class Site:
    """One desk, and everybody who comes to it; who was signed out comes again."""

    def __init__(self, desk: RunningDesk, stack: ExitStack) -> None:
        self.address, self.cookie = desk.address, cookie_name(desk.settings)
        self.lane = stack.enter_context(desk.lane())
        self.people = {role: stack.enter_context(desk.officer(f"the {role}", role)) for role in Role}
        stranger, forger, monitor = (
            stack.enter_context(httpx.Client(trust_env=False, timeout=30)) for _ in range(3)
        )
        forger.headers["Authorization"] = "Bearer invented"
        forger.cookies.set(self.cookie, "invented")
        monitor.headers["Authorization"] = f"Bearer {TOKEN}"
        self.clients: dict[str, httpx.Client] = {
            STRANGER: stranger,
            FORGER: forger,
            Caller.MONITOR: monitor,
            Caller.LANE: self.lane.http,
            **{caller: officer.http for caller, officer in self.people.items()},
        }

    def signed_in(self, caller: Role) -> Officer:
        officer = self.people[caller]
        if officer.ask("GET", "/session").status_code == 401:
            officer.sign_in()
        return officer


@pytest.fixture(scope="module")
def another_proof(site: Site) -> Callable[[Role], str]:
    """The proof of another session of the same person."""

    @cache
    def made(caller: Role) -> str:
        body = {"name": site.people[caller].name, "password": PASSWORD}
        path = f"{site.address}/api/v1/session"
        with httpx.Client(trust_env=False) as other:
            proof: str = other.post(path, json=body).json()["csrf_token"]
            other.delete(path, headers={"X-CSRF-Token": proof})
        return proof

    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("permissions")
    with running(path, metrics_token=SecretStr(TOKEN)) as desk, ExitStack() as stack:
        yield Site(desk, stack)


def ask(
    client: httpx.Client, address: str, method: str, path: str, csrf: str | None = None, **headers: str
) -> httpx.Response:
    """A request that nobody could parse, but for the proof in a page's form."""
    filled = re.sub(r"\{(\w+)\}", lambda named: FILLED.get(named[1], "p-1"), path)
    if path.startswith("/api/"):
        sent, content = {"Content-Type": "application/json"}, b"[" * 1000
    elif csrf is None:
        sent, content = {"Content-Type": "multipart/form-data; boundary=x"}, b"no form"
    else:
        sent, content = {"Content-Type": "application/x-www-form-urlencoded"}, f"csrf_token={csrf}".encode()
    request = client.build_request(
        method, f"{address}{filled}", headers={**sent, **headers}, content=b"" if method == "GET" else content
    )
    answer = client.send(request, stream=True)
    try:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
    finally:
        answer.close()
    return answer


def code(answer: httpx.Response, path: str) -> str | None:
    """The code of a refusal at the door, or None for who was let in."""
    if answer.status_code == 303 and answer.headers["location"] == "/sign-in" and path != "/sign-out":
        return "not_signed_in"
    if path == "/sign-out" and answer.status_code == 303:
        return None if "set-cookie" in answer.headers else "not_signed_in"
    if answer.status_code not in (401, 403) or path.startswith("/sign-in"):
        return None
    found: str = answer.json()["code"] if path.startswith("/api/") else "not_allowed"
    return None if found == "wrong_password" else found


def expected(rule: Rule, caller: str) -> str | None:
    if Caller.ANYONE in rule.callers or caller in rule.callers:
        return None
    if caller in PEOPLE and rule.people:
        return "not_allowed"
    bears = caller in (FORGER, Caller.LANE, Caller.MONITOR)
    if not rule.people or (bears and Caller.LANE in rule.callers):
        return "token_refused"
    return "not_signed_in"


@pytest.mark.parametrize(("method", "path", "name"), ENDPOINTS)
def test_each_role_at_each_endpoint(site: Site, method: str, path: str, name: str) -> None:
    for caller in CALLERS:
        client = site.clients[caller]
        answer = ask(client, site.address, method, path, client.headers.get("X-CSRF-Token"))
        if caller in PEOPLE and code(answer, path) == "not_signed_in":  # an endpoint before ended the session
            csrf = site.signed_in(Role(caller)).http.headers["X-CSRF-Token"]
            answer = ask(client, site.address, method, path, csrf)
        assert code(answer, path) == expected(RULES[name], caller), caller
        assert answer.status_code < 500 or name == "ask_provider"  # this desk has none, and says so


@pytest.mark.parametrize(("method", "path", "name"), CHANGES)
def test_change_needs_own_session_proof(
    site: Site, another_proof: Callable[[Role], str], method: str, path: str, name: str
) -> None:
    caller = Role(sorted(RULES[name].people)[0])
    officer = site.signed_in(caller)
    proof = officer.http.headers["X-CSRF-Token"]
    with httpx.Client(cookies=officer.http.cookies, trust_env=False) as browser:
        for forged in ("", "0" * 64, another_proof(caller)):
            headers = {"X-CSRF-Token": forged} if forged else {}
            assert ask(browser, site.address, method, path, forged, **headers).status_code == 403
        browser.headers["X-CSRF-Token"] = proof
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert ask(browser, site.address, method, path, proof, **foreign).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        assert ask(browser, site.address, method, path, proof, **foreign).status_code == 403
    assert officer.ask("GET", "/session").status_code == 200


@pytest.fixture(scope="module")
def known(site: Site) -> dict[str, str]:
    """Of each parameter of a path something that there is."""
    held = site.signed_in(Role.OFFICER)
    passage = site.lane.refer_to(held)
    image = held.look(passage)["images"][0]["sha256"]
    return {"passage": passage, "sha256": image, "officer": held.pseudonym, "lane": site.lane.name}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((path, name) for method, path, name in ENDPOINTS if method == "GET" and name != "follow_events"),
        ("/nowhere", "show_health"),
        ("/static/shared/desk.css", "show_health"),
    ],
)
def test_every_answer_keeps_the_browser_strict(
    path: str, name: str, site: Site, known: dict[str, str]
) -> None:
    address = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)
    for caller in [one for one in site.clients if one in RULES[name].callers] or [Caller.MONITOR]:
        if caller in site.people:
            site.signed_in(Role(caller))
        answer = site.clients[caller].get(f"{site.address}{address}")
        assert answer.status_code < 500 or answer.status_code == 503, "503: no identity provider is set"
        headers = answer.headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert "server" not in headers


@pytest.mark.parametrize("operation", OPERATIONS)
def test_description_matches_rule(operation: dict[str, Any]) -> None:
    rule = RULES[operation["operationId"]]
    told = [set(way) for way in operation["security"]]
    people = {"officer", "csrf"} if rule.changes else {"officer"}
    wanted = [people] if rule.callers & PEOPLE else []
    wanted += [{name} for name in ("lane", "monitor") if name in rule.callers]
    assert told == wanted
    assert set().union(*told) <= set(OPENAPI["components"]["securitySchemes"])
    codes = " ".join(answer["description"] for answer in operation["responses"].values())
    assert all(found in codes for found in (expected(rule, caller) or "" for caller in CALLERS))


def test_rules_and_routes_agree() -> None:
    assert set(RULES) == {name for _, _, name in ENDPOINTS}
    for method, path, name in ENDPOINTS:
        assert RULES[name].changes == (method not in ("GET", "HEAD")), path
    for route in iter_route_contexts(APP.routes):
        if isinstance(route.original_route, Guarded):
            assert isinstance(route.original_route, GuardedPage) != str(route.path).startswith("/api/")


@pytest.mark.parametrize(
    ("name", "door", "named"),
    [("nobody_thought_of_it", Guarded, "nobody_thought_of_it"), ("show_health", None, "/x")],
)
def test_route_without_rule_or_door_is_not_served(name: str, door: type[Guarded] | None, named: str) -> None:
    app = FastAPI(openapi_url=None)
    app.router.add_api_route("/x", lambda: None, name=name, route_class_override=door)
    with pytest.raises(RuleMissingError, match=named):
        _check_guarded(app)


def test_route_losing_its_rule_admits_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "show_health")
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.get(f"{site.address}/api/v1/health").status_code == 500


def test_faces_are_for_those_who_decide() -> None:
    decide = {Role.OFFICER, Role.SUPERVISOR}
    assert RULES["show_image"].callers == RULES["decide_referral"].callers == decide
    assert not RULES["show_referral"].callers - decide


@pytest.mark.parametrize(
    ("name", "callers"),
    [
        ("decide_referral", {Role.OFFICER, Role.SUPERVISOR}),
        ("command_lane", {Role.SUPERVISOR}),
        ("add_officer", {Role.ADMINISTRATOR}),
        ("audit_passage", {Role.AUDITOR}),
        ("place_hold", {Role.AUDITOR, Role.ADMINISTRATOR}),
        ("count_faces", {Role.AUDITOR, Role.ADMINISTRATOR, Role.SUPERVISOR, Caller.MONITOR}),
        ("show_tree_head", {Role.AUDITOR, Role.SUPERVISOR, Caller.LANE, Caller.MONITOR}),
        ("show_session", set(Role)),
    ],
)
def test_each_work_only_for_its_roles(name: str, callers: set[str]) -> None:
    assert RULES[name].callers == callers


def test_anonymous_operations_are_known() -> None:
    anyone = {name for name, rule in RULES.items() if Caller.ANYONE in rule.callers}
    assert anyone == {
        "show_health",
        "show_ready",
        "show_sign_in",
        "sign_in",
        "ask_for_sign_in",
        "sign_in_with_passkey",
        "ask_provider",
        "come_from_provider",
    }
