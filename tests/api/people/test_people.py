"""Administrators look after people; everybody looks after the own account."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.audit.verify.ledger import verify_ledger
from api.people.roles import Role
from api.web.access.permissions import RULES
from tests.api.web.test_permissions import ENDPOINTS, FILLED
from tests.support.api.running_desk import PASSWORD, Officer, RunningDesk

pytestmark = pytest.mark.both_databases

NEW = "a horse that is correct"


@pytest.fixture
def chen(desk: RunningDesk) -> Iterator[Officer]:
    with desk.officer("chen", Role.ADMINISTRATOR) as made:
        yield made


@pytest.fixture(autouse=True)
def whole_ledger(desk: RunningDesk) -> Iterator[None]:
    """What is left of each test verifies."""
    yield
    verify_ledger(desk.desk.database)


def added(desk: RunningDesk, chen: Officer, name: str = "li", **more: Any) -> tuple[Officer, str]:
    answer = chen.ask("POST", "/officers", json={"name": name} | more)
    assert answer.status_code == 201, answer.text
    made = Officer(desk.address, name)
    assert made.sign_in(answer.json()["password"]).status_code == 200
    return made, answer.json()["password"]


def row(chen: Officer, name: str) -> dict[str, Any]:
    found = chen.ask("GET", "/officers").json()["officers"]
    return next(dict(one) for one in found if one["name"] == name)


def test_one_time_password_allows_choosing_another(desk: RunningDesk, chen: Officer) -> None:
    li, password = added(desk, chen, role="supervisor", duties=["diplomatic"])
    assert li.ask("GET", "/referrals").json()["code"] == "one_time_password"
    assert li.http.get("/queue").headers["location"] == "/account"
    assert li.http.get("/account").status_code == 200
    changed = li.ask("PUT", "/password", json={"old": password, "new": NEW})
    assert changed.status_code == 204
    assert li.ask("GET", "/referrals").status_code == 200
    known = {"name": "li", "pseudonym": li.pseudonym, "role": "supervisor", "duties": ["diplomatic"]}
    assert li.ask("GET", "/session").json()["officer"] == known
    assert li.sign_in(password).status_code == 401
    assert li.sign_in(NEW).status_code == 200
    li.http.close()


def test_a_one_time_password_opens_nothing_else(desk: RunningDesk, chen: Officer) -> None:
    li, _ = added(desk, chen, role="supervisor")
    for method, path, name in ENDPOINTS:
        rule = RULES[name]
        if "supervisor" not in rule.callers or rule.with_one_time_password:
            continue
        filled = re.sub(r"\{(\w+)\}", lambda named: FILLED.get(named[1], "p-1"), path)
        answer = li.http.request(method, filled, content=b"[")
        if path.startswith("/api/"):
            assert (answer.status_code, answer.json()["code"]) == (403, "one_time_password"), path
        else:
            assert (answer.status_code, answer.headers["location"]) == (303, "/account"), path
    li.http.close()


def test_new_role_ends_old_sessions(desk: RunningDesk, chen: Officer) -> None:
    with desk.officer("li", Role.SUPERVISOR) as li:
        path = f"/officers/{li.pseudonym}"
        assert chen.ask("PUT", f"{path}/role", json={"role": "auditor"}).status_code == 204
        assert li.ask("GET", "/session").status_code == 401
        li.sign_in()
        assert li.ask("GET", "/referrals").json()["code"] == "not_allowed"
        assert chen.ask("PUT", f"{path}/duties", json={"duties": ["child", "customs"]}).status_code == 204
        assert li.ask("GET", "/session").json()["officer"]["duties"] == ["child", "customs"]


def test_disabled_officer_immediately_out_for_good(desk: RunningDesk, chen: Officer) -> None:
    with desk.officer("li") as li:
        assert chen.ask("DELETE", f"/officers/{li.pseudonym}").status_code == 204
        assert li.ask("GET", "/session").status_code == 401
        assert li.sign_in().status_code == 401
        assert row(chen, "li")["disabled"]
        assert chen.ask("POST", "/officers", json={"name": "li"}).json()["code"] == "name_taken"
        refused = chen.ask("POST", f"/officers/{li.pseudonym}/password")
        assert refused.json()["code"] == "no_password"


def test_own_role_and_last_administrator_stay(desk: RunningDesk, chen: Officer) -> None:
    own = f"/officers/{chen.pseudonym}"
    for method, path, body in (
        ("PUT", f"{own}/role", {"role": "officer"}),
        ("PUT", f"{own}/duties", {"duties": ["child"]}),
        ("POST", f"{own}/password", None),
        ("DELETE", own, None),
    ):
        assert chen.ask(method, path, json=body).json()["code"] == "own_role"
    with desk.officer("zhao", Role.ADMINISTRATOR) as zhao:
        assert zhao.ask("PUT", f"{own}/role", json={"role": "auditor"}).status_code == 204
        assert chen.ask("GET", "/officers").status_code == 401
        assert zhao.ask("DELETE", f"/officers/{zhao.pseudonym}").json()["code"] == "own_role"


def test_forgotten_password_is_replaced_by_told(desk: RunningDesk, chen: Officer) -> None:
    with desk.officer("li") as li:
        password = chen.ask("POST", f"/officers/{li.pseudonym}/password").json()["password"]
        assert li.ask("GET", "/session").status_code == 401
        assert li.sign_in().status_code == 401
        assert li.sign_in(password).status_code == 200
        assert li.ask("GET", "/referrals").json()["code"] == "one_time_password"


def test_session_elsewhere_is_seen_and_ended(desk: RunningDesk) -> None:
    with desk.officer("li") as here, Officer(desk.address, "li") as there:
        listed = here.ask("GET", "/sessions").json()["sessions"]
        assert sorted(one["present"] for one in listed) == [False, True]
        other = next(one["session"] for one in listed if not one["present"])
        assert here.ask("DELETE", f"/sessions/{other}").status_code == 204
        assert there.ask("GET", "/session").status_code == 401
        assert here.ask("GET", "/session").status_code == 200
        assert here.ask("DELETE", f"/sessions/{other}").json()["code"] == "session_unknown"


def test_only_administrator_ends_others_sessions(desk: RunningDesk, chen: Officer, officer: Officer) -> None:
    with desk.officer("li") as li:
        (own,) = li.ask("GET", "/sessions").json()["sessions"]
        assert officer.ask("DELETE", f"/sessions/{own['session']}").status_code == 404
        path = f"/officers/{li.pseudonym}/sessions"
        assert chen.ask("GET", path).json()["sessions"][0]["way"] == "password"
        assert chen.ask("DELETE", path).status_code == 204
        assert li.ask("GET", "/session").status_code == 401
        assert officer.ask("GET", "/session").status_code == 200


@pytest.mark.parametrize("new", ["short", "x" * 257, "my password is wang", PASSWORD, "MY WANG password"])
def test_bad_password_is_refused(officer: Officer, new: str) -> None:
    answer = officer.ask("PUT", "/password", json={"old": PASSWORD, "new": new})
    assert answer.status_code == 422
    assert new not in answer.text
    assert officer.sign_in().status_code == 200


def test_password_change_needs_old_password(desk: RunningDesk, officer: Officer) -> None:
    """Guesses are slowed down."""
    with Officer(desk.address, "wang") as elsewhere:
        body = {"old": "a wrong password", "new": NEW}
        codes = [officer.ask("PUT", "/password", json=body).json()["code"] for _ in range(6)]
        assert codes == ["wrong_password"] * 5 + ["too_many_attempts"]
        desk.clock.pass_time(minutes=1, seconds=1)
        assert officer.ask("PUT", "/password", json={"old": PASSWORD, "new": NEW}).status_code == 204
        assert elsewhere.ask("GET", "/session").status_code == 401
        assert officer.ask("GET", "/session").status_code == 200
        assert officer.sign_in(NEW).status_code == 200


def form(officer: Officer, path: str, **sent: str) -> httpx.Response:
    return officer.http.post(path, data={"csrf_token": officer.http.headers["X-CSRF-Token"], **sent})


def test_administrator_does_everything_by_forms(desk: RunningDesk, chen: Officer) -> None:
    assert chen.http.get("/").headers["location"] == "/people"
    page = form(chen, "/people", name="王 伟", role="officer", duties="child, Customs")
    shown = re.search(r"<output[^>]*>([^<]+)</output>", page.text)
    assert shown is not None
    with Officer(desk.address, "王 伟") as wei:
        wei.sign_in(shown[1])
        person = f"/people/{wei.pseudonym}"
        assert "child, customs" in chen.http.get("/people").text
        assert shown[1] not in chen.http.get(person).text
        assert form(wei, "/account/password", old=shown[1], new=NEW, again="another").status_code == 422
        assert form(wei, "/account/password", old=shown[1], new=NEW, again=NEW).status_code == 303
        assert wei.http.get("/queue").status_code == 200
        assert form(chen, f"{person}/role", role="supervisor").status_code == 303
        assert form(chen, f"{person}/duties", duties="").status_code == 303
        known = {"officer": wei.pseudonym, "name": "王 伟", "role": "supervisor", "duties": []}
        known |= {"disabled": False, "external": False, "passkeys": 0, "sessions": 0}
        found = row(chen, "王 伟")
        assert found == known | {"added_at": found["added_at"]}
        assert "<output" in form(chen, f"{person}/password").text
        assert form(chen, f"{person}/sessions/end").status_code == 303
        assert form(chen, f"{person}/disable").status_code == 303
        assert form(chen, f"/people/{chen.pseudonym}/disable").status_code == 409
    assert form(chen, "/people", name="x\ty", role="officer").status_code == 422
    assert form(chen, "/people", name="li", role="officer", duties="ärzte").status_code == 422


def test_ledger_knows_actor_but_no_name(desk: RunningDesk, chen: Officer) -> None:
    li, password = added(desk, chen)
    li.ask("PUT", "/password", json={"old": password, "new": NEW})
    text = " ".join(desk.payloads())
    assert f'"by":"{chen.pseudonym}"' in text
    assert not re.search(r'"(li|chen)"', text)
    assert password not in text
    li.http.close()
