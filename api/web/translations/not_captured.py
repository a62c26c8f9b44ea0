"""What an officer does next about a passenger of whom no picture was taken: neutral, and in order."""

from collections.abc import Collection

from api.web.translations.language import N_, Words
from lane.decision.reason_codes import Code

NOT_TAKEN = "not_taken"
"""How the capture ended that never began: `lane.decision.evidence.CaptureEnd`."""

_GO = N_("Go to the passenger, who waits at the closed gate.")
_COMPARE = N_("Check the document, and compare its photo with the passenger yourself. Take no picture.")
_DECIDE = N_("Then decide here. To let the passenger in, the ground is “Checked by hand”.")
_OR_CAPTURE = N_(
    "Then decide here: “Checked by hand” lets the passenger in; “Capture again” has the camera try once "
    "more, if the passenger wants that."
)
_COMPARE_HELPING = N_("Check the document, and compare its photo with the passenger yourself.")
STEPS: dict[Code, tuple[str, ...]] = {
    Code.DIPLOMATIC: (
        N_("Go to the passenger, and greet the passenger as the document calls for."),
        _COMPARE,
        _DECIDE,
    ),
    Code.CHILD: (
        N_("Go to the child. See who travels with the child, and speak with both."),
        N_(
            "Check the child’s document and that of whoever travels with the child, and whether the child "
            "may travel with them. Take no picture."
        ),
        _DECIDE,
    ),
    Code.DECLINES_FACE: (
        N_(
            "Go to the passenger, who waits at the closed gate. Say that an officer checks by hand, as for "
            "all."
        ),
        _COMPARE,
        _DECIDE,
    ),
    Code.BODY_SIZE: (
        N_("Go to the passenger, and lead the way where there is room."),
        _COMPARE_HELPING,
        _OR_CAPTURE,
    ),
    Code.IMPAIRMENT: (
        N_("Go to the passenger, and ask what help is wanted."),
        _COMPARE_HELPING,
        _OR_CAPTURE,
    ),
    Code.INFANT_CARRIED: (
        N_("Go to the passenger. The infant is checked too."),
        _COMPARE_HELPING,
        _OR_CAPTURE,
    ),
}
"""Reason → what to do, first to last. Where several hold, the first of this table says it."""


def next_steps(ended: str, codes: Collection[str], words: Words, *, again: bool) -> list[str]:
    """What to do next, where no picture was taken; else nothing. `again`: the lane may still capture."""
    if ended != NOT_TAKEN:
        return []
    found = next((steps for code, steps in STEPS.items() if code in codes), (_GO, _COMPARE, _DECIDE))
    return [words.say(_DECIDE if one == _OR_CAPTURE and not again else one) for one in found]
