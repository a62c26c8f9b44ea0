"""States and steps of one passage, as a table; code only looks things up.

The gate opens on two steps alone: ACCEPTED, positive proof on every check, and ADMITTED_BY_OFFICER.
"""

from enum import StrEnum

from lane.platform.errors import TransitionError


class State(StrEnum):
    """Where a passage stands. The gate is closed in all of them but OPEN."""

    WAITING = "waiting"
    CAPTURING = "capturing"
    REFERRED = "referred"
    OPEN = "open"
    CLOSED = "closed"


class Step(StrEnum):
    DOCUMENT_PRESENTED = "document_presented"
    ACCEPTED = "accepted"
    REFERRED = "referred"
    ADMITTED_BY_OFFICER = "admitted_by_officer"
    SENT_TO_SECOND_LINE = "sent_to_second_line"
    HANDED_TO_AGENCY = "handed_to_agency"
    REPEAT_CAPTURE = "repeat_capture"
    PASSED_THROUGH = "passed_through"
    GATE_FAULT = "gate_fault"
    INTERRUPTED = "interrupted"


TRANSITIONS: dict[State, dict[Step, State]] = {
    State.WAITING: {Step.DOCUMENT_PRESENTED: State.CAPTURING},
    State.CAPTURING: {
        Step.ACCEPTED: State.OPEN,
        Step.REFERRED: State.REFERRED,
        Step.INTERRUPTED: State.CLOSED,
    },
    State.REFERRED: {
        Step.ADMITTED_BY_OFFICER: State.OPEN,
        Step.SENT_TO_SECOND_LINE: State.CLOSED,
        Step.HANDED_TO_AGENCY: State.CLOSED,
        Step.REPEAT_CAPTURE: State.CAPTURING,
        Step.INTERRUPTED: State.CLOSED,
    },
    State.OPEN: {
        Step.PASSED_THROUGH: State.CLOSED,
        Step.GATE_FAULT: State.CLOSED,
        Step.INTERRUPTED: State.CLOSED,
    },
    State.CLOSED: {},
}


def after(state: State, step: Step) -> State:
    """The next state. Raises TransitionError for a step that this state does not allow."""
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise TransitionError(f"{step} is not possible while {state}") from None
