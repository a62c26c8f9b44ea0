"""Why a passenger is referred: one table of the field's codes, a row for each, which everything else reads.

A row's place is its gravity: an officer reads the reasons of a case in this order. Another reason is another
row, the rule or sensor that raises it, and its texts in the catalogues (`api/web/translations/locales`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Self

from lane.decision.reason_meaning import Agency, ByHand, Duty, Meaning, Rank
from lane.decision.traveller_notices import (
    ALONE,
    ANOTHER_LANE,
    DOCUMENT,
    NEUTRAL,
    PICTURE,
    REMOVED,
    STILL,
    STRAIGHT,
    UNCOVER,
    WAIT,
    Notice,
)
from models.values.texts import N_

# One text for both: which of them it is would lead the officer's eye before the officer has looked.
_TO_COMPARE = (
    N_("Faces to be compared"),
    N_(
        "The lane did not establish that the live face and the document photo show the same person. "
        "That can be age, a poor photo or another person: compare them yourself."
    ),
)
COMPARE_BY_HAND = N_(
    "Check the document, and compare its photo with the passenger yourself. Take no picture."
)
_COMPARE_WITH_HELP = N_("Check the document, and compare its photo with the passenger yourself.")
DECIDE = N_("Then decide here. To let the passenger in, the ground is “Checked by hand”.")
DECIDE_OR_CAPTURE = N_(
    "Then decide here: “Checked by hand” lets the passenger in; “Capture again” has the camera try once "
    "more, if the passenger wants that."
)


@unique
class Code(StrEnum):
    """The table, worst first; a value is what the ledger and the desk carry."""

    meaning: Meaning

    def __new__(cls, row: Meaning | str) -> Self:
        """By its row, where the table is read; everybody else looks a code up by its value."""
        assert isinstance(row, Meaning)
        code = str.__new__(cls, row.code)
        code._value_ = row.code
        code.meaning = row
        return code

    # attacks, and people in danger
    ATTACK_ALARM = Meaning(
        "A01",
        N_("Possible presentation attack"),
        N_(
            "The lane saw signs of a mask, a picture or a screen in front of the camera. Look at the live "
            "person."
        ),
        rank=Rank.AT_ONCE,
    )
    STREAM_INJECTED = Meaning(
        "A03",
        N_("Camera picture may not be live"),
        N_(
            "The pictures seem frozen, repeated or put in from elsewhere. Look at the live person, and tell "
            "the technician."
        ),
        rank=Rank.AT_ONCE,
    )
    SAFEGUARDING = Meaning(
        "P10",
        N_("May need protection"),
        N_("Somebody may travel against their will. Speak to the passenger alone, and call for help."),
        agency=Agency.POLICE,
        rank=Rank.AT_ONCE,
    )
    WATCHLIST = Meaning(
        "W01",
        N_("Listed by an authority"),
        N_(
            "An authority asks to be told of this person. Follow its instruction, and say nothing of it to "
            "the passenger."
        ),
        agency=Agency.POLICE,
    )
    EMERGENCY_STOP = Meaning(
        "L05", N_("Emergency stop"), N_("The emergency stop was pressed. Go to the lane."), rank=Rank.AT_ONCE
    )
    ILLNESS = Meaning(
        "P09",
        N_("Sign of illness"),
        N_("The passenger may be ill. Keep a distance, offer help, and call quarantine."),
        agency=Agency.QUARANTINE,
        rank=Rank.SOON,
    )
    QUARANTINE = Meaning(
        "W04",
        N_("Quarantine asks for the passenger"),
        N_("Quarantine wants to see the passenger."),
        agency=Agency.QUARANTINE,
        duty=Duty.QUARANTINE,
    )
    EVASION = Meaning(
        "A04",
        N_("Face kept from the camera"),
        N_("The passenger seems to avoid being recognised. Look at the live person."),
    )
    REPEATED_TRIES = Meaning(
        "A05",
        N_("Tried with several documents"),
        N_("The same face came with other documents before. Ask for all documents."),
    )
    DOOR_FORCED = Meaning(
        "L04", N_("Door forced"), N_("A door of the lane was moved by force. Look at the lane.")
    )

    # faces and documents in doubt
    NO_MATCH = Meaning("F10", *_TO_COMPARE, kept_back=True)
    MORPH = Meaning(
        "F14",
        N_("Document photo may be of two people"),
        N_("The document photo shows signs of having been mixed from two faces. Compare with other photos."),
    )
    LOOK_ALIKE = Meaning(
        "F13",
        N_("Others look very much alike"),
        N_("The document’s face is near to that of other people, such as a twin. Compare closely."),
    )
    CHIP_NOT_GENUINE = Meaning(
        "D08",
        N_("Chip may be a copy"),
        N_("The chip did not prove that it is the original. Check the document in secondary inspection."),
    )
    DATA_GROUP_MISMATCH = Meaning(
        "D07",
        N_("Chip’s content was changed"),
        N_("Data on the chip is not what its issuer signed. Check the document in secondary inspection."),
    )
    SECURITY_OBJECT_BAD = Meaning(
        "D03",
        N_("Chip’s signature is broken"),
        N_("The signature over the chip’s data does not hold. Check the document in secondary inspection."),
    )
    SIGNER_REVOKED = Meaning(
        "D05",
        N_("Signer of the chip withdrawn"),
        N_(
            "The issuer withdrew the certificate that signed the chip. Check the document in secondary "
            "inspection."
        ),
    )
    REPORTED_LOST = Meaning(
        "D17",
        N_("Document reported lost or stolen"),
        N_(
            "The document is on a list of lost or stolen ones. The holder may have reported it and found it "
            "again."
        ),
        agency=Agency.POLICE,
    )
    SPECIMEN = Meaning(
        "D14",
        N_("Specimen document"),
        N_("The document says that it is a specimen. It is not valid for travel."),
    )
    MRZ_DIFFERS = Meaning(
        "D09",
        N_("Printed page and chip differ"),
        N_("The data on the printed page is not that on the chip. Compare both by hand."),
    )
    COUNTRY_MISMATCH = Meaning(
        "D10",
        N_("Issuing countries differ"),
        N_("Page, chip and signer do not name the same issuing country. Check the document by hand."),
    )
    SIGNER_NOT_TRUSTED = Meaning(
        "D04",
        N_("Signer of the chip unknown"),
        N_(
            "The certificate that signed the chip is not among those trusted here. Often only a list is out "
            "of date."
        ),
        DOCUMENT,
    )
    MRZ_CHECK_DIGITS = Meaning(
        "D13",
        N_("Check digits do not fit"),
        N_(
            "The check digits of the printed page do not fit its data. The page may have been misread: read "
            "it by hand."
        ),
        DOCUMENT,
    )
    ISSUER_DEFECT = Meaning(
        "D12",
        N_("Known fault of the issuer"),
        N_(
            "Documents of this issuer are known to have this fault. It is no fault of the passenger: check "
            "by hand."
        ),
        DOCUMENT,
    )
    CHIP_ACCESS_FAILED = Meaning(
        "D02",
        N_("Chip could not be opened"),
        N_(
            "The chip did not open with the data of the printed page. The page may have been misread: read "
            "it again by hand."
        ),
        DOCUMENT,
    )
    CHIP_UNREADABLE = Meaning(
        "D01",
        N_("Chip cannot be read"),
        N_(
            "The document has no chip, or it gave no answer. Check the document by hand; a dead chip is no "
            "forgery."
        ),
        DOCUMENT,
    )
    SIGNER_EXPIRED = Meaning(
        "D06",
        N_("Signer of the chip expired"),
        N_("The certificate that signed the chip has expired. The document itself may be in order."),
        DOCUMENT,
    )
    USED_AGAIN = Meaning(
        "D18",
        N_("Document used again within a short time"),
        N_("The same document was used a short time ago. Ask the passenger."),
        DOCUMENT,
    )
    REMOVED_EARLY = Meaning(
        "D15",
        N_("Document taken away too early"),
        N_("The document was taken off the reader before it was read. Read it again."),
        REMOVED,
    )
    DOCUMENT_EXPIRED = Meaning(
        "D11",
        N_("Document has expired"),
        N_("The date of expiry on the document has passed. Check the document by hand."),
        DOCUMENT,
    )
    DOCUMENT_PHOTO_UNUSABLE = Meaning(
        "D16",
        N_("Document photo cannot be used"),
        N_(
            "The photo read from the document could not be compared. Compare the person with the printed "
            "photo."
        ),
        DOCUMENT,
    )
    NOT_ELIGIBLE = Meaning(
        "D19",
        N_("Document not for this lane"),
        N_("Documents of this kind are not served by this lane. It is no fault of the passenger."),
        ANOTHER_LANE,
    )

    # what needs help or another authority
    SEVERAL_FACES = Meaning(
        "F02",
        N_("Several faces in the lane"),
        N_("The camera saw more than one face. Make sure that one person stands in the lane, and who it is."),
        ALONE,
    )
    TAILGATING = Meaning(
        "L01",
        N_("Somebody followed into the lane"),
        N_("More than one person went through the door. Check each of them."),
        ALONE,
        rank=Rank.SOON,
    )
    OPENED_BY_HAND = Meaning(
        "L06", N_("Opened by hand"), N_("The lane was opened by hand. Make sure who went through.")
    )
    OBJECT_LEFT = Meaning(
        "L02",
        N_("Object left in the lane"),
        N_("Something was left behind in the lane. Keep people away until it is cleared."),
        agency=Agency.POLICE,
    )
    TURNED_BACK = Meaning(
        "L03", N_("Turned back"), N_("The passenger turned back in the lane. Ask why."), WAIT
    )
    DIPLOMATIC = Meaning(
        "P06",
        N_("Diplomatic, official or UN passport"),
        N_(
            "The document calls for a courteous check by the officer named for it. No second picture is "
            "taken."
        ),
        WAIT,
        agency=Agency.DIPLOMATIC,
        rank=Rank.SOON,
        duty=Duty.DIPLOMATIC,
        never_captured=True,
        by_hand=ByHand(
            1,
            (
                N_("Go to the passenger, and greet the passenger as the document calls for."),
                COMPARE_BY_HAND,
                DECIDE,
            ),
        ),
    )
    CHILD = Meaning(
        "P01",
        N_("Child"),
        N_(
            "The passenger is or may be a child. See who travels with the child, and whether that is in "
            "order."
        ),
        WAIT,
        rank=Rank.SOON,
        duty=Duty.CHILD,
        never_captured=True,
        by_hand=ByHand(
            2,
            (
                N_("Go to the child. See who travels with the child, and speak with both."),
                N_(
                    "Check the child’s document and that of whoever travels with the child, and whether the "
                    "child may travel with them. Take no picture."
                ),
                DECIDE,
            ),
        ),
    )
    FAMILY = Meaning(
        "P02",
        N_("Family, or documents mixed up"),
        N_(
            "People who travel together may have taken each other’s documents. Check each document with its "
            "holder."
        ),
        WAIT,
    )
    DISTRESSED = Meaning(
        "P11",
        N_("In distress"),
        N_("The passenger seems to be in distress. Speak calmly and offer help."),
        rank=Rank.SOON,
    )
    IMPAIRMENT = Meaning(
        "P04",
        N_("Needs help to use the lane"),
        N_("The passenger does not see, hear or understand what the lane says. Offer help."),
        WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            5,
            (N_("Go to the passenger, and ask what help is wanted."), _COMPARE_WITH_HELP, DECIDE_OR_CAPTURE),
            wish=N_("Needs help to use the lane"),
        ),
    )
    BODY_SIZE = Meaning(
        "P03",
        N_("Out of the camera’s reach"),
        N_("The passenger uses a wheelchair, or is too short or too tall for the camera. Offer help."),
        WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            4,
            (
                N_("Go to the passenger, and lead the way where there is room."),
                _COMPARE_WITH_HELP,
                DECIDE_OR_CAPTURE,
            ),
            wish=N_("Wheelchair, pushchair, or needs room"),
        ),
    )
    INFANT_CARRIED = Meaning(
        "P05",
        N_("Carries an infant"),
        N_("The passenger carries an infant, who needs a check of its own."),
        WAIT,
        rank=Rank.SOON,
        by_hand=ByHand(
            6, (N_("Go to the passenger. The infant is checked too."), _COMPARE_WITH_HELP, DECIDE_OR_CAPTURE)
        ),
    )
    DECLINES_FACE = Meaning(
        "P08",
        N_("Declines face recognition"),
        N_(
            "The passenger does not want the face to be processed. Check by hand; nothing is held against it."
        ),
        WAIT,
        never_captured=True,
        by_hand=ByHand(
            3,
            (
                N_(
                    "Go to the passenger, who waits at the closed gate. Say that an officer checks by hand, "
                    "as for all."
                ),
                COMPARE_BY_HAND,
                DECIDE,
            ),
            wish=N_("Declines face recognition"),
        ),
    )
    CREW = Meaning(
        "P07", N_("Crew member"), N_("The passenger travels as crew. Check the crew documents."), ANOTHER_LANE
    )
    RISK_INDICATOR = Meaning(
        "W02",
        N_("Indication from risk analysis"),
        N_("Risk analysis asks for a closer look. It is an indication, no finding."),
    )
    CUSTOMS_DECLARATION = Meaning(
        "W03",
        N_("Customs asks for the passenger"),
        N_("Customs wants to see the passenger, or a declaration is open."),
        agency=Agency.CUSTOMS,
        duty=Duty.CUSTOMS,
    )
    OTHER_AGENCY = Meaning(
        "W05",
        N_("Another agency asks for the passenger"),
        N_("Another agency wants to see the passenger."),
        agency=Agency.OTHER,
        duty=Duty.OTHER_AGENCY,
    )
    VISA = Meaning(
        "W07",
        N_("Visa or permit"),
        N_("A visa or a permit is missing, not valid or to be checked."),
        agency=Agency.IMMIGRATION,
    )
    RANDOM_CHECK = Meaning(
        "W06",
        N_("Chosen at random"),
        N_("The passenger was chosen at random. Nothing is known against anybody."),
    )

    # poor pictures
    BORDERLINE = Meaning("F09", *_TO_COMPARE, kept_back=True)
    OLD_PHOTO = Meaning(
        "F11",
        N_("Document photo is old"),
        N_("The document photo was taken long ago. Compare what does not age: ears, marks, scars."),
    )
    CHANGED_APPEARANCE = Meaning(
        "F12",
        N_("Appearance may have changed"),
        N_(
            "Beard, hair, weight or an injury may have changed the face. Compare what stays: ears, marks, "
            "scars."
        ),
    )
    NO_FACE = Meaning(
        "F01",
        N_("No face seen"),
        N_(
            "The camera saw no face. The passenger may be very short or tall, in a wheelchair, or looking "
            "away."
        ),
        PICTURE,
    )
    TIMEOUT = Meaning(
        "F03",
        N_("No good picture in time"),
        N_("The time for taking pictures ran out before there were enough good ones."),
        PICTURE,
    )
    QUALITY = Meaning(
        "F04",
        N_("Picture quality too low"),
        N_("The live pictures were not good enough to rely on a comparison."),
        PICTURE,
    )
    OCCLUSION = Meaning(
        "F05",
        N_("Part of the face is covered"),
        N_(
            "Hair, a scarf, a mask, glasses or a hand covers part of the face. Ask the passenger to uncover "
            "it."
        ),
        UNCOVER,
    )
    MOTION = Meaning(
        "F06",
        N_("Passenger moved"),
        N_("The passenger moved while the pictures were taken, and they are blurred."),
        STILL,
    )
    POSE = Meaning(
        "F07", N_("Head turned away"), N_("The passenger did not look straight into the camera."), STRAIGHT
    )
    LIGHT = Meaning(
        "F08", N_("Poor light"), N_("The face was too dark, too bright or unevenly lit."), PICTURE
    )
    ATTACK_DETECTION_UNAVAILABLE = Meaning(
        "A02",
        N_("Presentation attack detection (PAD) did not run"),
        N_("The lane could not check for a mask, a picture or a screen. Look at the live person."),
    )

    # faults of the lane, which never count against the passenger
    MODEL_CHANGED = Meaning(
        "S04",
        N_("Lane software changed"),
        N_(
            "A file of the lane’s face recognition is not the one that was approved. The lane closes; tell "
            "the technician. It is no fault of the passenger."
        ),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    ENGINE_LOST = Meaning(
        "S01",
        N_("Lane computer fault"),
        N_("The lane’s face recognition stopped working. It is no fault of the passenger: check by hand."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    CAMERA_DRIFT = Meaning(
        "S05",
        N_("Camera out of place"),
        N_(
            "The camera is not set as it was. It is no fault of the passenger: check by hand, and tell the "
            "technician."
        ),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    CLOCK_WRONG = Meaning(
        "S06",
        N_("Lane’s clock is wrong"),
        N_("The lane does not know the time for sure. It is no fault of the passenger: check by hand."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    OVERLOAD = Meaning(
        "S07",
        N_("Lane overloaded"),
        N_("The lane had too much to do at once. It is no fault of the passenger: check by hand."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    DESK_LOST = Meaning(
        "S03",
        N_("Desk did not answer"),
        N_("The lane reached the desk, but got no answer in time. It is no fault of the passenger."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    NETWORK_LOST = Meaning(
        "S02",
        N_("Network was lost"),
        N_("The lane could not reach the desk for a while. It is no fault of the passenger."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )
    ADVANCE_DATA_LATE = Meaning(
        "S08",
        N_("Advance data late or missing"),
        N_("What carriers tell in advance did not come. It is no fault of the passenger: check by hand."),
        WAIT,
        agency=Agency.TECHNICIAN,
    )


BY_GROUP = tuple(sorted(Code, key=lambda code: ("DFAPLWS".index(code[0]), code)))
"""As the field lists them: document, face, attack, person, lane, authority, system."""
NEVER_CAPTURED = frozenset(code for code in Code if code.meaning.never_captured)
BY_HAND: dict[Code, ByHand] = dict(
    sorted(
        ((code, code.meaning.by_hand) for code in Code if code.meaning.by_hand),
        key=lambda one: one[1].place,
    )
)
"""Codes with steps of their own, where no picture was taken: the first that a case has says it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and the components that it is about, such as F04 with `sharpness`."""

    code: Code
    components: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}[{', '.join(self.components)}]" if self.components else str(self.code)


def worst_first(reasons: "tuple[Reason, ...]") -> "tuple[Reason, ...]":
    """The same reasons in the order an officer reads them."""
    return tuple(sorted(reasons, key=lambda reason: _GRAVITY[reason.code]))


_GRAVITY = {code: place for place, code in enumerate(Code)}


def for_traveller(codes: Iterable[Code]) -> Notice:
    """One notice for a case with these reasons, worst first."""
    notices = [code.meaning.notice for code in codes]
    first = notices[0] if notices and None not in notices else None
    return first or NEUTRAL
