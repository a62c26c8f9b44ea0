"""What a travel document said, and how far it was verified."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from lane.decision.evidence import Check, DocumentKind


@dataclass(frozen=True, slots=True)
class TravelDocument:
    """The document as presented. It never carries a name or a number: the lane does not need them."""

    photo: bytes = field(repr=False)
    """The document photo as stored: an encoded picture."""
    expires_on: date | None
    """None where it could not be read."""
    nationality: str | None = field(default=None, repr=False)
    """ICAO 9303-3 code of the holder's nationality. Decides nothing; see `lane.evaluation.evaluator`."""
    born_on: date | None = field(default=None, repr=False)
    """None where it could not be read, or the document tells no whole date."""
    kind: DocumentKind | None = None
    """None where it could not be read."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """What the reader checked of the document itself, by the check's name (BSI TR-03135)."""


def check_expiry(document: TravelDocument, today: date) -> Check:
    """A document is valid up to and including its date of expiry (ICAO 9303-3)."""
    if document.expires_on is None:
        return Check.UNDETERMINED
    return Check.SUCCESSFUL if today <= document.expires_on else Check.FAILED


def check_age(document: TravelDocument, today: date, from_age: int) -> Check:
    """Whether the holder has had that birthday; one of 29 February has it on 1 March of other years."""
    born = document.born_on
    if born is None or born > today:
        return Check.UNDETERMINED
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return Check.SUCCESSFUL if years >= from_age else Check.FAILED


UNITED_NATIONS = frozenset({"UNO", "UNA"})
"""Issuers of laissez-passers (ICAO 9303-3, section 5). UNK is not: it issued to residents of Kosovo."""
_KINDS = {
    "P": DocumentKind.ORDINARY,
    "PP": DocumentKind.ORDINARY,
    "PD": DocumentKind.DIPLOMATIC,
    "D": DocumentKind.DIPLOMATIC,
    "PS": DocumentKind.OFFICIAL,
    "PO": DocumentKind.OFFICIAL,
    "S": DocumentKind.OFFICIAL,
    "I": DocumentKind.ORDINARY,
    "ID": DocumentKind.ORDINARY,
    "PO:CHN": DocumentKind.ORDINARY,
}
"""By the first two signs of the machine-readable zone, or by them for one issuer alone.

The second letter is the issuer's to choose (ICAO 9303-4): China's ordinary passports say PO.
"""


def kind_of(code: str, issuer: str, own: Mapping[str, DocumentKind] | None = None) -> DocumentKind | None:
    """For whom a document of this code and issuer is; None for one that is not known: an officer looks.

    `own` is a site's, by code or by code and issuer such as PN:RUS, and goes before what is known here.
    """
    code, issuer = code.strip("<").upper(), issuer.strip("<").upper()
    if issuer in UNITED_NATIONS:
        return DocumentKind.UNITED_NATIONS
    known = {**_KINDS, **(own or {})}
    return known.get(f"{code}:{issuer}", known.get(code))
