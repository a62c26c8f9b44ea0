"""The gate opens on two steps alone, whatever is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.passage_states import TRANSITIONS, State, Step, after
from lane.platform.errors import TransitionError


def test_only_two_steps_open_gate() -> None:
    opening = {
        (state, step)
        for state, steps in TRANSITIONS.items()
        for step, target in steps.items()
        if target is State.OPEN
    }
    assert opening == {(State.CAPTURING, Step.ACCEPTED), (State.REFERRED, Step.ADMITTED_BY_OFFICER)}


@given(st.lists(st.sampled_from(Step), max_size=30))
def test_no_step_sequence_opens_otherwise(steps: list[Step]) -> None:
    state = State.WAITING
    for step in steps:
        before = state
        try:
            state = after(state, step)
        except TransitionError:
            assert state is before
            continue
        if state is State.OPEN:
            assert (before, step) in {
                (State.CAPTURING, Step.ACCEPTED),
                (State.REFERRED, Step.ADMITTED_BY_OFFICER),
            }


@pytest.mark.parametrize("step", Step)
def test_nothing_happens_to_a_closed_passage(step: Step) -> None:
    with pytest.raises(TransitionError):
        after(State.CLOSED, step)


def test_every_state_is_tabled() -> None:
    assert set(TRANSITIONS) == set(State)
    assert [state for state, steps in TRANSITIONS.items() if not steps] == [State.CLOSED]
