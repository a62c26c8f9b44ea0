"""Why a passenger is referred: the field's codes, and which of them may be shown to whom."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Referral reasons, worst first within a group; the value is what the ledger and the desk carry."""

    DOCUMENT_EXPIRED = "D11"
    DOCUMENT_PHOTO_UNUSABLE = "D16"
    NO_FACE = "F01"
    SEVERAL_FACES = "F02"
    TIMEOUT = "F03"
    QUALITY = "F04"
    MOTION = "F06"
    POSE = "F07"
    LIGHT = "F08"
    BORDERLINE = "F09"
    NO_MATCH = "F10"
    ATTACK_ALARM = "A01"
    ATTACK_DETECTION_UNAVAILABLE = "A02"
    ENGINE_LOST = "S01"
    NETWORK_LOST = "S02"
    DESK_LOST = "S03"
    MODEL_CHANGED = "S04"


WORST_FIRST = (
    Code.ATTACK_ALARM,
    Code.NO_MATCH,
    Code.DOCUMENT_EXPIRED,
    Code.DOCUMENT_PHOTO_UNUSABLE,
    Code.SEVERAL_FACES,
    Code.BORDERLINE,
    Code.NO_FACE,
    Code.TIMEOUT,
    Code.QUALITY,
    Code.MOTION,
    Code.POSE,
    Code.LIGHT,
    Code.ATTACK_DETECTION_UNAVAILABLE,
    Code.MODEL_CHANGED,
    Code.ENGINE_LOST,
    Code.DESK_LOST,
    Code.NETWORK_LOST,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and the components that it is about, such as F04 with `sharpness`."""

    code: Code
    components: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}[{', '.join(self.components)}]" if self.components else str(self.code)


def worst_first(reasons: "tuple[Reason, ...]") -> "tuple[Reason, ...]":
    """The same reasons in the order an officer reads them."""
    return tuple(sorted(reasons, key=lambda reason: WORST_FIRST.index(reason.code)))
