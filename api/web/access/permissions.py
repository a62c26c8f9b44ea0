"""The rule of each operation and each page: who may request it. A route without a rule is not served.

`api.web.access.authentication` enforces it before anything is parsed or looked up. A page follows the rule of
the operation of the same name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from api.people.roles import Role, Task, having
from api.platform.errors import (
    ANSWERS,
    ApiError,
    ForgedRequestError,
    NotAllowedError,
    NotSignedInError,
    OneTimePasswordError,
    TokenRefusedError,
)

CSRF_HEADER = "X-CSRF-Token"


class Caller(StrEnum):
    """A caller without a role: a machine with a token, or anyone."""

    LANE = "lane"
    MONITOR = "monitor"
    ANYONE = "anyone"


PEOPLE: frozenset[str] = frozenset(Role)
"""Everybody who signs in."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may request it.

    `changes`: it changes something, which only the desk's own pages may. `keeps_alive`: it shows that
    somebody is at the page; requests that a page makes by itself do not.
    """

    callers: frozenset[str]
    """Roles, or a `Caller`."""
    changes: bool = False
    keeps_alive: bool = True
    with_one_time_password: bool = False
    """Also for somebody who must first change a one-time password."""

    @property
    def people(self) -> frozenset[str]:
        """The callers among them who sign in."""
        return self.callers & PEOPLE

    @property
    def needs_csrf(self) -> bool:
        """Whether a session must prove that its own page asks."""
        return self.changes and bool(self.people)


_ANYONE = frozenset({Caller.ANYONE})
_LANE = frozenset({Caller.LANE})
_QUEUE = having(Task.DECIDE)
_SUPERVISOR = having(Task.SUPERVISE)
_ADMINISTRATOR = having(Task.ADMINISTER)
_AUDITOR = having(Task.AUDIT)
_HOLDING = _AUDITOR | _ADMINISTRATOR
_COUNTING = _HOLDING | _SUPERVISOR | {Caller.MONITOR}
_WITNESS = _AUDITOR | _SUPERVISOR | {Caller.LANE, Caller.MONITOR}

RULES: dict[str, Rule] = {
    # about
    "show_health": Rule(_ANYONE),
    "show_ready": Rule(_ANYONE),
    "show_openapi": Rule(PEOPLE | _LANE),
    "show_metrics": Rule(_SUPERVISOR | {Caller.MONITOR}, keeps_alive=False),
    # lanes
    "upload_image": Rule(_LANE, changes=True),
    "miss_image": Rule(_LANE, changes=True),
    "deliver_entries": Rule(_LANE, changes=True),
    "wait_for_decision": Rule(_LANE),
    "tell_status": Rule(_LANE, changes=True),
    # officers' accuracy
    "show_own_quality": Rule(_QUEUE),
    "show_quality": Rule(_SUPERVISOR),
    "show_training": Rule(_QUEUE),
    "train_on_next": Rule(_QUEUE, changes=True),
    # the hall
    "show_hall": Rule(_SUPERVISOR, keeps_alive=False),
    "show_hall_page": Rule(_SUPERVISOR),
    "show_hall_live": Rule(_SUPERVISOR, keeps_alive=False),
    "show_lane": Rule(_SUPERVISOR),
    "command_lane": Rule(_SUPERVISOR, changes=True),
    "stop_hall": Rule(_SUPERVISOR, changes=True),
    # a passenger who is not captured
    "list_requests": Rule(_QUEUE),
    "ask_for_officer": Rule(_QUEUE, changes=True),
    "withdraw_request": Rule(_QUEUE, changes=True),
    # signing in and out
    "home": Rule(PEOPLE),
    "show_sign_in": Rule(_ANYONE),
    "sign_in": Rule(_ANYONE, changes=True),
    "show_session": Rule(PEOPLE, with_one_time_password=True),
    "sign_out": Rule(PEOPLE, changes=True, with_one_time_password=True),
    # the own account
    "show_account": Rule(PEOPLE, with_one_time_password=True),
    "change_password": Rule(PEOPLE, changes=True, with_one_time_password=True),
    "list_sessions": Rule(PEOPLE),
    "end_own_session": Rule(PEOPLE, changes=True),
    # passkeys
    "list_passkeys": Rule(PEOPLE),
    "ask_for_passkey": Rule(PEOPLE, changes=True),
    "add_passkey": Rule(PEOPLE, changes=True),
    "remove_passkey": Rule(PEOPLE, changes=True),
    "ask_for_sign_in": Rule(_ANYONE, changes=True),
    "sign_in_with_passkey": Rule(_ANYONE, changes=True),
    # the identity provider
    "ask_provider": Rule(_ANYONE),
    "come_from_provider": Rule(_ANYONE),
    # people
    "list_officers": Rule(_ADMINISTRATOR),
    "add_officer": Rule(_ADMINISTRATOR, changes=True),
    "set_role": Rule(_ADMINISTRATOR, changes=True),
    "set_duties": Rule(_ADMINISTRATOR, changes=True),
    "reset_password": Rule(_ADMINISTRATOR, changes=True),
    "disable_officer": Rule(_ADMINISTRATOR, changes=True),
    "list_officer_sessions": Rule(_ADMINISTRATOR),
    "end_officer_sessions": Rule(_ADMINISTRATOR, changes=True),
    "show_person": Rule(_ADMINISTRATOR),
    # lanes' tokens
    "list_lane_tokens": Rule(_ADMINISTRATOR),
    "add_lane": Rule(_ADMINISTRATOR, changes=True),
    "rotate_lane": Rule(_ADMINISTRATOR, changes=True),
    "revoke_lane": Rule(_ADMINISTRATOR, changes=True),
    # the queue
    "show_cases": Rule(_QUEUE, keeps_alive=False),
    "follow_events": Rule(_QUEUE, keeps_alive=False),
    "list_referrals": Rule(_QUEUE),
    # the own shift
    "show_shift": Rule(_QUEUE, keeps_alive=False),
    "start_shift": Rule(_QUEUE, changes=True),
    "take_break": Rule(_QUEUE, changes=True),
    "end_shift": Rule(_QUEUE, changes=True),
    "show_hand_over": Rule(_QUEUE),
    # a case
    "show_referral": Rule(_QUEUE),
    "show_image": Rule(_QUEUE),
    "claim_referral": Rule(_QUEUE, changes=True),
    "claim_next_referral": Rule(_QUEUE, changes=True),
    "release_referral": Rule(_QUEUE, changes=True),
    "judge_referral": Rule(_QUEUE, changes=True),
    "confirm": Rule(_QUEUE, changes=True),
    "decide_referral": Rule(_QUEUE, changes=True),
    # the ledger, by hashes alone
    "show_tree_head": Rule(_WITNESS, keeps_alive=False),
    "prove_inclusion": Rule(_WITNESS),
    "prove_consistency": Rule(_WITNESS),
    # the auditor
    "find_passages": Rule(_AUDITOR),
    "audit_passage": Rule(_AUDITOR),
    "export_passage": Rule(_AUDITOR),
    "correct_referral": Rule(_QUEUE, changes=True),
    # faces that are held
    "count_faces": Rule(_COUNTING, keeps_alive=False),
    "list_holds": Rule(_HOLDING),
    "place_hold": Rule(_HOLDING, changes=True),
    "lift_hold": Rule(_HOLDING, changes=True),
    "show_held_image": Rule(_AUDITOR),
    "place_hold_by_form": Rule(_AUDITOR, changes=True),
    "lift_hold_by_form": Rule(_AUDITOR, changes=True),
    # the matcher in service
    "show_evaluation": Rule(_SUPERVISOR),
    "show_evaluation_live": Rule(_SUPERVISOR, keeps_alive=False),
    "acknowledge_alarm": Rule(_SUPERVISOR, changes=True),
}
"""Name of the operation, or of the page's function → its rule."""


