"""The messages for auditors: passages found, the entries about one, and the replay of its decision."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from api.platform.messages import Sha256, StrictMessage


class PassageFound(StrictMessage):
    """One passage in a list."""

    passage: str
    lane: str | None
    started_at: datetime | None = Field(description="When the desk heard of it first.")
    outcome: Literal["admit", "refer"] | None = Field(description="Of the machine; null: it did not judge.")
    reasons: list[str] = Field(description="Codes, worst first.")
    officers: list[str] = Field(description="Pseudonyms of those who had the case.")
    answer: str | None = Field(description="The officer's last answer, where there is one.")
    ended: str | None = Field(description="How the passage ended at the lane.")


class PassagesFound(StrictMessage):
    """One page of passages, newest first."""

    passages: list[PassageFound]
    before: int | None = Field(description="Send it as `before` for the next page; null: there is none.")


class MeasureMessage(StrictMessage):
    """One thing that was measured, and the limit that the policy sets."""

    name: str
    value: float | None
    not_assessed: str | None = Field(description="Why there is no value.")
    min: float | None = Field(description="Null: no lower limit, or the policy is not at hand.")
    max: float | None
    holds: bool | None = Field(description="Whether the value is within; null: there is no limit to hold.")


class ReplayMessage(StrictMessage):
    """The decision made again, from the evidence in the ledger and the policy that it names."""

    result: Literal["same", "different", "policy_missing", "evidence_incomplete"]
    policy_version: str | None
    policy_sha256: str | None
    outcome: Literal["admit", "refer"] | None = Field(description="What comes out now, if it was made.")
    reasons: list[str]
    measures: list[MeasureMessage]


class StepMessage(StrictMessage):
    """One entry about the passage, with what proves it."""

    seq: int
    at: datetime | None = Field(description="When the desk recorded it.")
    kind: str
    lane: str | None = Field(description="The lane that sent it; null: the desk itself.")
    told_at: datetime | None = Field(description="The lane's own time.")
    body: dict[str, Any] | None
    payload: str = Field(description="The entry exactly as it is stored and was hashed.")
    hash: Sha256
    fault: str | None = Field(description="Why the entry cannot be read: it was changed.")
    replay: ReplayMessage | None = Field(description="Of a judgement.")


class PassageAudited(StrictMessage):
    """All entries about a passage, in order."""

    found: PassageFound
    steps: list[StepMessage]
