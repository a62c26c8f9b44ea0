"""One instruction at a time, the one that helps most, and long enough to be read."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lane.capture.guidance import (
    LEAST_SHOWN_S,
    Instruction,
    ShownInstruction,
    Side,
    instruction_for,
    missed_limits,
    next_instruction,
)
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
    ("scene", "instruction"),
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
def test_misplaced_traveller_gets_direction(scene: Scene, instruction: Instruction) -> None:
    assert instruction_for(scene, {}) is instruction


@pytest.mark.parametrize(
    ("component", "value", "instruction"),
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
def test_every_missed_limit_has_instruction(component: str, value: float, instruction: Instruction) -> None:
    quality = {**inside(LIMITS), component: Measured(value)}
    assert instruction_for(ALONE, missed_limits(quality, LIMITS)) is instruction


@pytest.mark.parametrize(
    ("missed", "instruction"),
    [
        (("motion", "yaw_deg", "inter_eye_distance_px"), Instruction.CLOSER),
        (("occlusion", "eyes_visible", "yaw_deg"), Instruction.LOOK),
        (("occlusion", "eyes_visible"), Instruction.UNCOVER),
    ],
    ids=["distance first", "look before showing the face", "then the face"],
)
def test_of_several_the_most_helpful_comes_first(missed: Sequence[str], instruction: Instruction) -> None:
    sides = {name: Side.HIGH if name in ("motion", "occlusion") else Side.LOW for name in missed}
    assert instruction_for(ALONE, sides) is instruction


def test_unmeasured_quality_lacks_unknown_side() -> None:
    quality = {**inside(LIMITS), "motion": NotAssessed("no frame before")}
    assert missed_limits(quality, LIMITS) == {"motion": Side.UNKNOWN}
    assert missed_limits({}, LIMITS).keys() == LIMITS.keys()


@given(
    st.integers(0, 3),
    st.lists(st.sampled_from(Miss), max_size=3),
    st.dictionaries(st.sampled_from([*LIMITS, "liveness", "anything"]), st.sampled_from(Side)),
)
@example(1, [], {"eyes_visible": Side.LOW})
def test_traveller_hears_action_never_reason(
    in_zone: int, misses: list[Miss], missed: dict[str, Side]
) -> None:
    scene = Scene((TRACK,) * in_zone, misses=tuple(misses))
    assert instruction_for(scene, missed) in WHILE_CAPTURED


@given(st.lists(st.tuples(st.sampled_from(Instruction), st.floats(0, 0.5)), min_size=1))
def test_instruction_stays_long_enough_to_read(wanted: list[tuple[Instruction, float]]) -> None:
    shown, at_s = None, 0.0
    for instruction, later_s in wanted:
        at_s += later_s
        before: ShownInstruction | None = shown
        shown = next_instruction(before, instruction, at_s)
        if before is not None and shown.instruction is not before.instruction:
            assert shown.since_s - before.since_s >= LEAST_SHOWN_S
            assert shown.instruction is instruction
