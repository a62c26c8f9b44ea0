"""Why a passenger is referred: one table of the field's codes, a row for each, which everything else reads.

A row's place is its gravity: an officer reads the reasons of a case in this order. Another reason is another
row, the rule or sensor that raises it, and its texts in the catalogues (`api/web/translations/locales`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import partial
from typing import Self

from lane.decision import traveller_notices as notices
from lane.decision.reason_meaning import Agency, ByHand, Duty, Meaning, Rank

# One text for both: which of them it is would lead the officer's eye before the officer has looked.
_TO_COMPARE = (
    "Faces to be compared",
    "The lane did not establish that the live face and the document photo show the same person. "
    "That can be age, a poor photo or another person: compare them yourself.",
)
COMPARE_BY_HAND = "Check the document, and compare its photo with the passenger yourself. Take no picture."
_COMPARE_WITH_HELP = "Check the document, and compare its photo with the passenger yourself."
DECIDE = "Then decide here. To let the passenger in, the ground is “Checked by hand”."
DECIDE_OR_CAPTURE = (
    "Then decide here: “Checked by hand” lets the passenger in; “Capture again” has the camera try once "
    "more, if the passenger wants that."
)
_lane_fault = partial(Meaning, notice=notices.WAIT, agency=Agency.TECHNICIAN)


@unique
class Code(StrEnum):
    """The table, worst first; a value is what the ledger and the desk carry."""

    meaning: Meaning

    def __new__(cls, row: Meaning | str) -> Self:
        """Make a member from its row; later lookups are by value."""
        assert isinstance(row, Meaning)
        code = str.__new__(cls, row.code)
        code._value_ = row.code
        code.meaning = row
        return code

    # attacks, and people in danger
    ATTACK_ALARM = Meaning(
        "A01",
        "Possible presentation attack",
        "The lane saw signs of a mask, a picture or a screen in front of the camera. Look at the live "
        "person.",
        rank=Rank.AT_ONCE,
    )
    STREAM_INJECTED = Meaning(
        "A03",
        "Camera picture may not be live",
        "The pictures seem frozen, repeated or put in from elsewhere. Look at the live person, and tell "
        "the technician.",
        rank=Rank.AT_ONCE,
    )
    SAFEGUARDING = Meaning(
        "P10",
        "May need protection",
        "Somebody may travel against their will. Speak to the passenger alone, and call for help.",
        agency=Agency.POLICE,
        rank=Rank.AT_ONCE,
    )
    WATCHLIST = Meaning(
        "W01",
        "Listed by an authority",
        "An authority asks to be told of this person. Follow its instruction, and say nothing of it to "
        "the passenger.",
        agency=Agency.POLICE,
    )
    EMERGENCY_STOP = Meaning(
        "L05", "Emergency stop", "The emergency stop was pressed. Go to the lane.", rank=Rank.AT_ONCE
    )
    ILLNESS = Meaning(
        "P09",
        "Sign of illness",
        "The passenger may be ill. Keep a distance, offer help, and call quarantine.",
        agency=Agency.QUARANTINE,
        rank=Rank.SOON,
    )
    QUARANTINE = Meaning(
        "W04",
        "Quarantine asks for the passenger",
        "Quarantine wants to see the passenger.",
        agency=Agency.QUARANTINE,
        duty=Duty.QUARANTINE,
    )
    EVASION = Meaning(
        "A04",
        "Face kept from the camera",
        "The passenger seems to avoid being recognised. Look at the live person.",
    )
    REPEATED_TRIES = Meaning(
        "A05",
        "Tried with several documents",
        "The same face came with other documents before. Ask for all documents.",
    )
    DOOR_FORCED = Meaning("L04", "Door forced", "A door of the lane was moved by force. Look at the lane.")

    # faces and documents in doubt
    NO_MATCH = Meaning("F10", *_TO_COMPARE, kept_back=True)
    MORPH = Meaning(
        "F14",
        "Document photo may be of two people",
        "The document photo shows signs of having been mixed from two faces. Compare with other photos.",
    )
    LOOK_ALIKE = Meaning(
        "F13",
        "Others look very much alike",
        "The document’s face is near to that of other people, such as a twin. Compare closely.",
    )
    CHIP_NOT_GENUINE = Meaning(
        "D08",
        "Chip may be a copy",
        "The chip did not prove that it is the original. Check the document in secondary inspection.",
    )
    DATA_GROUP_MISMATCH = Meaning(
        "D07",
        "Chip’s content was changed",
        "Data on the chip is not what its issuer signed. Check the document in secondary inspection.",
    )
    SECURITY_OBJECT_BAD = Meaning(
        "D03",
        "Chip’s signature is broken",
        "The signature over the chip’s data does not hold. Check the document in secondary inspection.",
    )
    SIGNER_REVOKED = Meaning(
        "D05",
        "Signer of the chip withdrawn",
        "The issuer withdrew the certificate that signed the chip. Check the document in secondary "
        "inspection.",
    )
    REPORTED_LOST = Meaning(
        "D17",
        "Document reported lost or stolen",
        "The document is on a list of lost or stolen ones. The holder may have reported it and found it "
        "again.",
        agency=Agency.POLICE,
    )
    SPECIMEN = Meaning(
        "D14",
        "Specimen document",
        "The document says that it is a specimen. It is not valid for travel.",
    )
    MRZ_DIFFERS = Meaning(
        "D09",
        "Printed page and chip differ",
        "The data on the printed page is not that on the chip. Compare both by hand.",
    )
    COUNTRY_MISMATCH = Meaning(
        "D10",
        "Issuing countries differ",
        "Page, chip and signer do not name the same issuing country. Check the document by hand.",
    )
    SIGNER_NOT_TRUSTED = Meaning(
        "D04",
        "Signer of the chip unknown",
        "The certificate that signed the chip is not among those trusted here. Often only a list is out "
        "of date.",
        notices.DOCUMENT,
    )
    MRZ_CHECK_DIGITS = Meaning(
        "D13",
        "Check digits do not fit",
        "The check digits of the printed page do not fit its data. The page may have been misread: read "
        "it by hand.",
        notices.DOCUMENT,
    )
    ISSUER_DEFECT = Meaning(
        "D12",
        "Known fault of the issuer",
        "Documents of this issuer are known to have this fault. It is no fault of the passenger: check "
        "by hand.",
        notices.DOCUMENT,
    )
    CHIP_ACCESS_FAILED = Meaning(
        "D02",
        "Chip could not be opened",
        "The chip did not open with the data of the printed page. The page may have been misread: read "
        "it again by hand.",
        notices.DOCUMENT,
    )
    CHIP_UNREADABLE = Meaning(
        "D01",
        "Chip cannot be read",
        "The document has no chip, or it gave no answer. Check the document by hand; a dead chip is no "
        "forgery.",
        notices.DOCUMENT,
    )
    SIGNER_EXPIRED = Meaning(
        "D06",
        "Signer of the chip expired",
        "The certificate that signed the chip has expired. The document itself may be in order.",
        notices.DOCUMENT,
    )
    USED_AGAIN = Meaning(
        "D18",
        "Document used again within a short time",
        "The same document was used a short time ago. Ask the passenger.",
        notices.DOCUMENT,
    )
    REMOVED_EARLY = Meaning(
        "D15",
        "Document taken away too early",
        "The document was taken off the reader before it was read. Read it again.",
        notices.REMOVED,
    )
    DOCUMENT_EXPIRED = Meaning(
        "D11",
        "Document has expired",
        "The date of expiry on the document has passed. Check the document by hand.",
        notices.DOCUMENT,
    )
    DOCUMENT_PHOTO_UNUSABLE = Meaning(
        "D16",
        "Document photo cannot be used",
        "The photo read from the document could not be compared. Compare the person with the printed photo.",
        notices.DOCUMENT,
    )
    NOT_ELIGIBLE = Meaning(
        "D19",
        "Document not for this lane",
        "Documents of this kind are not served by this lane. It is no fault of the passenger.",
        notices.ANOTHER_LANE,
    )

    # what needs help or another authority
    SEVERAL_FACES = Meaning(
        "F02",
        "Several faces in the lane",
        "The camera saw more than one face. Make sure that one person stands in the lane, and who it is.",
        notices.ALONE,
    )
    TAILGATING = Meaning(
        "L01",
        "Somebody followed into the lane",
        "More than one person went through the door. Check each of them.",
        notices.ALONE,
        rank=Rank.SOON,
    )
    OPENED_BY_HAND = Meaning(
        "L06", "Opened by hand", "The lane was opened by hand. Make sure who went through."
    )
    OBJECT_LEFT = Meaning(
        "L02",
        "Object left in the lane",
        "Something was left behind in the lane. Keep people away until it is cleared.",
        agency=Agency.POLICE,
    )
    TURNED_BACK = Meaning(
        "L03", "Turned back", "The passenger turned back in the lane. Ask why.", notices.WAIT
    )
    DIPLOMATIC = Meaning(
        "P06",
        "Diplomatic, official or UN passport",
        "The document calls for a courteous check by the officer named for it. No second picture is taken.",
        notices.WAIT,
        agency=Agency.DIPLOMATIC,
        rank=Rank.SOON,
        duty=Duty.DIPLOMATIC,
        never_captured=True,
        by_hand=ByHand(
            1,
            (
                "Go to the passenger, and greet the passenger as the document calls for.",
                COMPARE_BY_HAND,
                DECIDE,
            ),
        ),
    )
    CHILD = Meaning(
        "P01",
        "Child",
        "The passenger is or may be a child. See who travels with the child, and whether that is in order.",
        notices.WAIT,
        rank=Rank.SOON,
        duty=Duty.CHILD,
        never_captured=True,
        by_hand=ByHand(
            2,
            (
                "Go to the child. See who travels with the child, and speak with both.",
                "Check the child’s document and that of whoever travels with the child, and whether the "
                "child may travel with them. Take no picture.",
                DECIDE,
            ),
        ),
    )
    FAMILY = Meaning(
        "P02",
        "Family, or documents mixed up",
        "People who travel together may have taken each other’s documents. Check each document with its "
        "holder.",
        notices.WAIT,
    )
    DISTRESSED = Meaning(
        "P11",
        "In distress",
        "The passenger seems to be in distress. Speak calmly and offer help.",
        rank=Rank.SOON,
    )
    IMPAIRMENT = Meaning(
        "P04",
        "Needs help to use the lane",
        "The passenger does not see, hear or understand what the lane says. Offer help.",
        notices.WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            5,
            ("Go to the passenger, and ask what help is wanted.", _COMPARE_WITH_HELP, DECIDE_OR_CAPTURE),
            wish="Needs help to use the lane",
        ),
    )
    BODY_SIZE = Meaning(
        "P03",
        "Out of the camera’s reach",
        "The passenger uses a wheelchair, or is too short or too tall for the camera. Offer help.",
        notices.WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            4,
            (
                "Go to the passenger, and lead the way where there is room.",
                _COMPARE_WITH_HELP,
                DECIDE_OR_CAPTURE,
            ),
            wish="Wheelchair, pushchair, or needs room",
        ),
    )
    INFANT_CARRIED = Meaning(
        "P05",
        "Carries an infant",
        "The passenger carries an infant, who needs a check of its own.",
        notices.WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            6, ("Go to the passenger. The infant is checked too.", _COMPARE_WITH_HELP, DECIDE_OR_CAPTURE)
        ),
    )
    DECLINES_FACE = Meaning(
        "P08",
        "Declines face recognition",
        "The passenger does not want the face to be processed. Check by hand; nothing is held against it.",
        notices.WAIT,
        never_captured=True,
        by_hand=ByHand(
            3,
            (
                "Go to the passenger, who waits at the closed gate. Say that an officer checks by hand, "
                "as for all.",
                COMPARE_BY_HAND,
                DECIDE,
            ),
            wish="Declines face recognition",
        ),
    )
    CREW = Meaning(
        "P07", "Crew member", "The passenger travels as crew. Check the crew documents.", notices.ANOTHER_LANE
    )
    RISK_INDICATOR = Meaning(
        "W02",
        "Indication from risk analysis",
        "Risk analysis asks for a closer look. It is an indication, no finding.",
    )
    CUSTOMS_DECLARATION = Meaning(
        "W03",
        "Customs asks for the passenger",
        "Customs wants to see the passenger, or a declaration is open.",
        agency=Agency.CUSTOMS,
        duty=Duty.CUSTOMS,
    )
    OTHER_AGENCY = Meaning(
        "W05",
        "Another agency asks for the passenger",
        "Another agency wants to see the passenger.",
        agency=Agency.OTHER,
        duty=Duty.OTHER_AGENCY,
    )
    VISA = Meaning(
        "W07",
        "Visa or permit",
        "A visa or a permit is missing, not valid or to be checked.",
        agency=Agency.IMMIGRATION,
    )
    RANDOM_CHECK = Meaning(
        "W06",
        "Chosen at random",
        "The passenger was chosen at random. Nothing is known against anybody.",
    )

    # poor pictures
    BORDERLINE = Meaning("F09", *_TO_COMPARE, kept_back=True)
    OLD_PHOTO = Meaning(
        "F11",
        "Document photo is old",
        "The document photo was taken long ago. Compare what does not age: ears, marks, scars.",
    )
    CHANGED_APPEARANCE = Meaning(
        "F12",
        "Appearance may have changed",
        "Beard, hair, weight or an injury may have changed the face. Compare what stays: ears, marks, scars.",
    )
    NO_FACE = Meaning(
        "F01",
        "No face seen",
        "The camera saw no face. The passenger may be very short or tall, in a wheelchair, or looking away.",
        notices.PICTURE,
    )
    TIMEOUT = Meaning(
        "F03",
        "No good picture in time",
        "The time for taking pictures ran out before there were enough good ones.",
        notices.PICTURE,
    )
    QUALITY = Meaning(
        "F04",
        "Picture quality too low",
        "The live pictures were not good enough to rely on a comparison.",
        notices.PICTURE,
    )
    OCCLUSION = Meaning(
        "F05",
        "Part of the face is covered",
        "Hair, a scarf, a mask, glasses or a hand covers part of the face. Ask the passenger to uncover it.",
        notices.UNCOVER,
    )
    MOTION = Meaning(
        "F06",
        "Passenger moved",
        "The passenger moved while the pictures were taken, and they are blurred.",
        notices.STILL,
    )
    POSE = Meaning(
        "F07", "Head turned away", "The passenger did not look straight into the camera.", notices.STRAIGHT
    )
    LIGHT = Meaning(
        "F08", "Poor light", "The face was too dark, too bright or unevenly lit.", notices.PICTURE
    )
    ATTACK_DETECTION_UNAVAILABLE = Meaning(
        "A02",
        "Presentation attack detection (PAD) did not run",
        "The lane could not check for a mask, a picture or a screen. Look at the live person.",
    )

    # faults of the lane, which never count against the passenger
    MODEL_CHANGED = _lane_fault(
        "S04",
        "Lane software changed",
        "A file of the lane’s face recognition is not the one that was approved. The lane closes; tell "
        "the technician. It is no fault of the passenger.",
    )
    ENGINE_LOST = _lane_fault(
        "S01",
        "Lane computer fault",
        "The lane’s face recognition stopped working. It is no fault of the passenger: check by hand.",
    )
    CAMERA_DRIFT = _lane_fault(
        "S05",
        "Camera out of place",
        "The camera is not set as it was. It is no fault of the passenger: check by hand, and tell the "
        "technician.",
    )
    CLOCK_WRONG = _lane_fault(
        "S06",
        "Lane’s clock is wrong",
        "The lane does not know the time for sure. It is no fault of the passenger: check by hand.",
    )
    OVERLOAD = _lane_fault(
        "S07",
        "Lane overloaded",
        "The lane had too much to do at once. It is no fault of the passenger: check by hand.",
    )
    DESK_LOST = _lane_fault(
        "S03",
        "Desk did not answer",
        "The lane reached the desk, but got no answer in time. It is no fault of the passenger.",
    )
    NETWORK_LOST = _lane_fault(
        "S02",
        "Network was lost",
        "The lane could not reach the desk for a while. It is no fault of the passenger.",
    )
    ADVANCE_DATA_LATE = _lane_fault(
        "S08",
        "Advance data late or missing",
        "What carriers tell in advance did not come. It is no fault of the passenger: check by hand.",
    )


BY_GROUP = tuple(sorted(Code, key=lambda code: ("DFAPLWS".index(code[0]), code)))
"""As the field lists them: document, face, attack, person, lane, authority, system."""
_GRAVITY = {code: place for place, code in enumerate(Code)}
NEVER_CAPTURED = frozenset(code for code in Code if code.meaning.never_captured)
_by_hand = [(code, code.meaning.by_hand) for code in Code if code.meaning.by_hand]
BY_HAND: dict[Code, ByHand] = dict(sorted(_by_hand, key=lambda one: one[1].place))
"""Codes with steps of their own where no picture was taken; of several in a case the first here holds."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and the components that it is about, such as F04 with `sharpness`."""

    code: Code
    components: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}[{', '.join(self.components)}]" if self.components else str(self.code)


def worst_first(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """The same reasons in the order an officer reads them."""
    return tuple(sorted(reasons, key=lambda reason: _GRAVITY[reason.code]))


def for_traveller(codes: Iterable[Code]) -> notices.Notice:
    """One notice for a case with these reasons, worst first."""
    found = [code.meaning.notice for code in codes]
    first = found[0] if found and None not in found else None
    return first or notices.NEUTRAL
