"""Instructions for the traveller, one at a time: never a reason for a referral, never a hint of an attack."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lane.capture.tracking import Miss, Scene
from lane.decision.passage_states import State
from lane.decision.policy import Limit, beyond_limits
from models.quality.components import COMPONENTS, Aspect
from models.values.measurement import Measure, Measured

LEAST_SHOWN_S = 0.7
"""How long an instruction stays at least: it must be read."""


class Instruction(StrEnum):
    """What a page shows as one pictogram and one sentence. Sides are the traveller's own."""

    CLOSER = "closer"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"
    HIGHER = "higher"
    LOWER = "lower"
    LOOK = "look"
    UNCOVER = "uncover"
    OPEN_EYES = "open_eyes"
    HOLD_STILL = "hold_still"
    ONE_PERSON = "one_person"
    DOCUMENT_UNREADABLE = "document_unreadable"
    PLEASE_WAIT = "please_wait"
    PROCEED = "proceed"
    OFFICER = "officer"
    CLOSED = "closed"
    WELCOME = "welcome"


class Side(StrEnum):
    LOW = "low"
    HIGH = "high"
    UNKNOWN = "unknown"
    """It could not be measured."""


_TO_THE_ZONE = {
    Miss.FAR: Instruction.CLOSER,
    Miss.LEFT: Instruction.LEFT,  # who stands on the image's left goes to the own left, towards its middle
    Miss.RIGHT: Instruction.RIGHT,
    Miss.HIGH: Instruction.LOWER,
    Miss.LOW: Instruction.HIGHER,
}
_BY_COMPONENT: dict[tuple[str, Side], Instruction] = {
    ("inter_eye_distance_px", Side.LOW): Instruction.CLOSER,
    ("inter_eye_distance_px", Side.HIGH): Instruction.BACK,
    ("head_size", Side.LOW): Instruction.CLOSER,
    ("head_size", Side.HIGH): Instruction.BACK,
    ("shown", Side.LOW): Instruction.BACK,
    ("offset_x", Side.LOW): Instruction.LEFT,
    ("offset_x", Side.HIGH): Instruction.RIGHT,
    ("offset_y", Side.LOW): Instruction.LOWER,
    ("offset_y", Side.HIGH): Instruction.HIGHER,
    **{
        (name, side): Instruction.LOOK
        for name, one in COMPONENTS.items()
        if one.aspect is Aspect.POSE
        for side in Side
    },
    ("eye_opening", Side.LOW): Instruction.OPEN_EYES,
    # after the pose: a head that is turned away hides half of its face, too
    ("eyes_visible", Side.LOW): Instruction.UNCOVER,
    ("mouth_visible", Side.LOW): Instruction.UNCOVER,
    ("occlusion", Side.HIGH): Instruction.UNCOVER,
}
INSTRUCTION_OF_STATE = {
    State.WAITING: Instruction.WELCOME,
    State.CAPTURING: Instruction.LOOK,
    State.REFERRED: Instruction.OFFICER,
    State.OPEN: Instruction.PROCEED,
    State.CLOSED: Instruction.PLEASE_WAIT,
}
"""What a traveller reads when a passage enters a state; a capture gives further instructions."""
_BY_HELP = tuple(Instruction)
"""The order in which instructions help: distance, place, pose, then the rest."""


def instruction_for(scene: Scene, missed_limits: Mapping[str, Side]) -> Instruction:
    """The instruction that helps most; hold still where no limit is missed that a traveller can mend."""
    if len(scene.inside) > 1:
        return Instruction.ONE_PERSON
    if scene.passenger is None:
        ways = (_TO_THE_ZONE[miss] for miss in scene.misses)
        return min(ways, key=_BY_HELP.index, default=Instruction.LOOK)
    wanted = (_BY_COMPONENT.get(one, Instruction.HOLD_STILL) for one in missed_limits.items())
    return min(wanted, key=_BY_HELP.index, default=Instruction.HOLD_STILL)


def missed_limits(quality: Mapping[str, Measure], limits: Mapping[str, Limit]) -> dict[str, Side]:
    """The components that miss their limit, each with the side on which it does."""
    return {name: _side(limits[name], quality.get(name)) for name in beyond_limits(quality, limits)}


def _side(limit: Limit, measure: Measure | None) -> Side:
    match measure:
        case Measured(value) if limit.min is not None and value < limit.min:
            return Side.LOW
        case Measured(value) if limit.max is not None and value > limit.max:
            return Side.HIGH
    return Side.UNKNOWN


@dataclass(frozen=True, slots=True)
class ShownInstruction:
    """An instruction, and since when it is shown on the monotonic clock."""

    instruction: Instruction
    since_s: float


def next_instruction(before: ShownInstruction | None, wanted: Instruction, at_s: float) -> ShownInstruction:
    """What is shown now: a new instruction only once the last one was there long enough to be read."""
    if before and (wanted is before.instruction or at_s - before.since_s < LEAST_SHOWN_S):
        return before
    return ShownInstruction(wanted, at_s)


class Guide(Protocol):
    def __call__(self, instruction: Instruction, /, progress: float = 0.0) -> None:
        """Show this now; the same instruction may be given again and again. Takes no time, never fails.

        `progress` of a capture: 0 to 1.
        """
        ...


def no_guide(_: Instruction, /, progress: float = 0.0) -> None:
    """The `Guide` of a lane without a traveller's screen."""
