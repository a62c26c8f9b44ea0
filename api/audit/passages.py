"""The auditor's use cases: find passages, read one from document to gate, export its proof."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from api.audit import export
from api.audit.decision_replay import DecisionReplay
from api.audit.messages import PassageAudited, PassageFound, PassagesFound, StepMessage
from api.ledger import search
from api.ledger.proofs import Proofs
from api.ledger.search import FoundEntry, PassageQuery
from api.platform.database.database import Database
from api.platform.errors import PassageNotFoundError

ON_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class PassageAudit:
    """The ledger as an auditor reads it. Nothing here changes it."""

    database: Database
    proofs: Proofs
    decision_replay: DecisionReplay

    def search(self, wanted: PassageQuery, before: int | None = None) -> PassagesFound:
        with self.database.read() as session:
            page = search.search(session, wanted, before=before, limit=ON_A_PAGE)
            found = [_found(passage, search.entries_about(session, passage)) for passage in page.passages]
        return PassagesFound(passages=found, before=page.before)

    def passage(self, passage: str) -> PassageAudited:
        """All entries about one passage. Raises PassageNotFoundError."""
        with self.database.read() as session:
            entries = search.entries_about(session, passage)
        if not entries:
            raise PassageNotFoundError
        return PassageAudited(found=_found(passage, entries), steps=[self._step(entry) for entry in entries])

    def proof(self, passage: str) -> str:
        """The proof of these entries, for the stand-alone verifier. Raises PassageNotFoundError."""
        self.proofs.head()
        with self.database.read() as session:
            wanted = export.of_passage(session, passage)
            if not wanted:
                raise PassageNotFoundError
            return "".join(export.proof(session, wanted))

    def _step(self, entry: FoundEntry) -> StepMessage:
        judged = entry.kind == "passage.judged" and entry.body is not None
        return StepMessage(
            seq=entry.seq,
            at=entry.at,
            kind=entry.kind,
            lane=entry.lane,
            told_at=entry.lane_at,
            body=None if entry.body is None else dict(entry.body),
            payload=entry.payload,
            hash=entry.hash,
            fault=entry.fault,
            replay=self.decision_replay.replay(entry.body) if judged and entry.body is not None else None,
        )


def _found(passage: str, entries: Iterable[FoundEntry]) -> PassageFound:
    """A passage in one line: the last that its entries say."""
    summary: dict[str, Any] = {"lane": None, "started_at": None, "outcome": None, "reasons": []}
    officers: dict[str, None] = {}
    answer: str | None = None
    ended: str | None = None
    for entry in entries:
        body = entry.body or {}
        summary["lane"] = summary["lane"] or entry.lane
        summary["started_at"] = summary["started_at"] or entry.at
        if entry.kind == "passage.judged":
            summary["outcome"], summary["reasons"] = body.get("outcome"), codes(body.get("reasons"))
        if isinstance(body.get("officer"), str):
            officers.setdefault(body["officer"])
        if entry.kind in ("referral.decided", "referral.corrected"):
            answer = body["decision"]["answer"]
        if entry.kind == "passage.closed":
            ended = body.get("how")
    return PassageFound(passage=passage, officers=list(officers), answer=answer, ended=ended, **summary)


def codes(reasons: object) -> list[str]:
    """The codes in a list of reasons, as a lane writes them."""
    listed = reasons if isinstance(reasons, list) else []
    return [str(one["code"]) for one in listed if isinstance(one, dict) and "code" in one]
