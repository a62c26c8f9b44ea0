"""The three steps of a case as its page shows them, made from the HTTP message alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from api.review.cases.steps import Match, Verdict
from api.web.messages.cases import AnswerRule, ImageMessage, ReasonMessage, ReferralDetail, RevealedMessage
from api.web.translations import code_texts
from api.web.translations.language import N_, Words
from lane.decision.referral import Answer, Ground

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

_MATCHES: dict[Match, str] = {
    Match.MATCH: N_("The lane takes both for the same person"),
    Match.NO_MATCH: N_("The lane does not take both for the same person"),
    Match.BORDERLINE: N_("The lane’s comparison leaves it open"),
    Match.NOT_COMPARED: N_("The lane compared nothing"),
}

_QUALITY: dict[str, str] = {
    "low": N_("Outside the limits: %(components)s"),
    "not_measured": N_("Not measured: %(components)s"),
}
"""State of a badge → what is said of its components; those that are good are only counted."""

_KEYS: dict[Answer, str] = {
    Answer.ADMIT: "A",
    Answer.SECOND_LINE: "L",
    Answer.REPEAT_CAPTURE: "R",
    Answer.OTHER_AGENCY: "O",
}

CONSEQUENCES: dict[Answer, str] = {
    Answer.ADMIT: N_("The gate will open."),
    Answer.SECOND_LINE: N_("The gate stays closed; an officer of the second line takes over."),
    Answer.REPEAT_CAPTURE: N_("The gate stays closed; the lane takes new pictures and asks again."),
    Answer.OTHER_AGENCY: N_("The gate stays closed; the agency takes over."),
}

_CONTRADICTS = N_("Against your answer before: needs a note.")
_SEEN = N_("Something was seen at the gate: see to it first.")
_REVERSES = N_("Against the lane’s sure result: needs a note and a second officer.")


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose on the page: its value, its words, its key."""

    value: str
    text: str
    key: str
    note_needed: bool = False


