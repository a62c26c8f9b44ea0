"""Administrators look after people; everybody looks after the own account."""

import re
from typing import Any

import pytest

from api.people.roles import Role
from api.web.access.permissions import RULES
from tests.api.web.test_permissions import ENDPOINTS, FILLED
from tests.support.api.running_desk import PASSWORD, Officer, RunningDesk

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("whole_ledger")]

NEW = "a horse that is correct"


def added(desk: RunningDesk, administrator: Officer, name: str = "li", **more: Any) -> tuple[Officer, str]:
    answer = administrator.ask("POST", "/officers", json={"name": name} | more)
    assert answer.status_code == 201, answer.text
    made = Officer(desk.address, name)
    assert made.sign_in(answer.json()["password"]).status_code == 200
    return made, answer.json()["password"]


def row(administrator: Officer, name: str) -> dict[str, Any]:
    found = administrator.read("/officers")["officers"]
    return next(dict(one) for one in found if one["name"] == name)


def test_one_time_password_allows_choosing_another(desk: RunningDesk, administrator: Officer) -> None:
    li, password = added(desk, administrator, role="supervisor", duties=["diplomatic"])
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
    text = " ".join(desk.payloads())
    assert f'"by":"{administrator.pseudonym}"' in text
    assert not re.search(r'"(li|chen)"', text), "the ledger knows the actor and no name"
    assert password not in text


def test_a_one_time_password_opens_nothing_else(desk: RunningDesk, administrator: Officer) -> None:
    li, _ = added(desk, administrator, role="supervisor")
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


def test_new_role_ends_old_sessions(desk: RunningDesk, administrator: Officer) -> None:
    with desk.officer("li", Role.SUPERVISOR) as li:
        path = f"/officers/{li.pseudonym}"
        assert administrator.ask("PUT", f"{path}/role", json={"role": "auditor"}).status_code == 204
        assert li.ask("GET", "/session").status_code == 401
        li.sign_in()
        assert li.ask("GET", "/referrals").json()["code"] == "not_allowed"
        assert (
            administrator.ask("PUT", f"{path}/duties", json={"duties": ["child", "customs"]}).status_code
            == 204
        )
        assert li.ask("GET", "/session").json()["officer"]["duties"] == ["child", "customs"]


def test_disabled_officer_immediately_out_for_good(desk: RunningDesk, administrator: Officer) -> None:
    with desk.officer("li") as li:
        assert administrator.ask("DELETE", f"/officers/{li.pseudonym}").status_code == 204
        assert li.ask("GET", "/session").status_code == 401
        assert li.sign_in().status_code == 401
        assert row(administrator, "li")["disabled"]
        assert administrator.ask("POST", "/officers", json={"name": "li"}).json()["code"] == "name_taken"
        refused = administrator.ask("POST", f"/officers/{li.pseudonym}/password")
        assert refused.json()["code"] == "no_password"


def test_own_role_and_last_administrator_stay(desk: RunningDesk, administrator: Officer) -> None:
    own = f"/officers/{administrator.pseudonym}"
    for method, path, body in (
        ("PUT", f"{own}/role", {"role": "officer"}),
        ("PUT", f"{own}/duties", {"duties": ["child"]}),
        ("POST", f"{own}/password", None),
        ("DELETE", own, None),
    ):
        assert administrator.ask(method, path, json=body).json()["code"] == "own_role"
    with desk.officer("zhao", Role.ADMINISTRATOR) as zhao:
        assert zhao.ask("PUT", f"{own}/role", json={"role": "auditor"}).status_code == 204
        assert administrator.ask("GET", "/officers").status_code == 401
        assert zhao.ask("DELETE", f"/officers/{zhao.pseudonym}").json()["code"] == "own_role"


def test_forgotten_password_is_replaced_by_one_time_password(
    desk: RunningDesk, administrator: Officer
) -> None:
    with desk.officer("li") as li:
        password = administrator.ask("POST", f"/officers/{li.pseudonym}/password").json()["password"]
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


def test_only_administrator_ends_others_sessions(
    desk: RunningDesk, administrator: Officer, officer: Officer
) -> None:
    with desk.officer("li") as li:
        (own,) = li.ask("GET", "/sessions").json()["sessions"]
        assert officer.ask("DELETE", f"/sessions/{own['session']}").status_code == 404
        path = f"/officers/{li.pseudonym}/sessions"
        assert administrator.ask("GET", path).json()["sessions"][0]["way"] == "password"
        assert administrator.ask("DELETE", path).status_code == 204
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


def test_administrator_does_everything_by_forms(desk: RunningDesk, administrator: Officer) -> None:
    assert administrator.http.get("/").headers["location"] == "/people"
    page = administrator.form("/people", name="王 伟", role="officer", duties="child, Customs")
    shown = re.search(r"<output[^>]*>([^<]+)</output>", page.text)
    assert shown is not None
    with Officer(desk.address, "王 伟") as wei:
        wei.sign_in(shown[1])
        person = f"/people/{wei.pseudonym}"
        assert "child, customs" in administrator.http.get("/people").text
        assert shown[1] not in administrator.http.get(person).text
        assert wei.form("/account/password", old=shown[1], new=NEW, again="another").status_code == 422
        assert wei.form("/account/password", old=shown[1], new=NEW, again=NEW).status_code == 303
        assert wei.http.get("/queue").status_code == 200
        assert administrator.form(f"{person}/role", role="supervisor").status_code == 303
        assert administrator.form(f"{person}/duties", duties="").status_code == 303
        known = {"officer": wei.pseudonym, "name": "王 伟", "role": "supervisor", "duties": []}
        known |= {"disabled": False, "external": False, "passkeys": 0, "sessions": 0}
        found = row(administrator, "王 伟")
        assert found == known | {"added_at": found["added_at"]}
        assert "<output" in administrator.form(f"{person}/password").text
        assert administrator.form(f"{person}/sessions/end").status_code == 303
        assert administrator.form(f"{person}/disable").status_code == 303
        assert administrator.form(f"/people/{administrator.pseudonym}/disable").status_code == 409
    assert administrator.form("/people", name="x\ty", role="officer").status_code == 422
    assert administrator.form("/people", name="li", role="officer", duties="ärzte").status_code == 422
