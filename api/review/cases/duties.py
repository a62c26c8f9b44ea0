"""The duty that a case needs, and how soon it is answered, as tables."""

from collections.abc import Collection, Mapping
from enum import IntEnum

from lane.decision.reason_codes import Code

DUTIES: Mapping[str, str] = {
    Code.DIPLOMATIC: "diplomatic",
    Code.CHILD: "child",
    Code.QUARANTINE: "quarantine",
    Code.CUSTOMS_DECLARATION: "customs",
    Code.OTHER_AGENCY: "other_agency",
}
"""Code → the duty that its case needs. A site's settings may name others, or none."""


class Rank(IntEnum):
    """How soon a case is answered; within a rank, who waits longest comes first."""

    AT_ONCE = 0
    SOON = 1
    IN_TURN = 2


_AT_ONCE = frozenset({Code.ATTACK_ALARM, Code.STREAM_INJECTED, Code.SAFEGUARDING, Code.EMERGENCY_STOP})
_SOON = frozenset(
    {
        Code.CHILD,
        Code.BODY_SIZE,
        Code.IMPAIRMENT,
        Code.INFANT_CARRIED,
        Code.DIPLOMATIC,
        Code.ILLNESS,
        Code.DISTRESSED,
        Code.TAILGATING,
    }
)


def with_site(site: Mapping[str, str]) -> Mapping[str, str]:
    """The table as a site has it: its own lines, and the others as they are. An empty duty takes one away."""
    return {code: duty for code, duty in {**site, **_left(site)}.items() if duty}


def duty_of(codes: Collection[str], duties: Mapping[str, str]) -> str:
    """The duty that a case needs, or nothing: the first in the table, so that somebody can always have it."""
    return next((duty for code, duty in duties.items() if code in codes), "")


def rank_of(codes: Collection[str]) -> Rank:
    """How soon a case is answered."""
    if _AT_ONCE.intersection(codes):
        return Rank.AT_ONCE
    return Rank.SOON if _SOON.intersection(codes) else Rank.IN_TURN


def _left(site: Mapping[str, str]) -> dict[str, str]:
    return {code: duty for code, duty in DUTIES.items() if code not in site}
