"""How well an officer's eye does, by cases whose truth is known; and whether anybody looked at all. Pure.

Two things raise an alarm about one officer: more decisions within two seconds than anybody who looks makes,
and more agreement with the machine than anybody who looks has. Each is an exact binomial test against what
is allowed (`FAST_ALLOWED`, `AGREES_ALLOWED`): an officer whose true share is at most that raises one in a
look with a probability of at most `FALSE_ALARM`. A look is taken once a day at most, so within a year and by
both tests at most 2 × 366 × `FALSE_ALARM`, that is 0.73 %, of such officers get a false alarm.
An alarm says that somebody should talk with the officer, and nothing of why.
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
    """Who is on the pictures."""

    SAME = "same"
    DIFFERENT = "different"


class Outcome(StrEnum):
    """What a decision on a case of known truth was."""

    RIGHT = "right"
    FALSE_ACCEPT = "false_accept"
    FALSE_REJECT = "false_reject"
    UNDECIDED = "undecided"


def outcome(truth: Truth, answer: Answer, ground: Ground) -> Outcome:
    """To doubt is no error: a holder was falsely rejected only where another person was seen."""
    if truth is Truth.DIFFERENT:
        if answer is Answer.ADMIT:
            return Outcome.FALSE_ACCEPT
        return Outcome.RIGHT if answer is not Answer.REPEAT_CAPTURE else Outcome.UNDECIDED
    if answer is Answer.ADMIT:
        return Outcome.RIGHT
    return Outcome.FALSE_REJECT if ground is Ground.DIFFERENT_PERSON else Outcome.UNDECIDED


@dataclass(frozen=True, slots=True)
class Known:
    """One decision on a case of known truth."""

    truth: Truth
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision on a traveller. `seconds`: from the claim to the decision, infinite where it is not
    known. `before` and `after`: agreement with the machine, None where it was not sure, nothing was compared,
    or the officer could not tell."""

    seconds: float
    before: bool | None
    after: bool | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Quality:
    """An officer's figures."""

    false_accepts: Rate
    false_rejects: Rate
    undecided: int
    decisions: int
    median_s: float | None
    agreed_before: Rate
    agreed_after: Rate
    changed: Rate


@dataclass(frozen=True, slots=True)
class Look:
    """One test: so many of n where a share of at most `allowed` is."""

    kind: str
    found: int
    n: int
    allowed: float

    @property
    def alarming(self) -> bool:
        """Whether chance explains it less often than once in `1 / FALSE_ALARM` looks."""
        return self.n >= FEWEST and chance(self.found, self.n, self.allowed) <= FALSE_ALARM

    @property
    def clean(self) -> bool:
        """No more than allowed."""
        return self.found <= self.allowed * self.n


def figures(known: Iterable[Known], decided: Iterable[Decided]) -> Quality:
    """What is known of one officer."""
    cases, real = list(known), list(decided)
    timed = [one.seconds for one in real if isfinite(one.seconds)]
    return Quality(
        false_accepts=_share(cases, Truth.DIFFERENT, Outcome.FALSE_ACCEPT),
        false_rejects=_share(cases, Truth.SAME, Outcome.FALSE_REJECT),
        undecided=sum(one.outcome is Outcome.UNDECIDED for one in cases),
        decisions=len(real),
        median_s=median(timed) if timed else None,
        agreed_before=_agreed([one.before for one in real]),
        agreed_after=_agreed([one.after for one in real]),
        changed=rate(sum(one.changed for one in real), len(real)),
    )


def looks(decided: Iterable[Decided]) -> tuple[Look, Look]:
    """Both tests of an officer's decisions."""
    real = list(decided)
    agreed = [one.after for one in real if one.after is not None]
    fast = sum(one.seconds < FAST_S for one in real)
    return (
        Look("fast", fast, len(real), FAST_ALLOWED),
        Look("agrees", sum(agreed), len(agreed), AGREES_ALLOWED),
    )


def _share(cases: list[Known], truth: Truth, error: Outcome) -> Rate:
    of_truth = [one for one in cases if one.truth is truth]
    return rate(sum(one.outcome is error for one in of_truth), len(of_truth))


def _agreed(said: list[bool | None]) -> Rate:
    sure = [one for one in said if one is not None]
    return rate(sum(sure), len(sure))
