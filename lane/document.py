"""What a travel document said, and how far it was verified."""

from dataclasses import dataclass, field
from datetime import date

from lane.evidence import Check


@dataclass(frozen=True, slots=True)
class TravelDocument:
    """The document as presented. It never carries a name or a number: the lane does not need them."""

    photo: bytes = field(repr=False)
    """The document photo as stored: an encoded picture."""
    expires_on: date | None
    """None where it could not be read."""
    nationality: str | None = field(default=None, repr=False)
    """ICAO 9303-3 code of the holder's nationality. Decides nothing; see `lane.evaluation`."""


def check_expiry(document: TravelDocument, today: date) -> Check:
    """A document is valid up to and including its date of expiry (ICAO 9303-3)."""
    if document.expires_on is None:
        return Check.UNDETERMINED
    return Check.SUCCESSFUL if today <= document.expires_on else Check.FAILED
