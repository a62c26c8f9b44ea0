"""The bases of the desk's messages, and the message of an error."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


PassageName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$")]


class StrictMessage(BaseModel):
    """A message whose fields are all known."""

    # An error's text may come into a log; what was sent may not.
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, hide_input_in_errors=True)


class ChainHead(StrictMessage):
    """The end of a chain; keep it: it is a witness."""

    seq: int
    hash: Sha256


class Problem(StrictMessage):
    """Every error of the desk."""

    code: str = Field(examples=["already_decided"])
    message: str = Field(description="What happened and what to do.")
    has: ChainHead | None = Field(
        default=None, description="With `chain_broken`: how far the desk has this lane's chain."
    )


Point = tuple[FiniteFloat, FiniteFloat]
"""Column and row in pixels of an image, from its upper left corner."""


class LaneInput(BaseModel):
    """Part of what a lane sends: fields that only a newer lane knows are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
