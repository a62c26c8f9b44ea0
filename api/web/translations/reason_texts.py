"""What each referral code means: no number of a comparison, no accusation of a person."""

from dataclasses import dataclass

from api.web.translations.language import N_
from lane.decision.reason_codes import Code


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code in a few words for the queue, and in a sentence or two for the case."""

    brief: str
    full: str


# One text for both: which of them it is would lead the officer's eye before the officer has looked.
COMPARE = Meaning(
    N_("Faces to be compared"),
    N_(
        "The lane did not establish that the live face and the document photo show the same person. "
        "That can be age, a poor photo or another person: compare them yourself."
    ),
)

MEANINGS: dict[Code, Meaning] = {
    Code.CHIP_UNREADABLE: Meaning(
        N_("Chip cannot be read"),
        N_(
            "The document has no chip, or it gave no answer. Check the document by hand; a dead chip is no "
            "forgery."
        ),
    ),
    Code.CHIP_ACCESS_FAILED: Meaning(
        N_("Chip could not be opened"),
        N_(
            "The chip did not open with the data of the printed page. The page may have been misread: read "
            "it again by hand."
        ),
    ),
    Code.SECURITY_OBJECT_BAD: Meaning(
        N_("Chip’s signature is broken"),
        N_("The signature over the chip’s data does not hold. Check the document in the second line."),
    ),
    Code.SIGNER_NOT_TRUSTED: Meaning(
        N_("Signer of the chip unknown"),
        N_(
            "The certificate that signed the chip is not among those trusted here. Often only a list is "
            "out of date."
        ),
    ),
    Code.SIGNER_REVOKED: Meaning(
        N_("Signer of the chip withdrawn"),
        N_(
            "The issuer withdrew the certificate that signed the chip. Check the document in the second line."
        ),
    ),
    Code.SIGNER_EXPIRED: Meaning(
        N_("Signer of the chip expired"),
        N_("The certificate that signed the chip has expired. The document itself may be in order."),
    ),
    Code.DATA_GROUP_MISMATCH: Meaning(
        N_("Chip’s content was changed"),
        N_("Data on the chip is not what its issuer signed. Check the document in the second line."),
    ),
    Code.CHIP_NOT_GENUINE: Meaning(
        N_("Chip may be a copy"),
        N_("The chip did not prove that it is the original. Check the document in the second line."),
    ),
    Code.MRZ_DIFFERS: Meaning(
        N_("Printed page and chip differ"),
        N_("The data on the printed page is not that on the chip. Compare both by hand."),
    ),
    Code.COUNTRY_MISMATCH: Meaning(
        N_("Issuing countries differ"),
        N_("Page, chip and signer do not name the same issuing country. Check the document by hand."),
    ),
    Code.DOCUMENT_EXPIRED: Meaning(
        N_("Document has expired"),
        N_("The date of expiry on the document has passed. Check the document by hand."),
    ),
    Code.ISSUER_DEFECT: Meaning(
        N_("Known fault of the issuer"),
        N_(
            "Documents of this issuer are known to have this fault. It is no fault of the passenger: check "
            "by hand."
        ),
    ),
    Code.MRZ_CHECK_DIGITS: Meaning(
        N_("Check digits do not fit"),
        N_(
            "The check digits of the printed page do not fit its data. The page may have been misread: "
            "read it by hand."
        ),
    ),
    Code.SPECIMEN: Meaning(
        N_("Specimen document"),
        N_("The document says that it is a specimen. It is not valid for travel."),
    ),
    Code.REMOVED_EARLY: Meaning(
        N_("Document taken away too early"),
        N_("The document was taken off the reader before it was read. Read it again."),
    ),
    Code.DOCUMENT_PHOTO_UNUSABLE: Meaning(
        N_("Document photo cannot be used"),
        N_(
            "The photo read from the document could not be compared. Compare the person with the printed "
            "photo."
        ),
    ),
    Code.REPORTED_LOST: Meaning(
        N_("Document reported lost or stolen"),
        N_(
            "The document is on a list of lost or stolen ones. The holder may have reported it and found "
            "it again."
        ),
    ),
    Code.USED_AGAIN: Meaning(
        N_("Document used again within a short time"),
        N_("The same document was used a short time ago. Ask the passenger."),
    ),
    Code.NOT_ELIGIBLE: Meaning(
        N_("Document not for this lane"),
        N_("Documents of this kind are not served by this lane. It is no fault of the passenger."),
    ),
    Code.NO_FACE: Meaning(
        N_("No face seen"),
        N_(
            "The camera saw no face. The passenger may be very short or tall, in a wheelchair, or looking "
            "away."
        ),
    ),
    Code.SEVERAL_FACES: Meaning(
        N_("Several faces in the lane"),
        N_("The camera saw more than one face. Make sure that one person stands in the lane, and who it is."),
    ),
    Code.TIMEOUT: Meaning(
        N_("No good picture in time"),
        N_("The time for taking pictures ran out before there were enough good ones."),
    ),
    Code.QUALITY: Meaning(
        N_("Picture quality too low"),
        N_("The live pictures were not good enough to rely on a comparison."),
    ),
    Code.OCCLUSION: Meaning(
        N_("Part of the face is covered"),
        N_(
            "Hair, a scarf, a mask, glasses or a hand covers part of the face. Ask the passenger to "
            "uncover it."
        ),
    ),
    Code.MOTION: Meaning(
        N_("Passenger moved"),
        N_("The passenger moved while the pictures were taken, and they are blurred."),
    ),
    Code.POSE: Meaning(
        N_("Head turned away"),
        N_("The passenger did not look straight into the camera."),
    ),
    Code.LIGHT: Meaning(
        N_("Poor light"),
        N_("The face was too dark, too bright or unevenly lit."),
    ),
    Code.BORDERLINE: COMPARE,
    Code.NO_MATCH: COMPARE,
    Code.OLD_PHOTO: Meaning(
        N_("Document photo is old"),
        N_("The document photo was taken long ago. Compare what does not age: ears, marks, scars."),
    ),
    Code.CHANGED_APPEARANCE: Meaning(
        N_("Appearance may have changed"),
        N_(
            "Beard, hair, weight or an injury may have changed the face. Compare what stays: ears, marks, "
            "scars."
        ),
    ),
    Code.LOOK_ALIKE: Meaning(
        N_("Others look very much alike"),
        N_("The document’s face is near to that of other people, such as a twin. Compare closely."),
    ),
    Code.MORPH: Meaning(
        N_("Document photo may be of two people"),
        N_("The document photo shows signs of having been mixed from two faces. Compare with other photos."),
    ),
    Code.ATTACK_ALARM: Meaning(
        N_("Possible presentation attack"),
        N_(
            "The lane saw signs of a mask, a picture or a screen in front of the camera. Look at the live "
            "person."
        ),
    ),
    Code.ATTACK_DETECTION_UNAVAILABLE: Meaning(
        N_("Attack detection did not run"),
        N_("The lane could not check for a mask, a picture or a screen. Look at the live person."),
    ),
    Code.STREAM_INJECTED: Meaning(
        N_("Camera picture may not be live"),
        N_(
            "The pictures seem frozen, repeated or put in from elsewhere. Look at the live person, and "
            "tell the technician."
        ),
    ),
    Code.EVASION: Meaning(
        N_("Face kept from the camera"),
        N_("The passenger seems to avoid being recognised. Look at the live person."),
    ),
    Code.REPEATED_TRIES: Meaning(
        N_("Tried with several documents"),
        N_("The same face came with other documents before. Ask for all documents."),
    ),
    Code.CHILD: Meaning(
        N_("Child"),
        N_(
            "The passenger is or may be a child. See who travels with the child, and whether that is in "
            "order."
        ),
    ),
    Code.FAMILY: Meaning(
        N_("Family, or documents mixed up"),
        N_(
            "People who travel together may have taken each other’s documents. Check each document with "
            "its holder."
        ),
    ),
    Code.BODY_SIZE: Meaning(
        N_("Out of the camera’s reach"),
        N_("The passenger uses a wheelchair, or is too short or too tall for the camera. Offer help."),
    ),
    Code.IMPAIRMENT: Meaning(
        N_("Needs help to use the lane"),
        N_("The passenger does not see, hear or understand what the lane says. Offer help."),
    ),
    Code.INFANT_CARRIED: Meaning(
        N_("Carries an infant"),
        N_("The passenger carries an infant, who needs a check of its own."),
    ),
    Code.DIPLOMATIC: Meaning(
        N_("Diplomatic, official or UN passport"),
        N_(
            "The document calls for a courteous check by the officer named for it. No second picture is "
            "taken."
        ),
    ),
    Code.CREW: Meaning(
        N_("Crew member"),
        N_("The passenger travels as crew. Check the crew documents."),
    ),
    Code.DECLINES_FACE: Meaning(
        N_("Declines face recognition"),
        N_(
            "The passenger does not want the face to be processed. Check by hand; nothing is held against it."
        ),
    ),
    Code.ILLNESS: Meaning(
        N_("Sign of illness"),
        N_("The passenger may be ill. Keep a distance, offer help, and call quarantine."),
    ),
    Code.SAFEGUARDING: Meaning(
        N_("May need protection"),
        N_("Somebody may travel against their will. Speak to the passenger alone, and call for help."),
    ),
    Code.DISTRESSED: Meaning(
        N_("In distress"),
        N_("The passenger seems to be in distress. Speak calmly and offer help."),
    ),
    Code.TAILGATING: Meaning(
        N_("Somebody followed into the lane"),
        N_("More than one person went through the door. Check each of them."),
    ),
    Code.OBJECT_LEFT: Meaning(
        N_("Object left in the lane"),
        N_("Something was left behind in the lane. Keep people away until it is cleared."),
    ),
    Code.TURNED_BACK: Meaning(
        N_("Turned back"),
        N_("The passenger turned back in the lane. Ask why."),
    ),
    Code.DOOR_FORCED: Meaning(
        N_("Door forced"),
        N_("A door of the lane was moved by force. Look at the lane."),
    ),
    Code.EMERGENCY_STOP: Meaning(
        N_("Emergency stop"),
        N_("The emergency stop was pressed. Go to the lane."),
    ),
    Code.OPENED_BY_HAND: Meaning(
        N_("Opened by hand"),
        N_("The lane was opened by hand. Make sure who went through."),
    ),
    Code.WATCHLIST: Meaning(
        N_("Listed by an authority"),
        N_(
            "An authority asks to be told of this person. Follow its instruction, and say nothing of it to "
            "the passenger."
        ),
    ),
    Code.RISK_INDICATOR: Meaning(
        N_("Indication from risk analysis"),
        N_("Risk analysis asks for a closer look. It is an indication, no finding."),
    ),
    Code.CUSTOMS_DECLARATION: Meaning(
        N_("Customs asks for the passenger"),
        N_("Customs wants to see the passenger, or a declaration is open."),
    ),
    Code.QUARANTINE: Meaning(
        N_("Quarantine asks for the passenger"),
        N_("Quarantine wants to see the passenger."),
    ),
    Code.OTHER_AGENCY: Meaning(
        N_("Another agency asks for the passenger"),
        N_("Another agency wants to see the passenger."),
    ),
    Code.RANDOM_CHECK: Meaning(
        N_("Chosen at random"),
        N_("The passenger was chosen at random. Nothing is known against anybody."),
    ),
    Code.VISA: Meaning(
        N_("Visa or permit"),
        N_("A visa or a permit is missing, not valid or to be checked."),
    ),
    Code.ENGINE_LOST: Meaning(
        N_("Lane computer fault"),
        N_("The lane’s face recognition stopped working. It is no fault of the passenger: check by hand."),
    ),
    Code.NETWORK_LOST: Meaning(
        N_("Network was lost"),
        N_("The lane could not reach the desk for a while. It is no fault of the passenger."),
    ),
    Code.DESK_LOST: Meaning(
        N_("Desk did not answer"),
        N_("The lane reached the desk, but got no answer in time. It is no fault of the passenger."),
    ),
    Code.MODEL_CHANGED: Meaning(
        N_("Lane software changed"),
        N_(
            "A file of the lane’s face recognition is not the one that was approved. The lane closes; "
            "tell the technician. It is no fault of the passenger."
        ),
    ),
    Code.CAMERA_DRIFT: Meaning(
        N_("Camera out of place"),
        N_(
            "The camera is not set as it was. It is no fault of the passenger: check by hand, and tell the "
            "technician."
        ),
    ),
    Code.CLOCK_WRONG: Meaning(
        N_("Lane’s clock is wrong"),
        N_("The lane does not know the time for sure. It is no fault of the passenger: check by hand."),
    ),
    Code.OVERLOAD: Meaning(
        N_("Lane overloaded"),
        N_("The lane had too much to do at once. It is no fault of the passenger: check by hand."),
    ),
    Code.ADVANCE_DATA_LATE: Meaning(
        N_("Advance data late or missing"),
        N_("What carriers tell in advance did not come. It is no fault of the passenger: check by hand."),
    ),
}

UNKNOWN = Meaning(
    N_("Reason unknown to this desk"),
    N_(
        "The lane gave a reason that this desk does not know. Check by hand, and tell the technician "
        "the code."
    ),
)
