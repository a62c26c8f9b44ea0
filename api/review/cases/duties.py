"""The duty that a case needs, and how soon it is answered, as tables."""

from collections.abc import Collection, Mapping

from lane.decision.reason_codes import Code
from lane.decision.reason_meaning import Duty, Rank

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
    """How soon a case is answered."""
    return min((code.meaning.rank for code in Code if code in codes), default=Rank.IN_TURN)
