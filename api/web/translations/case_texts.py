"""Texts and keys of a case's page, by code."""

from api.review.cases.steps import Match, Verdict
from api.web.translations.language import N_
from lane.decision.referral import Answer

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

QUALITY: dict[str, str] = {
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
