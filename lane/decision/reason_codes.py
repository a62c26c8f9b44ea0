"""Why a passenger is referred: the codes of the field, in which order they are read, and who acts on them."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Referral reasons by group; the value is what the ledger and the desk carry."""

    # document
    CHIP_UNREADABLE = "D01"
    CHIP_ACCESS_FAILED = "D02"
    SECURITY_OBJECT_BAD = "D03"
    SIGNER_NOT_TRUSTED = "D04"
    SIGNER_REVOKED = "D05"
    SIGNER_EXPIRED = "D06"
    DATA_GROUP_MISMATCH = "D07"
    CHIP_NOT_GENUINE = "D08"
    MRZ_DIFFERS = "D09"
    COUNTRY_MISMATCH = "D10"
    DOCUMENT_EXPIRED = "D11"
    ISSUER_DEFECT = "D12"
    MRZ_CHECK_DIGITS = "D13"
    SPECIMEN = "D14"
    REMOVED_EARLY = "D15"
    DOCUMENT_PHOTO_UNUSABLE = "D16"
    REPORTED_LOST = "D17"
    USED_AGAIN = "D18"
    NOT_ELIGIBLE = "D19"

    # face
    NO_FACE = "F01"
    SEVERAL_FACES = "F02"
    TIMEOUT = "F03"
    QUALITY = "F04"
    OCCLUSION = "F05"
    MOTION = "F06"
    POSE = "F07"
    LIGHT = "F08"
    BORDERLINE = "F09"
    NO_MATCH = "F10"
    OLD_PHOTO = "F11"
    CHANGED_APPEARANCE = "F12"
    LOOK_ALIKE = "F13"
    MORPH = "F14"

    # attack
    ATTACK_ALARM = "A01"
    ATTACK_DETECTION_UNAVAILABLE = "A02"
    STREAM_INJECTED = "A03"
    EVASION = "A04"
    REPEATED_TRIES = "A05"

    # person
    CHILD = "P01"
    FAMILY = "P02"
    BODY_SIZE = "P03"
    IMPAIRMENT = "P04"
    INFANT_CARRIED = "P05"
    DIPLOMATIC = "P06"
    CREW = "P07"
    DECLINES_FACE = "P08"
    ILLNESS = "P09"
    SAFEGUARDING = "P10"
    DISTRESSED = "P11"

    # lane
    TAILGATING = "L01"
    OBJECT_LEFT = "L02"
    TURNED_BACK = "L03"
    DOOR_FORCED = "L04"
    EMERGENCY_STOP = "L05"
    OPENED_BY_HAND = "L06"

    # authority
    WATCHLIST = "W01"
    RISK_INDICATOR = "W02"
    CUSTOMS_DECLARATION = "W03"
    QUARANTINE = "W04"
    OTHER_AGENCY = "W05"
    RANDOM_CHECK = "W06"
    VISA = "W07"

    # system
    ENGINE_LOST = "S01"
    NETWORK_LOST = "S02"
    DESK_LOST = "S03"
    MODEL_CHANGED = "S04"
    CAMERA_DRIFT = "S05"
    CLOCK_WRONG = "S06"
    OVERLOAD = "S07"
    ADVANCE_DATA_LATE = "S08"


class Agency(StrEnum):
    """Who acts on a reason."""

    BORDER = "border"
    DIPLOMATIC = "diplomatic"
    POLICE = "police"
    IMMIGRATION = "immigration"
    QUARANTINE = "quarantine"
    CUSTOMS = "customs"
    OTHER = "other"
    TECHNICIAN = "technician"


