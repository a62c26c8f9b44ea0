"""Texts by code, for officers, and the keys of a case's page: no number of a comparison, no accusation."""

from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias

from api.ledger.facts import EvidenceFact, JudgedFact, MeasureFact, ReasonFact
from api.review.cases.steps import Match, Verdict
from api.review.officer_accuracy import Outcome, Truth
from api.web.translations.language import N_, Words
from lane.decision.calibration import per_ten_thousand
from lane.decision.reason_codes import BY_HAND, COMPARE_BY_HAND, DECIDE, DECIDE_OR_CAPTURE, Code
from lane.decision.reason_meaning import Agency, Meaning
from lane.decision.referral import Answer, Ground
from models.quality.components import COMPONENTS as QUALITY

NEUTRAL = "compare"
"""The text for both codes of the comparison until the findings are revealed."""
KEPT_BACK = frozenset(code for code in Code if code.meaning.kept_back)
"""Codes that are worded and not named before the reveal."""
UNKNOWN = Meaning(
    "",
    N_("Reason unknown to this desk"),
    N_(
        "The lane gave a reason that this desk does not know. Check by hand, and tell the technician "
        "the code."
    ),
)

COMPONENTS: dict[str, str] = {
    **{name: one.words for name, one in QUALITY.items()},
    "faces": N_("number of faces"),
    "matcher": N_("comparison software"),
    "clock": N_("times of the pictures that do not go on"),
    "timing": N_("pace of the pictures that this camera does not have"),
    "frozen": N_("a picture that does not move"),
    "loop": N_("movements that come again and again"),
    "again": N_("pictures of an earlier capture"),
    "still": N_("a picture that was moved as a whole"),
    "noise": N_("noise that is not this camera's"),
    "stream": N_("origin of the pictures"),
}

ANSWERS: dict[Answer, str] = {
    Answer.ADMIT: N_("Admit"),
    Answer.SECOND_LINE: N_("Secondary inspection"),
    Answer.REPEAT_CAPTURE: N_("Capture again"),
    Answer.OTHER_AGENCY: N_("Other agency"),
}

GROUNDS: dict[Ground, str] = {
    Ground.SAME_PERSON: N_("Same person"),
    Ground.CHECKED_BY_HAND: N_("Checked by hand"),
    Ground.DIFFERENT_PERSON: N_("Different person"),
    Ground.CANNOT_TELL: N_("Cannot tell"),
    Ground.DOCUMENT_IN_DOUBT: N_("Document in doubt"),
    Ground.NEEDS_ASSISTANCE: N_("Needs assistance"),
    Ground.POOR_PICTURES: N_("Pictures too poor"),
    Ground.NOT_ALONE: N_("Not alone in the lane"),
    Ground.QUARANTINE: N_("Quarantine"),
    Ground.CUSTOMS: N_("Customs"),
    Ground.IMMIGRATION: N_("Immigration"),
    Ground.POLICE: N_("Police"),
    Ground.MARKET_REGULATION: N_("Market regulation"),
    Ground.OTHER: N_("Other"),
}

VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.SAME: ("S", N_("Same person")),
    Verdict.DIFFERENT: ("D", N_("Different person")),
    Verdict.CANNOT_TELL: ("U", N_("Cannot tell")),
}
"""Blind verdict → its key and its words."""

CONFIDENCES: dict[int, str] = {
    1: N_("guessing"),
    2: N_("unsure"),
    3: N_("fairly sure"),
    4: N_("sure"),
    5: N_("certain"),
}

FEATURES: dict[str, str] = {
    "ears": N_("Ears"),
    "brows": N_("Brows"),
    "nose": N_("Nose"),
    "mouth": N_("Mouth"),
    "marks": N_("Marks"),
    "scars": N_("Scars"),
}

MATCHES: dict[Match, str] = {
    Match.MATCH: N_("The lane’s comparison: match"),
    Match.NO_MATCH: N_("The lane’s comparison: no match"),
    Match.BORDERLINE: N_("The lane’s comparison: borderline"),
    Match.NOT_COMPARED: N_("The lane’s comparison: not compared"),
}

BADGES: dict[str, str] = {
    "low": N_("Outside the limits: %(components)s"),
    "not_measured": N_("Not measured: %(components)s"),
}
"""State of a badge → what is said of its components; those that are good are only counted."""

