"""The gate opens on two steps alone, whatever is tried."""

from lane.decision.passage_states import TRANSITIONS, State, Step, after
from lane.platform.errors import TransitionError


def possible(state: State) -> dict[Step, State]:
    """Where each step leads that this state allows; every other one is an error."""
    found = {}
    for step in Step:
        try:
            found[step] = after(state, step)
        except TransitionError:
            continue
    return found


def test_only_two_steps_open_gate() -> None:
    """Tried from each state with each step, and so in any sequence of them."""
    tried = {(state, step): to for state in State for step, to in possible(state).items()}
    opening = {place for place, to in tried.items() if to is State.OPEN}
    assert opening == {(State.CAPTURING, Step.ACCEPTED), (State.REFERRED, Step.ADMITTED_BY_OFFICER)}


def test_only_a_closed_passage_is_over() -> None:
    assert set(TRANSITIONS) == set(State)
    assert [state for state in State if not possible(state)] == [State.CLOSED]