WORST_FIRST = (
    Code.ATTACK_ALARM,
    Code.STREAM_INJECTED,
    Code.SAFEGUARDING,
    Code.WATCHLIST,
    Code.EMERGENCY_STOP,
    Code.ILLNESS,
    Code.QUARANTINE,
    Code.EVASION,
    Code.REPEATED_TRIES,
    Code.DOOR_FORCED,
    Code.NO_MATCH,
    Code.MORPH,
    Code.LOOK_ALIKE,
    Code.CHIP_NOT_GENUINE,
    Code.DATA_GROUP_MISMATCH,
    Code.SECURITY_OBJECT_BAD,
    Code.SIGNER_REVOKED,
    Code.REPORTED_LOST,
    Code.SPECIMEN,
    Code.MRZ_DIFFERS,
    Code.COUNTRY_MISMATCH,
    Code.SIGNER_NOT_TRUSTED,
    Code.MRZ_CHECK_DIGITS,
    Code.ISSUER_DEFECT,
    Code.CHIP_ACCESS_FAILED,
    Code.CHIP_UNREADABLE,
    Code.SIGNER_EXPIRED,
    Code.USED_AGAIN,
    Code.REMOVED_EARLY,
    Code.DOCUMENT_EXPIRED,
    Code.DOCUMENT_PHOTO_UNUSABLE,
    Code.NOT_ELIGIBLE,
    Code.SEVERAL_FACES,
    Code.TAILGATING,
    Code.OPENED_BY_HAND,
    Code.OBJECT_LEFT,
    Code.TURNED_BACK,
    Code.DIPLOMATIC,
    Code.CHILD,
    Code.FAMILY,
    Code.DISTRESSED,
    Code.IMPAIRMENT,
    Code.BODY_SIZE,
    Code.INFANT_CARRIED,
    Code.DECLINES_FACE,
    Code.CREW,
    Code.RISK_INDICATOR,
    Code.CUSTOMS_DECLARATION,
    Code.OTHER_AGENCY,
    Code.VISA,
    Code.RANDOM_CHECK,
    Code.BORDERLINE,
    Code.OLD_PHOTO,
    Code.CHANGED_APPEARANCE,
    Code.NO_FACE,
    Code.TIMEOUT,
    Code.QUALITY,
    Code.OCCLUSION,
    Code.MOTION,
    Code.POSE,
    Code.LIGHT,
    Code.ATTACK_DETECTION_UNAVAILABLE,
    Code.MODEL_CHANGED,
    Code.ENGINE_LOST,
    Code.CAMERA_DRIFT,
    Code.CLOCK_WRONG,
    Code.OVERLOAD,
    Code.DESK_LOST,
    Code.NETWORK_LOST,
    Code.ADVANCE_DATA_LATE,
)
"""Attacks and people in danger, then faces and documents in doubt, then what needs help or another
authority, then poor pictures, then faults of the lane, which never count against the passenger."""

NEVER_CAPTURED = frozenset({Code.DIPLOMATIC, Code.DECLINES_FACE, Code.CHILD})
"""No lane captures these, or once more by an officer's word, and no desk offers it: diplomats and others with
papers like theirs, who declines it, children."""

_ELSEWHERE: dict[Code, Agency] = {
    Code.REPORTED_LOST: Agency.POLICE,
    Code.DIPLOMATIC: Agency.DIPLOMATIC,
    Code.ILLNESS: Agency.QUARANTINE,
    Code.SAFEGUARDING: Agency.POLICE,
    Code.OBJECT_LEFT: Agency.POLICE,
    Code.WATCHLIST: Agency.POLICE,
    Code.CUSTOMS_DECLARATION: Agency.CUSTOMS,
    Code.QUARANTINE: Agency.QUARANTINE,
    Code.OTHER_AGENCY: Agency.OTHER,
    Code.VISA: Agency.IMMIGRATION,
    Code.ENGINE_LOST: Agency.TECHNICIAN,
    Code.NETWORK_LOST: Agency.TECHNICIAN,
    Code.DESK_LOST: Agency.TECHNICIAN,
    Code.MODEL_CHANGED: Agency.TECHNICIAN,
    Code.CAMERA_DRIFT: Agency.TECHNICIAN,
    Code.CLOCK_WRONG: Agency.TECHNICIAN,
    Code.OVERLOAD: Agency.TECHNICIAN,
    Code.ADVANCE_DATA_LATE: Agency.TECHNICIAN,
}


def agency(code: Code) -> Agency:
    """Who acts on it: the border inspection where no other is named."""
    return _ELSEWHERE.get(code, Agency.BORDER)


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