KEYS: dict[Answer, str] = {
    Answer.ADMIT: "A",
    Answer.SECOND_LINE: "L",
    Answer.REPEAT_CAPTURE: "R",
    Answer.OTHER_AGENCY: "O",
}

CONSEQUENCES: dict[Answer, str] = {
    Answer.ADMIT: N_("The gate will open."),
    Answer.SECOND_LINE: N_("The gate stays closed; secondary inspection takes over."),
    Answer.REPEAT_CAPTURE: N_("The gate stays closed; the lane takes new pictures and asks again."),
    Answer.OTHER_AGENCY: N_("The gate stays closed; the agency takes over."),
}

DECIDED: dict[Answer, str] = {
    Answer.ADMIT: N_("Admitted"),
    Answer.SECOND_LINE: N_("Sent to secondary inspection"),
    Answer.REPEAT_CAPTURE: N_("Captured again"),
    Answer.OTHER_AGENCY: N_("Handed to another agency"),
}

ENDED: dict[str, str] = {
    "passed_through": N_("The passenger passed through the gate."),
    "handed_to_agency": N_("The passenger was handed to another agency."),
    "sent_to_second_line": N_("The passenger was sent to secondary inspection."),
    "interrupted": N_("The passage was interrupted at the lane."),
    "gate_fault": N_("The gate had a fault. See to the passenger at the lane."),
}

ADVICE: dict[Match, str] = {
    Match.MATCH: N_("The lane found that the faces match. It referred the passenger for the reasons given."),
    Match.NO_MATCH: N_(
        "The lane found that the faces do not match. It can be wrong: age and poor photos do that."
    ),
    Match.BORDERLINE: N_("The lane could not tell whether the faces match. It leans neither way."),
    Match.NOT_COMPARED: N_("The lane did not compare the faces. It has no advice to give."),
}
"""Texts for the result of the comparison, shown once the officer has judged."""

AGENCIES: dict[Agency, str] = {
    Agency.BORDER: N_("Border inspection"),
    Agency.DIPLOMATIC: N_("Officer for diplomatic passengers"),
    Agency.POLICE: N_("Police"),
    Agency.IMMIGRATION: N_("Immigration"),
    Agency.QUARANTINE: N_("Quarantine"),
    Agency.CUSTOMS: N_("Customs"),
    Agency.OTHER: N_("Another agency"),
    Agency.TECHNICIAN: N_("Technician"),
}
SIGN_IN_WAYS: dict[str, str] = {
    "password": N_("by password"),
    "passkey": N_("by passkey"),
    "provider": N_("at the identity provider"),
}

FEEDBACK: dict[tuple[Truth, Outcome], str] = {
    (Truth.SAME, Outcome.RIGHT): N_("The pictures show the same person, and you admitted them."),
    (Truth.SAME, Outcome.FALSE_REJECT): N_(
        "The pictures show the same person. You took them for two people."
    ),
    (Truth.SAME, Outcome.UNDECIDED): N_(
        "The pictures show the same person. You left it open, which is no error."
    ),
    (Truth.DIFFERENT, Outcome.RIGHT): N_(
        "The pictures show two different people, and you did not admit them."
    ),
    (Truth.DIFFERENT, Outcome.FALSE_ACCEPT): N_(
        "The pictures show two different people. You would have admitted somebody else."
    ),
    (Truth.DIFFERENT, Outcome.UNDECIDED): N_(
        "The pictures show two different people. You asked for more pictures, which is no error."
    ),
}
"""The feedback right after a prepared case."""

IMPOSTORS = N_(
    "In the worst group, %(number)s of 10,000 impostor comparisons (two different people) score this high "
    "or higher."
)
"""The worst group is the one whose impostor comparisons match most often."""

