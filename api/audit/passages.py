"""What an auditor does at a desk: find passages, look at one from document to gate, take its proof away."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from api.audit import export
from api.audit.decision_replay import Replay
from api.audit.messages import PassageAudited, PassageFound, PassagesFound, StepMessage
from api.ledger import search as audit
from api.ledger.proofs import Proving
from api.ledger.search import Fact, Wanted
from api.platform.database.database import Database
from api.platform.errors import PassageNotFoundError

ON_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class Auditing:
    """The ledger as an auditor reads it. Nothing here changes anything."""

    database: Database
    proving: Proving
    replay: Replay

    def search(self, wanted: Wanted, before: int | None = None) -> PassagesFound:
        """One page of passages, newest first."""
        with self.database.read() as session:
            page = audit.search(session, wanted, before=before, limit=ON_A_PAGE)
            found = [_found(passage, audit.facts(session, passage)) for passage in page.passages]
        return PassagesFound(passages=found, before=page.before)

    def passage(self, passage: str) -> PassageAudited:
        """All that happened in one passage. Raises PassageNotFoundError."""
        with self.database.read() as session:
            facts = audit.facts(session, passage)
        if not facts:
            raise PassageNotFoundError
        return PassageAudited(found=_found(passage, facts), steps=[self._step(fact) for fact in facts])

    def proof(self, passage: str) -> str:
        """The file that proves these entries to who has the verifier. Raises PassageNotFoundError."""
        self.proving.head()
        with self.database.read() as session:
            wanted = export.of_passage(session, passage)
            if not wanted:
                raise PassageNotFoundError
            return "".join(export.proof(session, wanted))

    def _step(self, fact: Fact) -> StepMessage:
        judged = fact.kind == "passage.judged" and fact.body is not None
        return StepMessage(
            seq=fact.seq,
            at=fact.at,
            kind=fact.kind,
            lane=fact.lane,
            told_at=fact.told_at,
            body=None if fact.body is None else dict(fact.body),
            payload=fact.payload,
            hash=fact.hash,
            fault=fact.fault,
            replay=self.replay.judged(fact.body) if judged and fact.body is not None else None,
        )


def _found(passage: str, facts: Iterable[Fact]) -> PassageFound:
    """A passage in one line: what its facts say last."""
    told: dict[str, Any] = {"lane": None, "started_at": None, "outcome": None, "reasons": []}
    officers: dict[str, None] = {}
    answer: str | None = None
    ended: str | None = None
    for fact in facts:
        body = fact.body or {}
        told["lane"], told["started_at"] = told["lane"] or fact.lane, told["started_at"] or fact.at
        if fact.kind == "passage.judged":
            told["outcome"], told["reasons"] = body.get("outcome"), codes(body.get("reasons"))
        if isinstance(body.get("officer"), str):
            officers.setdefault(body["officer"])
        if fact.kind in ("referral.decided", "referral.corrected"):
            answer = body["decision"]["answer"]
        if fact.kind == "passage.closed":
            ended = body.get("how")
    return PassageFound(passage=passage, officers=list(officers), answer=answer, ended=ended, **told)


def codes(reasons: object) -> list[str]:
    """The codes in a list of reasons, as a lane writes them."""
    listed = reasons if isinstance(reasons, list) else []
    return [str(one["code"]) for one in listed if isinstance(one, dict) and "code" in one]
