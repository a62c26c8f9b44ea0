"""The messages about faces and legal holds."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.platform.messages import StrictMessage

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class FacesCount(StrictMessage):
    """How many faces the desk holds, as an upper bound of the passengers."""

    at: datetime
    passages: int = Field(
        ge=0,
        description="Passages of which the desk holds at least one image, live or from the document. Nobody "
        "is compared with anybody for this: whoever was referred twice counts twice, so there are at most so "
        "many passengers. Whom a document shows who did not travel is not counted beside the passenger.",
    )
    warning_from: int
    warning: bool = Field(
        description="There are as many as `warning_from`, or more: see to the duty to file."
    )


class HoldRequest(StrictMessage):
    """Why a hold is placed or lifted. The ledger keeps the hash of it: name a file, not a person."""

    reason: Reason


class HoldMessage(StrictMessage):
    """A legal hold: nothing of the passage is erased while it is there."""

    passage: str
    placed_by: str = Field(description="A pseudonym, or `command line`.")
    placed_at: datetime
    reason: str


class HoldList(StrictMessage):
    """All legal holds that are not lifted, the oldest first."""

    holds: list[HoldMessage]
