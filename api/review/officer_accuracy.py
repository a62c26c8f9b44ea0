"""The accuracy of an officer on cases of known truth, and tests whether the officer looks at the faces. Pure.

Two shares raise an alarm about an officer: decisions within two seconds of the claim, and agreement with the
machine. Each is tested by an exact binomial test against what is allowed (`FAST_ALLOWED`, `AGREES_ALLOWED`):
a test of an officer whose true share is at most that raises an alarm with a probability of at most
`FALSE_ALARM`. Each officer is tested once a day at most, so within a year and by both tests at most
2 × 366 × `FALSE_ALARM`, that is 0.73 %, of such officers get a false alarm. An alarm means that somebody
should talk with the officer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from statistics import median

from lane.decision.referral import Answer, Ground
from lane.evaluation.intervals import Rate, chance, rate

FAST_S = 2.0
FAST_ALLOWED = 0.02
"""A slip, a case seen before: so often may a decision take less than two seconds."""
AGREES_ALLOWED = 0.98
"""Officers who judge alone differ from a good machine in more than one case of fifty."""
FALSE_ALARM = 1e-5
FEWEST = 20


class Truth(StrEnum):
    """Whether a prepared case's pictures show the same person."""

    SAME = "same"
    DIFFERENT = "different"


class Outcome(StrEnum):
    RIGHT = "right"
    FALSE_ACCEPT = "false_accept"
    FALSE_REJECT = "false_reject"
    UNDECIDED = "undecided"


def outcome(truth: Truth, answer: Answer, ground: Ground) -> Outcome:
    """The result of an answer. Doubt is no error: only “another person” is a false reject of a holder."""
    if truth is Truth.DIFFERENT:
        if answer is Answer.ADMIT:
            return Outcome.FALSE_ACCEPT
        return Outcome.RIGHT if answer is not Answer.REPEAT_CAPTURE else Outcome.UNDECIDED
    if answer is Answer.ADMIT:
        return Outcome.RIGHT
    return Outcome.FALSE_REJECT if ground is Ground.DIFFERENT_PERSON else Outcome.UNDECIDED


@dataclass(frozen=True, slots=True)
class PreparedDecision:
    truth: Truth
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TravellerDecision:
    """One decision on a traveller. `seconds`: from the claim to the decision, infinite where it is not
    known. `before` and `after`: agreement with the machine, None where it was not sure, nothing was compared,
    or the officer could not tell."""

    seconds: float
    before: bool | None
    after: bool | None
    changed: bool


@dataclass(frozen=True, slots=True)
class AccuracyFigures:
    false_accepts: Rate
    false_rejects: Rate
    undecided: int
    decisions: int
    median_s: float | None
    agreed_before: Rate
    agreed_after: Rate
    changed: Rate


@dataclass(frozen=True, slots=True)
class AlarmTest:
    """One test: `found` of `n`, where a share of at most `allowed` is."""

    kind: str
    found: int
    n: int
    allowed: float

    @property
    def alarming(self) -> bool:
        """Whether chance explains it in at most `FALSE_ALARM` of all tests."""
        return self.n >= FEWEST and chance(self.found, self.n, self.allowed) <= FALSE_ALARM

    @property
    def clean(self) -> bool:
        return self.found <= self.allowed * self.n


def figures(known: Iterable[PreparedDecision], decided: Iterable[TravellerDecision]) -> AccuracyFigures:
    cases, real = list(known), list(decided)
    timed = [one.seconds for one in real if isfinite(one.seconds)]
    return AccuracyFigures(
        false_accepts=_error_rate(cases, Truth.DIFFERENT, Outcome.FALSE_ACCEPT),
        false_rejects=_error_rate(cases, Truth.SAME, Outcome.FALSE_REJECT),
        undecided=sum(one.outcome is Outcome.UNDECIDED for one in cases),
        decisions=len(real),
        median_s=median(timed) if timed else None,
        agreed_before=_agreement_rate([one.before for one in real]),
        agreed_after=_agreement_rate([one.after for one in real]),
        changed=rate(sum(one.changed for one in real), len(real)),
    )


def alarm_tests(decided: Iterable[TravellerDecision]) -> tuple[AlarmTest, AlarmTest]:
    real = list(decided)
    agreed = [one.after for one in real if one.after is not None]
    fast = sum(one.seconds < FAST_S for one in real)
    return (
        AlarmTest("fast", fast, len(real), FAST_ALLOWED),
        AlarmTest("agrees", sum(agreed), len(agreed), AGREES_ALLOWED),
    )


def _error_rate(cases: list[PreparedDecision], truth: Truth, error: Outcome) -> Rate:
    of_truth = [one for one in cases if one.truth is truth]
    return rate(sum(one.outcome is error for one in of_truth), len(of_truth))


def _agreement_rate(said: list[bool | None]) -> Rate:
    sure = [one for one in said if one is not None]
    return rate(sum(sure), len(sure))
