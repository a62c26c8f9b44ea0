"""Somebody with a session or a token of their own reaches for what is another's, or asks in odd ways."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from api.people.roles import Role
from api.web.access.authentication import Guarded
from api.web.access.permissions import RULES, Caller
from tests.api.web.test_permissions import Site
from tests.support.api import described_desk
from tests.support.api.evaluated_lane import TOKEN
from tests.support.api.running_desk import PASSWORD, Lane, Officer, RunningDesk, running

STREAM = "follow_events"
READ = [
    pytest.param(str(route.path), route.original_route.name, id=route.original_route.name)
    for route in iter_route_contexts(described_desk.app().routes)
    if isinstance(route.original_route, Guarded)
    and "GET" in (route.methods or ())
    and route.original_route.name != STREAM
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, str]]]:
    with (
        running(tmp_path_factory.mktemp("desk"), metrics_token=SecretStr(TOKEN)) as desk,
        ExitStack() as stack,
    ):
        made = Site(desk, stack)
        lane = stack.enter_context(desk.lane("lane-2"))
        held = made.people[Role.OFFICER]
        passage = lane.refer()
        held.claim(passage)
        image = held.ask("GET", f"/referrals/{passage}").json()["images"][0]["sha256"]
        yield made, {"passage": passage, "sha256": image, "officer": held.pseudonym, "lane": "lane-2"}


@pytest.mark.parametrize(("path", "name"), READ)
def test_no_answer_is_cached_or_sniffed(path: str, name: str, site: tuple[Site, dict[str, str]]) -> None:
    made, known = site
    address = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)
    for caller in [one for one in made.clients if one in RULES[name].callers] or [Caller.MONITOR]:
        if caller in made.people:
            made.signed_in(Role(caller))
        answer = made.clients[caller].get(f"{made.address}{address}")
        assert answer.status_code < 500 or answer.status_code == 503, "503: no identity provider is set"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_events_are_not_kept_either(officer: Officer) -> None:
    with officer.http.stream("GET", "/api/v1/events") as stream:
        assert stream.headers["cache-control"] == "no-store"


def test_case_of_other_officer_is_unreachable(
    desk: RunningDesk, lane: Lane, officer: Officer, supervisor: Officer
) -> None:
    passage = lane.refer()
    officer.claim(passage)
    image = officer.ask("GET", f"/referrals/{passage}").json()["images"][0]["href"]
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
            assert "images" not in somebody.ask("GET", f"/referrals/{passage}").json() or not somebody.ask(
                "GET", f"/referrals/{passage}"
            ).json().get("images")
            assert somebody.ask("DELETE", f"/referrals/{passage}/claim").status_code == 204
    assert officer.ask("GET", f"/referrals/{passage}").json()["mine"] is True


def test_passage_of_other_lane_is_unreachable(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    with desk.lane("lane-2") as other:
        image = f"/passages/{passage}/images/{'0' * 64}"
        jpeg = {"Content-Type": "image/jpeg"}
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
