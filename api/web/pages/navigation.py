"""The bar above each page: the places that a role may open. The first of them is where its work begins."""

from dataclasses import dataclass

from api.people.roles import Role
from api.web.access.permissions import RULES
from api.web.translations.language import N_


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the bar."""

    page: str
    """The page's function: its rule says for whom it is."""
    path: str
    text: str


PLACES = (
    Place("list_referrals", "/queue", N_("Queue")),
    Place("list_requests", "/requests", N_("Without the camera")),
    Place("show_hall_page", "/hall", N_("Hall")),
    Place("show_evaluation", "/evaluation", N_("Comparison in service")),
    Place("find_passages", "/audit", N_("Ledger")),
    Place("show_quality", "/quality", N_("Quality")),
    Place("show_own_quality", "/quality/me", N_("Quality")),
    Place("list_officers", "/people", N_("People")),
    Place("list_lane_tokens", "/lanes", N_("Lanes’ tokens")),
)
"""From left to right; of two with the same text a role has the first that it may open."""


def places(role: Role) -> list[Place]:
    found: dict[str, Place] = {}
    for place in PLACES:
        if role in RULES[place.page].callers:
            found.setdefault(place.text, place)
    return list(found.values())


def first_page(role: Role) -> str:
    """Where the role's work begins; without any place, at the own account."""
    return next((place.path for place in places(role)), "/account")
