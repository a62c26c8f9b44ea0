"""The rules of a review, as tables: its steps, the duty a case needs, how soon it is answered. No storage.

An officer judges blind before deciding, under the same claim, unless there is nothing to compare. To reverse
a confident result of the machine takes two officers who judge independently, and a supervisor where they
differ.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Literal

from api.ledger.facts import JudgedFact
from lane.decision.reason_codes import NEVER_CAPTURED, Code
from lane.decision.reason_meaning import Duty, Rank
from lane.decision.referral import MOST_REPEATS, Answer, Ground


class Step(StrEnum):
    """The step of the officer who has the case or decided it."""

    BLIND = "blind"
    REVEALED = "revealed"
    DECIDED = "decided"


class Stage(StrEnum):
    """Which officer is asked."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"


class State(StrEnum):
    WAITING = "waiting"
    BLIND = "blind"
    REVEALED = "revealed"
    DECIDED = "decided"
    HANDED = "handed"


class Act(StrEnum):
    """Events of a case. An expired lease counts as giving the case back."""

    CLAIMED = "claimed"
    CLAIMED_WITHOUT_FACES = "claimed_without_faces"
    JUDGED = "judged"
    GIVEN_BACK = "given_back"
    PROPOSED = "proposed"
    DECIDED = "decided"
    CORRECTED = "corrected"
    HANDED = "handed"
    REOPENED = "reopened"


TRANSITIONS: dict[State, dict[Act, State]] = {
    State.WAITING: {Act.CLAIMED: State.BLIND, Act.CLAIMED_WITHOUT_FACES: State.REVEALED},
    State.BLIND: {Act.JUDGED: State.REVEALED, Act.GIVEN_BACK: State.WAITING},
    State.REVEALED: {
        Act.PROPOSED: State.WAITING,
        Act.DECIDED: State.DECIDED,
        Act.GIVEN_BACK: State.WAITING,
    },
    State.DECIDED: {Act.CORRECTED: State.DECIDED, Act.HANDED: State.HANDED},
    State.HANDED: {Act.REOPENED: State.WAITING},
}


class Item(StrEnum):
    """The parts of a case that a step shows."""

    IMAGES = "images"
    BADGES = "badges"
    REASONS = "reasons"
    WAITING = "waiting"
    FINDINGS = "findings"
    DECISION = "decision"


SHOWS: dict[Step | None, frozenset[Item]] = {
    None: frozenset({Item.REASONS, Item.WAITING, Item.DECISION}),
    Step.BLIND: frozenset({Item.IMAGES, Item.BADGES}),
    Step.REVEALED: frozenset({Item.IMAGES, Item.BADGES, Item.REASONS, Item.WAITING, Item.FINDINGS}),
    Step.DECIDED: frozenset({Item.REASONS, Item.WAITING, Item.FINDINGS, Item.DECISION}),
}
"""None: somebody who neither has the case nor decided it. Where findings are not shown, the two reasons that
name the comparison's result have one name (`api.web.messages.describe_cases`)."""


class Verdict(StrEnum):
    """A blind verdict: before the machine's result is shown."""

    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot_tell"


class Match(StrEnum):
    """The machine's finding, by the lane's threshold."""

    MATCH = "match"
    NO_MATCH = "no_match"
    BORDERLINE = "borderline"
    NOT_COMPARED = "not_compared"


def after(state: State, act: Act) -> State | None:
    """The next state; None where this cannot happen now."""
    return TRANSITIONS[state].get(act)


def match(judged: JudgedFact) -> Match:
    """The machine's result, from the lane's reasons."""
    if judged.evidence.similarity.value is None:
        return Match.NOT_COMPARED
    if Code.NO_MATCH in judged.codes:
        return Match.NO_MATCH
    return Match.BORDERLINE if Code.BORDERLINE in judged.codes else Match.MATCH


def confident(codes: Collection[str]) -> bool:
    """Whether the machine's result is confident: no match or an attack alarm; a borderline score is not."""
    return Code.NO_MATCH in codes or Code.ATTACK_ALARM in codes


def reverses(codes: Collection[str], answer: Answer) -> bool:
    return answer is Answer.ADMIT and confident(codes)


def needs_note(codes: Collection[str], verdict: Verdict | None, answer: Answer, ground: Ground) -> bool:
    """Whether the officer has to write why: against the own blind verdict, or the machine's sure result."""
    if verdict is Verdict.DIFFERENT and answer is Answer.ADMIT:
        return True
    if verdict is Verdict.SAME and ground is Ground.DIFFERENT_PERSON:
        return True
    return reverses(codes, answer)


def next_stage(stage: Stage, codes: Collection[str], answer: Answer, first: Answer | None) -> Stage | None:
    """The stage after this answer; None where it decides. `first`: the first officer's answer."""
    if stage is Stage.FIRST:
        return Stage.SECOND if reverses(codes, answer) else None
    if stage is Stage.SECOND:
        return None if answer is first else Stage.THIRD
    return None


def may_take(stage: Stage, officer: str, proposed_by: Collection[str], *, supervises: bool) -> bool:
    """Whether this officer may be asked; `proposed_by`: who answered before in this round."""
    return officer not in proposed_by and (stage is not Stage.THIRD or supervises)


def may_repeat(codes: Collection[str], repeats: int, *, refused: bool = False) -> bool:
    """No officer lifts a ban on capturing; what a lane has `refused` holds to the end of the passage."""
    return not refused and repeats < MOST_REPEATS and NEVER_CAPTURED.isdisjoint(codes)


ReferralState = Literal["open", "claimed", "decided", "ended"]

DUTIES: Mapping[str, str] = {code: duty.value for duty in Duty for code in Code if code.meaning.duty is duty}
"""Code → the duty that its case needs. A site's settings may name others, or none."""


def with_site(site: Mapping[str, str]) -> Mapping[str, str]:
    """The table as a site has it: its own lines, and the others as they are. An empty duty takes one away."""
    merged = {**site, **DUTIES, **site}  # the site's codes come first, and its duties count
    return {code: duty for code, duty in merged.items() if duty}


def duty_of(codes: Collection[str], duties: Mapping[str, str]) -> str:
    """The duty that a case needs, or nothing: the first in the table, so that somebody can always have it."""
    return next((duty for code, duty in duties.items() if code in codes), "")


def rank_of(codes: Collection[str]) -> Rank:
    return min((code.meaning.rank for code in Code if code in codes), default=Rank.IN_TURN)
