"""An officer from a script, who works the desk over HTTP as a browser does: claim, look, judge, decide."""

import threading
from collections.abc import Callable
from typing import Any, Self

import httpx

from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, Ground

_LOOK_EVERY_S = 0.1
_GONE = frozenset({httpx.codes.CONFLICT, httpx.codes.NOT_FOUND})
_MAY_PASS = frozenset({Code.QUALITY, Code.MOTION, Code.POSE, Code.LIGHT, Code.TIMEOUT})


def answer_for(codes: frozenset[str]) -> tuple[Answer, Ground]:
    """The script: a poor picture alone is looked at and admitted, anything else is inspected further."""
    if Code.NO_MATCH in codes:
        return Answer.SECOND_LINE, Ground.DIFFERENT_PERSON
    if codes <= _MAY_PASS and Code.QUALITY in codes:
        return Answer.ADMIT, Ground.CHECKED_BY_HAND
    if codes & {Code.DOCUMENT_EXPIRED, Code.DOCUMENT_PHOTO_UNUSABLE}:
        return Answer.SECOND_LINE, Ground.DOCUMENT_IN_DOUBT
    return Answer.SECOND_LINE, Ground.CANNOT_TELL


Script = Callable[[frozenset[str]], tuple[Answer, Ground]]


class ScriptedOfficer:
    """Works in a thread between enter and exit. After a fault `failure` holds it; `on_failure` is called."""

    def __init__(
        self,
        address: str,
        name: str,
        password: str,
        on_failure: Callable[[], None],
        script: Script = answer_for,
    ) -> None:
        self._client = httpx.Client(base_url=f"{address}/api/v1", timeout=10.0, trust_env=False)
        self._name, self._password = name, password
        self._on_failure, self._script = on_failure, script
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="scripted-officer", daemon=True)
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=15)
        self._client.close()

    def _work(self) -> None:
        try:
            self._sign_in()
            while not self._stop.wait(_LOOK_EVERY_S):
                for case in self._ask("GET", "/referrals", params={"state": "open"})["referrals"]:
                    self._work_on(case["passage"])
        except Exception as error:  # noqa: BLE001  it ends the thread; on_failure ends the demo's wait
            self.failure = error
            self._on_failure()

    def _sign_in(self) -> None:
        session = self._ask("POST", "/session", json={"name": self._name, "password": self._password})
        self._client.headers["X-CSRF-Token"] = session["csrf_token"]

    def _work_on(self, passage: str) -> None:
        """Decide, unless the case is no longer there to decide: its passage ended, or a colleague has it."""
        try:
            self._decide(passage)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in _GONE:
                raise

    def _decide(self, passage: str) -> None:
        self._ask("POST", f"/referrals/{passage}/claim")
        case = self._ask("GET", f"/referrals/{passage}")
        if case["step"] not in ("blind", "revealed"):
            return  # the passage ended between claim and look
        for image in case["images"]:
            self._client.get(f"/referrals/{passage}/images/{image['sha256']}").raise_for_status()
        if case["step"] == "blind":
            # A script has no eyes: it says so, and goes by what the lane found.
            judgement = {"verdict": "cannot_tell", "confidence": 1}
            case = self._ask("POST", f"/referrals/{passage}/judgement", json=judgement)
        codes = frozenset(reason["code"] for reason in case["revealed"]["reasons"])
        answer, ground = self._script(codes)
        decision = {"answer": answer.value, "ground": ground.value, "note": "by script"}
        self._ask("POST", f"/referrals/{passage}/decision", json=decision)

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        answer = self._client.request(method, path, **request)
        answer.raise_for_status()
        return answer.json()
