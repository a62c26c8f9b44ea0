"""Makes a lane's decision again: from the evidence in the ledger, by the policy whose hash it names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

from api.audit.messages import MeasureMessage, ReplayMessage
from lane.decision import policy
from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import Evidence, from_plain, to_plain
from lane.decision.policy import Limit, Policy
from lane.platform.errors import PolicyError

log = structlog.get_logger(__name__)

_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class DecisionReplay:
    """Replays decisions by the policies in `folder` and by the shipped one."""

    folder: Path | None

    def replay(self, body: Mapping[str, Any]) -> ReplayMessage:
        named = body.get("policy")
        named = named if isinstance(named, Mapping) else {}
        known = self._policy(str(named.get("sha256")))
        try:
            evidence = from_plain(body["evidence"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return _message("evidence_incomplete", named, None, [])
        measures = list(_measures(evidence, known))
        if known is None:
            return _message("policy_missing", named, None, measures)
        outcome = decide(evidence, known)
        recorded = (body.get("outcome"), body.get("reasons"), body.get("remarks"))
        result: Result = "same" if recorded == _as_recorded(outcome) else "different"
        return _message(result, named, outcome, measures)

    def _policy(self, sha256: str) -> Policy | None:
        return next((one for one in self._policies() if one.sha256 == sha256), None)

    def _policies(self) -> Iterator[Policy]:
        kept = sorted(self.folder.glob("*.toml"))[:_MOST_FILES] if self.folder else []
        for path in (policy.SHIPPED, *kept):
            try:
                yield policy.load(path)
            except PolicyError as error:
                log.warning("a policy cannot be read", file=path.name, error=type(error).__name__)


Result = Literal["same", "different", "policy_missing", "evidence_incomplete"]


def _as_recorded(outcome: Admit | Refer) -> tuple[str, Any, Any]:
    """Outcome, reasons and remarks as a lane writes them."""
    reasons = outcome.reasons if isinstance(outcome, Refer) else ()
    return _outcome_name(outcome), to_plain(reasons), to_plain(outcome.remarks)


def _outcome_name(outcome: Admit | Refer) -> Literal["admit", "refer"]:
    return "admit" if isinstance(outcome, Admit) else "refer"


def _message(
    result: Result, named: Mapping[str, Any], outcome: Admit | Refer | None, measures: list[MeasureMessage]
) -> ReplayMessage:
    version, sha256 = named.get("version"), named.get("sha256")
    return ReplayMessage(
        result=result,
        policy_version=str(version) if version is not None else None,
        policy_sha256=str(sha256) if sha256 is not None else None,
        outcome=None if outcome is None else _outcome_name(outcome),
        reasons=[str(reason) for reason in outcome.reasons] if isinstance(outcome, Refer) else [],
        measures=measures,
    )


def _measures(evidence: Evidence, known: Policy | None) -> Iterator[MeasureMessage]:
    """The measured values, against the limits of the policy where it is available."""
    band = known.band(evidence.matcher) if known else None
    yield _measure("similarity", evidence.similarity, Limit(min=band.admit) if band else None)
    yield _measure("achieved_fmr", evidence.achieved_fmr, None)
    yield _measure("liveness", evidence.liveness, Limit(min=known.liveness.minimum) if known else None)
    for name, found in evidence.quality.items():
        yield _measure(name, found, known.quality.live.get(name) if known else None)
    for name, found in evidence.document.photo_quality.items():
        yield _measure(f"document.{name}", found, known.quality.document.get(name) if known else None)


def _measure(name: str, found: Any, limit: Limit | None) -> MeasureMessage:
    plain = to_plain(found)
    return MeasureMessage(
        name=name,
        value=plain.get("value"),
        not_assessed=plain.get("not_assessed"),
        min=limit.min if limit else None,
        max=limit.max if limit else None,
        holds=limit.holds(found) if limit else None,
    )
