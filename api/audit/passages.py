"""The auditor's use cases: find passages, read one from document to gate, export its proof."""

from collections.abc import Iterable
from dataclasses import dataclass

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
            passages, next_before = search.search(session, wanted, before=before, limit=ON_A_PAGE)
            found = [_found(passage, search.entries_about(session, passage)) for passage in passages]
        return PassagesFound(passages=found, before=next_before)

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
        judged = entry.body if entry.kind == "passage.judged" else None
        replay = None if judged is None else self.decision_replay.replay(judged)
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
            replay=replay,
        )


def _found(passage: str, entries: Iterable[FoundEntry]) -> PassageFound:
    """A passage in one line: the last that its entries say."""
    lane = started_at = outcome = answer = ended = None
    reasons: list[str] = []
    officers: dict[str, None] = {}
    for entry in entries:
        body = entry.body or {}
        lane = lane or entry.lane
        started_at = started_at or entry.at
        if entry.kind == "passage.judged":
            outcome, reasons = body.get("outcome"), codes(body.get("reasons"))
        if isinstance(body.get("officer"), str):
            officers.setdefault(body["officer"])
        if entry.kind in ("referral.decided", "referral.corrected"):
            answer = body["decision"]["answer"]
        if entry.kind == "passage.closed":
            ended = body.get("how")
    return PassageFound(
        passage=passage,
        lane=lane,
        started_at=started_at,
        outcome=outcome,
        reasons=reasons,
        answer=answer,
        officers=list(officers),
        ended=ended,
    )


def codes(reasons: object) -> list[str]:
    """The codes in a list of reasons, as a lane writes them."""
    listed = reasons if isinstance(reasons, list) else []
    return [str(one["code"]) for one in listed if isinstance(one, dict) and "code" in one]