_EXPIRY: dict[str, str] = {
    "successful": N_("Document is within its period of validity"),
    "failed": N_("Document has expired"),
}
_EXPIRY_UNCHECKED: dict[str, str] = {
    "undetermined": N_("Document expiry: could not be determined"),
    "not_supported": N_("Document expiry: this lane cannot check it"),
    "aborted": N_("Document expiry: the check was broken off"),
}
_PHOTO_USABLE = N_("Document photo: usable")
_PHOTO_UNUSABLE = N_("Document photo: cannot be used; an issuer’s poor photo is no fault of the passenger")
_NO_PHOTO = N_("No photo could be read from the document.")
_NO_PICTURE = N_("The camera gave no usable picture.")
_CHIP = N_("Chip and signature of the document: not checked by this lane")
_CAPTURE_ENDED: dict[str, str] = {
    "enough": N_("Live pictures: enough good ones were taken"),
    "timeout": N_("Live pictures: the time ran out"),
    "camera_lost": N_("Live pictures: the camera failed"),
}

NOT_TAKEN = "not_taken"
"""How the capture ended that never began: `lane.decision.evidence.CaptureEnd`."""
_NOT_CAPTURED = (N_("Go to the passenger, who waits at the closed gate."), COMPARE_BY_HAND, DECIDE)

Hint: TypeAlias = Literal["none", "usual", "unusual"]
USUAL_FROM = 0.5
"""The score is made so: of live people it was fitted on, two in a hundred lie below."""
_HINTS = {
    "usual": N_(
        "A hint that decides nothing: movement and surface of the face are as with most live people. "
        "That rules out no mask, picture or screen."
    ),
    "unusual": N_(
        "A hint that decides nothing: movement or surface of the face are not as with most live people. "
        "Look whether a picture or a screen is held up."
    ),
}


def brief(code: str, words: Words) -> str:
    return words.say(_meaning(code).brief)


def ended(how: str, words: Words) -> str:
    return words.say(ENDED.get(how, N_("The passage has ended at the lane.")))


def full(reason: ReasonFact, words: Words) -> str:
    """A reason in a sentence or two, with the components that it is about."""
    text = words.say(_meaning(reason.code).full)
    if not reason.components:
        return text
    named = words.say(N_(", ")).join(component(name, words) for name in reason.components)
    return words.say(N_("%(text)s Concerned: %(components)s."), text=text, components=named)


def acting(reason: ReasonFact, words: Words) -> str:
    """The agency that acts on a reason; for an unknown one, the border inspection."""
    return words.say(AGENCIES[_meaning(reason.code).agency])


def component(name: str, words: Words) -> str:
    """A quality component in words; one that this desk does not know keeps its technical name."""
    return words.say(COMPONENTS[name]) if name in COMPONENTS else name


def checked(judged: JudgedFact, words: Words) -> list[str]:
    evidence = judged.evidence
    said = [words.say(_EXPIRY[evidence.document.expiry])] if evidence.document.expiry in _EXPIRY else []
    if evidence.capture.ended in _CAPTURE_ENDED:
        said.append(words.say(_CAPTURE_ENDED[evidence.capture.ended]))
    if _has_value(evidence.similarity):
        said.append(words.say(N_("Live face and document photo were compared by the lane")))
    said.extend(_quality(judged, words))
    if _has_value(evidence.liveness):
        said.append(words.say(N_("Presentation attack detection (PAD) ran")))
    return said


def hint(evidence: EvidenceFact) -> Hint:
    """The liveness cues: inside the range of most live people, or not. They decide nothing."""
    if _has_value(evidence.liveness):
        return "none"  # where the score is an alarm's, it is no hint
    score = evidence.liveness_cues.get("score", MeasureFact()).value
    if score is None or not 0 <= score <= 1:
        return "none"
    return "usual" if score >= USUAL_FROM else "unusual"


def hinted(said: Hint, words: Words) -> str:
    """The hint in a sentence that says what it is not; empty where there is none."""
    return words.say(_HINTS[said]) if said in _HINTS else ""


def not_checked(judged: JudgedFact, words: Words) -> list[str]:
    """The checks that were not made; presentation attack detection first, where it has no result."""
    evidence = judged.evidence
    said = []
    if not _has_value(evidence.liveness):
        said.append(
            words.say(
                N_(
                    "Presentation attack detection (PAD): not assessed. A mask, a picture or a screen was "
                    "not ruled out"
                )
            )
        )
    if not _has_value(evidence.similarity):
        said.append(words.say(N_("Live face and document photo: not compared")))
    if evidence.document.expiry not in _EXPIRY:
        text = _EXPIRY_UNCHECKED.get(evidence.document.expiry, _EXPIRY_UNCHECKED["undetermined"])
        said.append(words.say(text))
    missing = [name for name, measure in evidence.quality.items() if not _has_value(measure)]
    if missing:
        named = words.say(N_(", ")).join(component(name, words) for name in missing)
        said.append(words.say(N_("Picture quality: not measured for %(components)s"), components=named))
    said.append(words.say(_CHIP))
    return said


