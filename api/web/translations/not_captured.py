"""What an officer does next about a passenger of whom no picture was taken: neutral, and in order."""

from collections.abc import Collection

from api.web.translations.language import N_, Words
from lane.decision.reason_codes import BY_HAND, COMPARE_BY_HAND, DECIDE, DECIDE_OR_CAPTURE

NOT_TAKEN = "not_taken"
"""How the capture ended that never began: `lane.decision.evidence.CaptureEnd`."""

_OTHERS = (N_("Go to the passenger, who waits at the closed gate."), COMPARE_BY_HAND, DECIDE)


def next_steps(ended: str, codes: Collection[str], words: Words, *, again: bool) -> list[str]:
    """The next steps where no picture was taken; otherwise none. `again`: the lane may still capture."""
    if ended != NOT_TAKEN:
        return []
    found = next((by_hand.steps for code, by_hand in BY_HAND.items() if code in codes), _OTHERS)
    return [words.say(DECIDE if one == DECIDE_OR_CAPTURE and not again else one) for one in found]
