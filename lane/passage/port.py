"""What the traveller's screen is to the lane."""

from typing import Protocol

from lane.decision.passage_states import State
from lane.decision.referral import PassageId


class Screen(Protocol):
    """What tells the people at the lane how it goes: never a reason, never a face."""

    def show(self, passage: PassageId, state: State, /) -> None:
        """The passage stands here now; it is on disk already."""
        ...