def document(judged: JudgedFact, words: Words) -> list[dict[str, str]]:
    """Each check of the document: its name, its result, and the same in words."""
    expiry, fault = judged.evidence.document.expiry, judged.evidence.document.photo_fault
    texts = _EXPIRY | _EXPIRY_UNCHECKED
    if expiry not in texts:
        expiry = "undetermined"
    unusable = fault is not None or any(one.code == Code.DOCUMENT_PHOTO_UNUSABLE for one in judged.reasons)
    photo = _PHOTO_UNUSABLE if unusable else _PHOTO_USABLE
    looked = {"check": "photo", "result": "undetermined" if unusable else "successful"}
    # Of who is not captured the photo is not looked at either: nothing is said of it.
    taken = judged.evidence.capture.ended != NOT_TAKEN
    return [
        {"check": "expiry", "result": expiry, "text": words.say(texts[expiry])},
        *([looked | {"text": words.say(photo)}] if taken else []),
        {"check": "chip", "result": "not_supported", "text": words.say(_CHIP)},
    ]


def nothing_to_compare(judged: JudgedFact, words: Words) -> str:
    """Why the faces could not be compared by eye."""
    roles = {image.role for image in judged.images}
    text = _NO_PHOTO if "document" not in roles else _NO_PICTURE if "live" not in roles else ""
    return words.say(text) if text else ""


def share(evidence: EvidenceFact) -> float | None:
    """The achieved FMR, a fraction in (0, 1]; None where the lane sent none that is possible."""
    value = evidence.achieved_fmr.value
    known = _has_value(evidence.similarity) and value is not None and 0 < value <= 1
    return value if known else None


def worth(evidence: EvidenceFact, words: Words) -> str:
    """The strength of the comparison: how many impostor comparisons reach it, not how alike two faces are."""
    if not _has_value(evidence.similarity):
        return words.say(N_("Live face and document photo: not compared"))
    value = share(evidence)
    if value is None:
        return words.say(N_("The lane did not tell how many impostor comparisons (two people) do as well."))
    return words.say(IMPOSTORS, number=f"{per_ten_thousand(value):,}")


def next_steps(ended: str, codes: Collection[str], words: Words, *, again: bool) -> list[str]:
    """The next steps where no picture was taken; otherwise none. `again`: the lane may still capture."""
    if ended != NOT_TAKEN:
        return []
    found = next((by_hand.steps for code, by_hand in BY_HAND.items() if code in codes), _NOT_CAPTURED)
    return [words.say(DECIDE if one == DECIDE_OR_CAPTURE and not again else one) for one in found]


def _quality(judged: JudgedFact, words: Words) -> Iterable[str]:
    measured = [name for name, measure in judged.evidence.quality.items() if _has_value(measure)]
    if not measured:
        return
    below = faulted(judged)
    if not below:
        yield words.say(N_("Picture quality: sufficient in what was measured"))
        return
    named = words.say(N_(", ")).join(component(name, words) for name in below)
    yield words.say(N_("Picture quality: outside the limits for %(components)s"), components=named)


def faulted(judged: JudgedFact) -> list[str]:
    """The components of quality that were measured and are outside their limits."""
    quality = {Code.QUALITY, Code.MOTION, Code.POSE, Code.LIGHT}
    reasons = [reason for reason in (*judged.reasons, *judged.remarks) if reason.code in quality]
    named = dict.fromkeys(name for reason in reasons for name in reason.components)
    quality_of = judged.evidence.quality
    return [name for name in named if name in quality_of and _has_value(quality_of[name])]


def _has_value(measure: MeasureFact) -> bool:
    return measure.value is not None


def _meaning(code: str) -> Meaning:
    try:
        return Code(Code.NO_MATCH if code == NEUTRAL else code).meaning
    except ValueError:
        return UNKNOWN
