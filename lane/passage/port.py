"""Who is shown the state of a passage."""

from typing import Protocol

from lane.decision.passage_states import State
from lane.decision.referral import PassageId


class Screen(Protocol):
    """Shows the state of a passage: never a reason, never a face."""

    def show(self, passage: PassageId, state: State, /) -> None:
        """The passage has entered this state, which is on disk already."""
        ...
