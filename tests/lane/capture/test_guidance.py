"""One instruction at a time, the one that helps most, and long enough to be read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lane.capture.guidance import LEAST_SHOWN_S, Instruction, Side, Told, instruction_for, lacking, next_told
from lane.capture.tracking import Miss, Scene, Track
from models.values.measurement import Measured, NotAssessed
from tests.support.lane.example_evidence import POLICY, inside
from tests.support.lane.placed_faces import face

TRACK = Track(1, face(), 0, 0)
ALONE = Scene((TRACK,))
WHILE_CAPTURED = {
    *(Instruction.CLOSER, Instruction.BACK, Instruction.LEFT, Instruction.RIGHT, Instruction.HIGHER),
    *(Instruction.LOWER, Instruction.LOOK, Instruction.OPEN_EYES, Instruction.HOLD_STILL),
    *(Instruction.UNCOVER, Instruction.ONE_PERSON),
}
LIMITS = POLICY.quality.live


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (Scene(), Instruction.LOOK),
        (Scene(behind=1, misses=(Miss.FAR,)), Instruction.CLOSER),
        (Scene(behind=1, misses=(Miss.LEFT,)), Instruction.LEFT),
        (Scene(behind=1, misses=(Miss.RIGHT, Miss.FAR)), Instruction.CLOSER),
        (Scene(behind=1, misses=(Miss.HIGH,)), Instruction.LOWER),
        (Scene(behind=1, misses=(Miss.LOW,)), Instruction.HIGHER),
        (Scene((TRACK, TRACK)), Instruction.ONE_PERSON),
        (ALONE, Instruction.HOLD_STILL),
    ],
)
def test_who_stands_elsewhere_is_told_where_to_go(scene: Scene, said: Instruction) -> None:
    assert instruction_for(scene, {}) is said


@pytest.mark.parametrize(
    ("component", "value", "said"),
    [
        ("inter_eye_distance_px", 10, Instruction.CLOSER),
        ("head_size", 1.2, Instruction.BACK),
        ("offset_x", -0.4, Instruction.LEFT),
        ("offset_x", 0.4, Instruction.RIGHT),
        ("offset_y", 0.4, Instruction.HIGHER),
        ("offset_y", -0.4, Instruction.LOWER),
        ("yaw_deg", 40, Instruction.LOOK),
        ("pitch_deg", -40, Instruction.LOOK),
        ("eyes_visible", 0.1, Instruction.UNCOVER),
        ("mouth_visible", 0.01, Instruction.UNCOVER),
        ("occlusion", 0.5, Instruction.UNCOVER),
        ("motion", 5, Instruction.HOLD_STILL),
        ("sharpness", 0.1, Instruction.HOLD_STILL),
        ("brightness", 0.01, Instruction.HOLD_STILL),
    ],
)
def test_a_limit_that_is_missed_has_its_instruction(component: str, value: float, said: Instruction) -> None:
    quality = {**inside(LIMITS), component: Measured(value)}
    assert instruction_for(ALONE, lacking(quality, LIMITS)) is said


def test_of_several_the_distance_comes_first() -> None:
    missed = {"motion": Side.HIGH, "yaw_deg": Side.LOW, "inter_eye_distance_px": Side.LOW}
    assert instruction_for(ALONE, missed) is Instruction.CLOSER


def test_a_head_that_is_turned_away_is_asked_to_look_before_it_is_asked_to_show_its_face() -> None:
    missed = {"occlusion": Side.HIGH, "eyes_visible": Side.LOW, "yaw_deg": Side.HIGH}
    assert instruction_for(ALONE, missed) is Instruction.LOOK
    del missed["yaw_deg"]
    assert instruction_for(ALONE, missed) is Instruction.UNCOVER


def test_what_was_not_measured_lacks_on_no_side() -> None:
    quality = {**inside(LIMITS), "motion": NotAssessed("no frame before")}
    assert lacking(quality, LIMITS) == {"motion": Side.UNKNOWN}
    assert lacking({}, LIMITS).keys() == LIMITS.keys()


@given(
    st.integers(0, 3),
    st.lists(st.sampled_from(Miss), max_size=3),
    st.dictionaries(st.sampled_from([*LIMITS, "liveness", "anything"]), st.sampled_from(Side)),
)
@example(1, [], {"eyes_visible": Side.LOW})
def test_whatever_is_found_the_traveller_hears_what_to_do_and_no_reason(
    in_zone: int, misses: list[Miss], missed: dict[str, Side]
) -> None:
    scene = Scene((TRACK,) * in_zone, misses=tuple(misses))
    assert instruction_for(scene, missed) in WHILE_CAPTURED


@given(st.lists(st.tuples(st.sampled_from(Instruction), st.floats(0, 0.5)), min_size=1))
def test_whatever_is_wanted_an_instruction_stays_long_enough_to_be_read(
    wanted: list[tuple[Instruction, float]],
) -> None:
    told, at_s = None, 0.0
    for instruction, later_s in wanted:
        at_s += later_s
        before: Told | None = told
        told = next_told(before, instruction, at_s)
        if before is not None and told.instruction is not before.instruction:
            assert told.since_s - before.since_s >= LEAST_SHOWN_S
            assert told.instruction is instruction
