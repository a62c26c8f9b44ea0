"""What the traveller reads: friendly, true, and never that somebody is suspected, listed or not believed."""

from collections.abc import Iterable
from dataclasses import dataclass

from lane.decision.reason_codes import Code


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence in the lane's languages."""

    english: str
    chinese: str


WAIT = Notice(
    "Please wait: an officer will help you.",
    "请稍候，检查员将协助您。",
)
DOCUMENT = Notice(
    "Please wait: an officer will look at your document.",
    "请稍候，检查员将查验您的证件。",
)
REMOVED = Notice(
    "Your document was taken away too early. An officer will help you.",
    "证件取走过早，检查员将协助您。",
)
ANOTHER_LANE = Notice(
    "This lane is not for your document. An officer will show you the way.",
    "您的证件不适用于本通道，检查员将为您引导。",
)
PICTURE = Notice(
    "The camera could not take a good picture. An officer will help you.",
    "摄像头未能拍到清晰照片，检查员将协助您。",
)
ALONE = Notice(
    "Only one person at a time, please. An officer will help you.",
    "请逐人通过，检查员将协助您。",
)
UNCOVER = Notice(
    "Please uncover your face. An officer will help you.",
    "请露出面部，检查员将协助您。",
)
STILL = Notice(
    "Please stand still. An officer will help you.",
    "请站稳不动，检查员将协助您。",
)
STRAIGHT = Notice(
    "Please look straight into the camera. An officer will help you.",
    "请正视摄像头，检查员将协助您。",
)

NEUTRAL = WAIT
"""Attack and authority, a face that did not match, and people who may be in danger: nothing is told of it."""

NOTICES: dict[Code, Notice] = {
    Code.CHIP_UNREADABLE: DOCUMENT,
    Code.CHIP_ACCESS_FAILED: DOCUMENT,
    Code.SECURITY_OBJECT_BAD: NEUTRAL,
    Code.SIGNER_NOT_TRUSTED: DOCUMENT,
    Code.SIGNER_REVOKED: NEUTRAL,
    Code.SIGNER_EXPIRED: DOCUMENT,
    Code.DATA_GROUP_MISMATCH: NEUTRAL,
    Code.CHIP_NOT_GENUINE: NEUTRAL,
    Code.MRZ_DIFFERS: NEUTRAL,
    Code.COUNTRY_MISMATCH: NEUTRAL,
    Code.DOCUMENT_EXPIRED: DOCUMENT,
    Code.ISSUER_DEFECT: DOCUMENT,
    Code.MRZ_CHECK_DIGITS: DOCUMENT,
    Code.SPECIMEN: NEUTRAL,
    Code.REMOVED_EARLY: REMOVED,
    Code.DOCUMENT_PHOTO_UNUSABLE: DOCUMENT,
    Code.REPORTED_LOST: NEUTRAL,
    Code.USED_AGAIN: DOCUMENT,
    Code.NOT_ELIGIBLE: ANOTHER_LANE,
    Code.NO_FACE: PICTURE,
    Code.SEVERAL_FACES: ALONE,
    Code.TIMEOUT: PICTURE,
    Code.QUALITY: PICTURE,
    Code.OCCLUSION: UNCOVER,
    Code.MOTION: STILL,
    Code.POSE: STRAIGHT,
    Code.LIGHT: PICTURE,
    Code.BORDERLINE: NEUTRAL,
    Code.NO_MATCH: NEUTRAL,
    Code.OLD_PHOTO: NEUTRAL,
    Code.CHANGED_APPEARANCE: NEUTRAL,
    Code.LOOK_ALIKE: NEUTRAL,
    Code.MORPH: NEUTRAL,
    Code.ATTACK_ALARM: NEUTRAL,
    Code.ATTACK_DETECTION_UNAVAILABLE: NEUTRAL,
    Code.STREAM_INJECTED: NEUTRAL,
    Code.EVASION: NEUTRAL,
    Code.REPEATED_TRIES: NEUTRAL,
    Code.CHILD: WAIT,
    Code.FAMILY: WAIT,
    Code.BODY_SIZE: WAIT,
    Code.IMPAIRMENT: WAIT,
    Code.INFANT_CARRIED: WAIT,
    Code.DIPLOMATIC: WAIT,
    Code.CREW: ANOTHER_LANE,
    Code.DECLINES_FACE: WAIT,
    Code.ILLNESS: NEUTRAL,
    Code.SAFEGUARDING: NEUTRAL,
    Code.DISTRESSED: NEUTRAL,
    Code.TAILGATING: ALONE,
    Code.OBJECT_LEFT: NEUTRAL,
    Code.TURNED_BACK: WAIT,
    Code.DOOR_FORCED: NEUTRAL,
    Code.EMERGENCY_STOP: NEUTRAL,
    Code.OPENED_BY_HAND: NEUTRAL,
    Code.WATCHLIST: NEUTRAL,
    Code.RISK_INDICATOR: NEUTRAL,
    Code.CUSTOMS_DECLARATION: NEUTRAL,
    Code.QUARANTINE: NEUTRAL,
    Code.OTHER_AGENCY: NEUTRAL,
    Code.RANDOM_CHECK: NEUTRAL,
    Code.VISA: NEUTRAL,
    Code.ENGINE_LOST: WAIT,
    Code.NETWORK_LOST: WAIT,
    Code.DESK_LOST: WAIT,
    Code.MODEL_CHANGED: WAIT,
    Code.CAMERA_DRIFT: WAIT,
    Code.CLOCK_WRONG: WAIT,
    Code.OVERLOAD: WAIT,
    Code.ADVANCE_DATA_LATE: WAIT,
}

HUSHED = frozenset(
    {
        Code.SECURITY_OBJECT_BAD,
        Code.SIGNER_REVOKED,
        Code.DATA_GROUP_MISMATCH,
        Code.CHIP_NOT_GENUINE,
        Code.MRZ_DIFFERS,
        Code.COUNTRY_MISMATCH,
        Code.SPECIMEN,
        Code.REPORTED_LOST,
        Code.BORDERLINE,
        Code.NO_MATCH,
        Code.OLD_PHOTO,
        Code.CHANGED_APPEARANCE,
        Code.LOOK_ALIKE,
        Code.MORPH,
        Code.ATTACK_ALARM,
        Code.ATTACK_DETECTION_UNAVAILABLE,
        Code.STREAM_INJECTED,
        Code.EVASION,
        Code.REPEATED_TRIES,
        Code.ILLNESS,
        Code.SAFEGUARDING,
        Code.DISTRESSED,
        Code.OBJECT_LEFT,
        Code.DOOR_FORCED,
        Code.EMERGENCY_STOP,
        Code.OPENED_BY_HAND,
        Code.WATCHLIST,
        Code.RISK_INDICATOR,
        Code.CUSTOMS_DECLARATION,
        Code.QUARANTINE,
        Code.OTHER_AGENCY,
        Code.RANDOM_CHECK,
        Code.VISA,
    }
)
"""Codes whose case shows the neutral notice alone, whatever else is a reason."""


def for_traveller(codes: Iterable[Code]) -> Notice:
    """One notice for a case with these reasons, worst first."""
    given = tuple(codes)
    if not given or HUSHED.intersection(given):
        return NEUTRAL
    return NOTICES[given[0]]