@dataclass(frozen=True, slots=True)
class AnswerOption:
    """An answer on the page, with its grounds and warnings."""

    answer: Answer
    text: str
    key: str
    consequence: str
    grounds: tuple[Choice, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line with a state, which is shown by text and shape."""

    state: str
    text: str


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason of the case, in words."""

    code: str
    brief: str
    full: str


@dataclass(frozen=True, slots=True)
class BlindView:
    """The page before the answer: two faces and a question."""

    step: str
    document: ImageMessage | None
    live: tuple[ImageMessage, ...]
    badges: tuple[MarkedLine, ...]
    verdicts: tuple[Choice, ...]
    confidences: tuple[Choice, ...]
    features: tuple[Choice, ...]
    options: tuple[AnswerOption, ...]


@dataclass(frozen=True, slots=True)
class RevealView:
    """The lane's findings, shown after the officer's own answer."""

    match: str
    verdict: str
    band: str
    own: str
    attack: MarkedLine
    hint: str
    attack_images: tuple[ImageMessage, ...]
    document: tuple[MarkedLine, ...]
    not_checked: tuple[str, ...]
    checked: tuple[str, ...]
    why: tuple[ReasonView, ...]
    gate: tuple[ReasonView, ...]
    """What the gate's sensors saw since the lane asked."""
    advice: str
    next_steps: tuple[str, ...]
    """Where no picture was taken: what to do, first to last."""
    repeat_refused: bool


def blind_view(detail: ReferralDetail, words: Words) -> BlindView:
    """The faces and the question about them; with the options, once the findings are revealed."""
    return BlindView(
        step=detail.step.value if detail.step else "",
        document=next((image for image in detail.images if image.role == "document"), None),
        live=tuple(image for image in detail.images if image.role == "live"),
        badges=tuple(_badges(detail, words)),
        verdicts=tuple(Choice(value, words.say(text), key) for value, (key, text) in VERDICTS.items()),
        confidences=tuple(Choice(str(n), words.say(text), str(n)) for n, text in CONFIDENCES.items()),
        features=tuple(Choice(value, words.say(text), "") for value, text in FEATURES.items()),
        options=tuple(answer_options(detail.revealed, words)) if detail.revealed else (),
    )


def reveal_view(detail: ReferralDetail, words: Words) -> RevealView | None:
    """The lane's findings in words; None before the officer's own answer."""
    revealed = detail.revealed
    if revealed is None:
        return None
    return RevealView(
        match=revealed.match,
        verdict=words.say(_MATCHES[revealed.match]),
        band=revealed.band.text,
        own=_own(revealed, words),
        attack=_attack(revealed, words),
        hint=revealed.attack.hint_text,
        attack_images=tuple(image for image in detail.images if image.sha256 in revealed.attack.images),
        document=tuple(MarkedLine(one.result, one.text) for one in revealed.document),
        not_checked=tuple(revealed.not_checked),
        checked=tuple(revealed.checked),
        why=tuple(_reason_view(reason, words) for reason in (*revealed.reasons, *revealed.remarks)),
        gate=tuple(_reason_view(reason, words) for reason in revealed.gate),
        advice=revealed.advice,
        next_steps=tuple(revealed.next_steps),
        repeat_refused=revealed.repeat_refused,
    )


def answer_options(revealed: RevealedMessage, words: Words) -> Iterator[AnswerOption]:
    """The possible answers, each with its grounds and warnings."""
    for answer, rules in groupby(revealed.answers, lambda rule: rule.answer):
        seen = revealed.gate if answer is Answer.ADMIT else []
        yield _answer_option(answer, list(rules), seen, words)


def parse_choice(value: str) -> tuple[Answer, Ground]:
    """Answer and ground of a choice on the page. Raises ValueError for any other text."""
    answer, _, ground = value.partition(".")
    return Answer(answer), Ground(ground)


def _answer_option(
    answer: Answer, rules: list[AnswerRule], seen: list[ReasonMessage], words: Words
) -> AnswerOption:
    return AnswerOption(
        answer=answer,
        text=words.say(code_texts.ANSWERS[answer]),
        key=_KEYS[answer],
        consequence=words.say(CONSEQUENCES[answer]),
        grounds=tuple(
            Choice(
                f"{answer}.{rule.ground}", words.say(code_texts.GROUNDS[rule.ground]), str(number), rule.note
            )
            for number, rule in enumerate(rules, 1)
        ),
        warnings=tuple(words.say(text) for text in _warnings(rules, seen)),
    )


def _warnings(rules: list[AnswerRule], seen: list[ReasonMessage]) -> Iterator[str]:
    if seen:
        yield _SEEN
    if any(rule.second_officer for rule in rules):
        yield _REVERSES
    elif all(rule.note for rule in rules):
        yield _CONTRADICTS


def _badges(detail: ReferralDetail, words: Words) -> Iterator[MarkedLine]:
    good = sum(badge.state == "good" for badge in detail.badges)
    for state, said in _QUALITY.items():
        named = [badge.text for badge in detail.badges if badge.state == state]
        if named:
            yield MarkedLine(state, words.say(said, components=words.say(N_(", ")).join(named)))
    if good:
        yield MarkedLine("good", words.say(N_("Measured and outside no limit: %(number)s"), number=good))


def _own(revealed: RevealedMessage, words: Words) -> str:
    verdict, confidence = revealed.own.verdict, revealed.own.confidence
    if verdict is None or confidence is None:
        return words.say(N_("There were no two faces to compare, so you were not asked."))
    return words.say(
        N_("Your answer before: %(verdict)s, %(confidence)s"),
        verdict=words.say(VERDICTS[verdict][1]),
        confidence=words.say(CONFIDENCES[confidence]),
    )


def _attack(revealed: RevealedMessage, words: Words) -> MarkedLine:
    # An alarm counts also where its measure is missing.
    if revealed.attack.alarm:
        return MarkedLine(
            "failed", words.say(N_("Attack detection raised an alarm: look at the live person"))
        )
    if not revealed.attack.assessed:
        return MarkedLine("undetermined", words.say(N_("Attack detection: not assessed")))
    return MarkedLine("successful", words.say(N_("Attack detection found nothing")))


def _reason_view(reason: ReasonMessage, words: Words) -> ReasonView:
    return ReasonView(reason.code, code_texts.brief_of(reason.code, words), reason.text)
