"""The desk keeps to its own description: whatever is sent by whomever, no failure and no undocumented answer.

A few cases for each operation; `PASSENGER_LANE_CASES=500` looks longer.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS, load_all_checks

from api.people.roles import Role
from api.web.access.permissions import CSRF_HEADER, RULES, Caller
from tests.api.web.test_permissions import STRANGER, Site
from tests.support.api import described_desk
from tests.support.api.evaluated_lane import TOKEN
from tests.support.api.running_desk import drawn_face, running

CASES = int(os.environ.get("PASSENGER_LANE_CASES", "12"))
STREAMS = {"follow_events"}
"""Never end by themselves; `test_events.py` reads them."""

load_all_checks()
CHECKED: Any = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
SCHEMA = schemathesis.openapi.from_dict(described_desk.openapi())
FOUND: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
OPERATIONS = [
    pytest.param(found, id=found.definition.raw["operationId"])
    for found in FOUND
    if found.definition.raw["operationId"] not in STREAMS
]


class Asked:
    """A desk with something in it, and everybody who asks."""

    def __init__(self, site: Site, known: dict[str, list[Any]]) -> None:
        self.site, self.known = site, known

    def answer(self, case: Case[Any], caller: str) -> Response:
        headers, cookies = self._proof(caller)
        with requests.Session() as session:
            session.trust_env = False
            for name in ("Authorization", CSRF_HEADER):
                case.headers.pop(name, None)
            case.cookies.pop(self.site.cookie, None)
            return case.call(
                base_url=self.site.address, session=session, headers=headers, cookies=cookies, timeout=30
            )

    def _proof(self, caller: str) -> tuple[dict[str, str], dict[str, str]]:
        client = self.site.clients[caller]
        if caller in self.site.people:
            self.site.signed_in(Role(caller))
            return {CSRF_HEADER: client.headers[CSRF_HEADER]}, {
                self.site.cookie: client.cookies[self.site.cookie]
            }
        return {name: client.headers[name] for name in ("Authorization",) if name in client.headers}, {}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with (
        running(tmp_path_factory.mktemp("desk"), metrics_token=SecretStr(TOKEN)) as desk,
        ExitStack() as stack,
    ):
        site = Site(desk, stack)
        lane = stack.enter_context(desk.lane("lane-2"))
        images = [drawn_face(1), drawn_face(2)]
        passages = [lane.refer(images=images) for _ in range(6)]
        held = site.people[Role.OFFICER]
        for passage in passages[:4]:
            held.claim(passage)
        held.decide(passages[0])
        sha256 = [held.ask("GET", f"/referrals/{passages[1]}").json()["images"][0]["sha256"]]
        known = {"passage": passages, "sha256": sha256, "lane": ["lane-1", "lane-2"], "alarm": [1]}
        yield Asked(site, known)


def callers(name: str) -> list[str]:
    """Those who may, and one who may not."""
    rule = RULES[name]
    if Caller.ANYONE in rule.callers:
        return [STRANGER]
    return [*sorted(rule.callers), STRANGER]


@pytest.mark.thorough
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_described(operation: Any, asked: Asked) -> None:
    name = operation.definition.raw["operationId"]

    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        ),
        caller=st.sampled_from(callers(name)),
        chosen=st.data(),
    )
    def answers(case: Case[Any], caller: str, chosen: st.DataObject) -> None:
        for parameter in case.path_parameters.keys() & asked.known.keys():
            known = chosen.draw(st.sampled_from([None, *asked.known[parameter]]), label=parameter)
            if known is not None:
                case.path_parameters[parameter] = known
        if isinstance(case.query.get("wait_s"), int | float):
            case.query["wait_s"] = min(0.05, case.query["wait_s"])
        answer = asked.answer(case, caller)
        case.validate_response(answer, checks=CHECKED)
        asked_for.append(answer.status_code)

    asked_for: list[int] = []
    answers()
    assert asked_for, "something was asked"
