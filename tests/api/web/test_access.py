"""Who may ask for what: nothing is answered to a stranger, and a new endpoint is no exception."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.people.passwords import MOST_SIGN_INS
from api.platform.database.tables import OfficerRow, SessionRow
from api.web.middleware.strict_headers import MOST_BYTES, MOST_ENTRIES_BYTES, MOST_IMAGE_BYTES
from tests.support.api.running_desk import PASSWORD, Lane, Officer, RunningDesk, at_once, drawn_face, running

pytestmark = pytest.mark.both_databases


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("access")) as started:
        yield started


@pytest.fixture(scope="module")
def lane_here(shared: RunningDesk) -> Iterator[Lane]:
    with shared.lane() as made:
        yield made


@pytest.fixture(scope="module")
def officer_here(shared: RunningDesk) -> Iterator[Officer]:
    with shared.officer() as made:
        yield made


OLDER_BROWSERS = [{"Origin": one} for one in ("https://evil.example", "null", "", "http://127.0.0.1:1")]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, *OLDER_BROWSERS])
def test_other_site_cannot_sign_officer_in(
    shared: RunningDesk, officer_here: Officer, headers: dict[str, str]
) -> None:
    body = {"name": officer_here.name, "password": PASSWORD}
    ways: dict[str, dict[str, Any]] = {"/api/v1/session": {"json": body}, "/sign-in": {"data": body}}
    for path, sent in ways.items():
        foreign = httpx.post(f"{shared.address}{path}", headers=headers, **sent)
        assert foreign.status_code == 403
        own = httpx.post(f"{shared.address}{path}", headers={"Origin": shared.address}, **sent)
        assert own.status_code in (200, 303)


def test_session_cookie_strict_secrets_kept_as_hashes(desk: RunningDesk) -> None:
    with desk.officer() as officer:
        answer = officer.sign_in()
        attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")}
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= attributes
        assert "Secure" not in attributes
        token = officer.http.cookies["passenger_lane_session"]
        with desk.desk.database.read() as session:
            kept = session.scalars(select(SessionRow.token_sha256)).all()
            assert session.scalars(select(OfficerRow.password_hash)).one().startswith("$argon2id$")
        assert token not in "".join(kept)


def test_behind_https_the_cookie_is_secure(tmp_path: Path) -> None:
    with running(tmp_path, cookie_secure=True) as desk, desk.officer() as officer:
        assert "Secure" in officer.sign_in().headers["set-cookie"]


def test_unknown_delivery_field_is_not_echoed(lane_here: Lane) -> None:
    entry = {"payload": "{}", "hash": "0" * 64, "ZHANG": 1}
    answer = lane_here.http.post("/entries", json={"entries": [entry], "E12345678": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "request_refused")
    assert "body.entries.0: " in answer.text
    assert not {"ZHANG", "E12345678"} & set(answer.text.replace(":", " ").replace(".", " ").split())


def test_idle_session_ends(desk: RunningDesk, officer: Officer) -> None:
    for _ in range(3):
        desk.clock.pass_time(minutes=25)
        assert officer.ask("GET", "/session").status_code == 200
    desk.clock.pass_time(minutes=31)
    assert officer.ask("GET", "/session").json()["code"] == "not_signed_in"


def test_polling_page_keeps_no_session_alive(desk: RunningDesk, officer: Officer) -> None:
    answers = []
    for _ in range(3):
        desk.clock.pass_time(minutes=11)
        answers.append(officer.http.get("/queue/cases"))
    assert [answer.status_code for answer in answers] == [200, 200, 303]


def test_a_session_ends_with_the_shift(desk: RunningDesk, officer: Officer) -> None:
    answers = []
    for _ in range(30):
        desk.clock.pass_time(minutes=25)
        answers.append(officer.ask("GET", "/session").status_code)
    assert answers == [200] * 28 + [401] * 2


def test_who_signs_out_is_out(officer: Officer) -> None:
    token = officer.http.cookies["passenger_lane_session"]
    assert officer.ask("DELETE", "/session").status_code == 204
    officer.http.cookies.set("passenger_lane_session", token)
    assert officer.ask("GET", "/session").status_code == 401


def test_wrong_name_and_password_look_alike(desk: RunningDesk) -> None:
    with desk.officer() as officer:
        wrong_password = officer.sign_in("not the password")
        officer.name = "nobody"
        wrong_name = officer.sign_in()
    assert wrong_password.status_code == wrong_name.status_code == 401
    assert wrong_password.json() == wrong_name.json()


def test_guessing_is_slowed_then_allowed_again(desk: RunningDesk) -> None:
    with desk.officer() as officer:
        for _ in range(5):
            assert officer.sign_in("not the password").status_code == 401
        assert officer.sign_in().json()["code"] == "too_many_attempts"
        desk.clock.pass_time(seconds=61)
        assert officer.sign_in().status_code == 200


def test_simultaneous_guesses_count(desk: RunningDesk) -> None:
    with desk.officer() as officer:
        answers = at_once([partial(officer.sign_in, f"not the password {number}") for number in range(8)])
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("wrong_password") == 5


def test_sign_in_burst_is_turned_away(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(images=[])
    with ExitStack() as sign_ins:
        for _ in range(MOST_SIGN_INS):
            sign_ins.enter_context(desk.desk.passwords.place())
        flood = at_once([partial(sign_in, desk.address, f"n{number}") for number in range(60)])
        form = httpx.post(f"{desk.address}/sign-in", data={"name": "wang", "password": PASSWORD})
        assert officer.claim(passage).status_code == 200
    assert {(answer.status_code, answer.json()["code"]) for answer in flood} == {(429, "too_many_sign_ins")}
    assert form.status_code == 429
    assert officer.sign_in().status_code == 200


def sign_in(address: str, name: str) -> httpx.Response:
    return httpx.post(f"{address}/api/v1/session", json={"name": name, "password": PASSWORD})


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("PUT", f"/passages/p-1/images/{'0' * 64}", MOST_IMAGE_BYTES),
        ("POST", "/entries", MOST_ENTRIES_BYTES),
        ("POST", "/session", MOST_BYTES),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_oversize_body_is_refused(lane_here: Lane, method: str, path: str, most: int, declared: bool) -> None:
    body = b"x" * (most + 1)
    content = body if declared else iter([body[: most // 2], body[most // 2 :]])
    headers = {"Content-Type": "image/jpeg" if method == "PUT" else "application/json"}
    answer = lane_here.http.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_largest_image_is_taken(lane_here: Lane) -> None:
    picture = drawn_face(1)
    assert lane_here.upload(picture + b"\0" * (MOST_IMAGE_BYTES - len(picture)), "p-1")


@pytest.mark.parametrize(
    "body",
    [
        {"answer": "admit", "ground": "same_person", "force": True},
        {"answer": "admit", "ground": "same_person", "E1234xxx5678 ZHANG": True},
        {"answer": "refuse", "ground": "same_person"},
        {"answer": "admit"},
        {"answer": "admit", "ground": "same_person", "note": "x" * 501},
        {"answer": "admit", "ground": "same_person", "note": None},
        [],
    ],
)
def test_unknown_request_field_refused_not_echoed(officer_here: Officer, body: object) -> None:
    answer = officer_here.ask("POST", "/referrals/p-1/decision", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_refused")
    assert "xxx" not in answer.text
    assert "refuse'" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/referrals", "/queue"])
def test_failure_answer_keeps_browser_strict(
    desk: RunningDesk, lane: Lane, officer: Officer, path: str
) -> None:
    lane.refer(images=[])
    with desk.desk.database.write() as session:
        session.connection().exec_driver_sql("UPDATE referrals SET judged = 'nonsense'")
    answer = officer.http.get(path)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "nonsense" not in answer.text


def test_nothing_else_is_served(shared: RunningDesk) -> None:
    unknown = ("/docs", "/queue/", "/api/v1/session/", "/redoc", "/openapi.json")
    for path in (*unknown, "/static/../app.py", "/static/%2e%2e/app.py"):
        assert httpx.get(f"{shared.address}{path}").status_code == 404, path


def test_case_of_other_officer_is_unreachable(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer_to(officer)
    image = officer.look(passage)["images"][0]["href"]
    with desk.officer("li") as other:
        for somebody in (other, supervisor):
            asked = {"answer": "admit", "ground": "same_person", "note": "mine"}
            answers = [
                somebody.http.get(image),
                somebody.judge(passage),
                somebody.answer(passage, "admit", "same_person", "mine"),
                somebody.ask("POST", f"/referrals/{passage}/correction", json=asked),
            ]
            assert [answer.status_code for answer in answers] == [409] * 4
            assert not somebody.look(passage).get("images")
            assert somebody.ask("DELETE", f"/referrals/{passage}/claim").status_code == 204
    assert officer.look(passage)["mine"] is True


def test_passage_of_other_lane_is_unreachable(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    with desk.lane("lane-2") as other:
        image, jpeg = f"/passages/{passage}/images/{'0' * 64}", {"Content-Type": "image/jpeg"}
        answers = [
            other.http.get(f"/passages/{passage}/decision"),
            other.http.put(image, content=b"x", headers=jpeg),
            other.http.delete(image),
        ]
    assert [answer.json()["code"] for answer in answers] == ["passage_unknown"] * 3


def test_no_header_overrides_method_or_host(officer: Officer) -> None:
    odd = {"X-HTTP-Method-Override": "DELETE", "X-Forwarded-Host": "evil.example", "Host": "evil.example"}
    assert officer.ask("GET", "/session", headers=odd).status_code == 200
    assert officer.ask("GET", "/session").status_code == 200
    home = officer.http.get("/", headers=odd)
    assert (home.status_code, home.headers["location"]) == (303, "/queue")


def test_unknown_method_refused_known_ones_told(officer: Officer) -> None:
    for method in ("HEAD", "OPTIONS", "TRACE", "PATCH"):
        answer = officer.ask(method, "/referrals")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_sign_in_never_redirects_elsewhere(desk: RunningDesk, officer: Officer) -> None:
    form = {"name": officer.name, "password": PASSWORD}
    for path in ("/sign-in?next=//evil.example", "/sign-in?next=https://evil.example"):
        answer = httpx.post(f"{desk.address}{path}", data=form, trust_env=False)
        assert answer.headers["location"] in ("/", "/queue")