def refusals(rule: Rule) -> list[type[ApiError]]:
    """The errors for callers whom the rule does not allow."""
    found: list[type[ApiError]] = []
    if rule.people or Caller.MONITOR in rule.callers:
        found.append(NotSignedInError)
    if Caller.LANE in rule.callers:
        found.append(TokenRefusedError)
    if rule.people and rule.people != PEOPLE:
        found.append(NotAllowedError)
    if rule.people and not rule.with_one_time_password:
        found.append(OneTimePasswordError)
    if rule.needs_csrf or (rule.changes and Caller.ANYONE in rule.callers):
        found.append(ForgedRequestError)
    return found


def described(openapi: dict[str, Any], cookie: str) -> dict[str, Any]:
    """The OpenAPI description with the security and the errors of each operation's rule."""
    openapi.setdefault("components", {})["securitySchemes"] = {
        "officer": _COOKIE | {"name": cookie},
        **_SCHEMES,
    }
    for methods in openapi["paths"].values():
        for operation in methods.values():
            rule = RULES[operation["operationId"]]
            operation["security"] = _security(rule)
            _add_codes(operation["responses"], refusals(rule))
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return openapi


_COOKIE = {"type": "apiKey", "in": "cookie", "description": "A session's token."}
_SCHEMES = {
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "`csrf_token` of the session.",
    },
    "lane": {"type": "http", "scheme": "bearer", "description": "A lane's token."},
    "monitor": {
        "type": "http",
        "scheme": "bearer",
        "description": "`metrics_token` of the desk's settings.",
    },
}


def _security(rule: Rule) -> list[dict[str, list[str]]]:
    """The alternatives; all parts of one are needed together."""
    ways: list[dict[str, list[str]]] = []
    if rule.people:
        ways.append({"officer": [], "csrf": []} if rule.needs_csrf else {"officer": []})
    ways += [{name: []} for name in (Caller.LANE.value, Caller.MONITOR.value) if name in rule.callers]
    return ways


def _add_codes(responses: dict[str, Any], errors: Iterable[type[ApiError]]) -> None:
    for error in errors:
        status, code = ANSWERS[error]
        answer = responses.setdefault(str(status), {"description": "code: ", "content": _PROBLEM})
        codes = [known for known in answer["description"].removeprefix("code: ").split(", ") if known]
        if code not in codes:
            answer["description"] = f"code: {', '.join([*codes, code])}"


_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
