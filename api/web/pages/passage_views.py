"""What the auditor's pages say of a passage's entries and measures, by code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.audit.messages import MeasureMessage, StepMessage
from api.review.cases.steps import Match, Verdict
from api.web.translations import code_texts
from api.web.translations.language import N_, Words
from lane.decision.referral import Answer, Ground
from lane.gate.sensors import FIRE

Body = Mapping[str, Any]
Said = list[str]


@dataclass(frozen=True, slots=True)
class EntryKind:
    """The title of an entry, and its actor: the lane, an officer, the gate or the desk."""

    title: str
    whose: str


KINDS: dict[str, EntryKind] = {
    "passage.started": EntryKind(N_("Document presented"), "lane"),
    "passage.judged": EntryKind(N_("Judged by the lane"), "lane"),
    "passage.decided": EntryKind(N_("The lane has the officer’s answer"), "lane"),
    "passage.closed": EntryKind(N_("Passage ended"), "gate"),
    "passage.evaluated": EntryKind(N_("Compared with other documents, to watch the comparison"), "lane"),
    "passage.repeat_refused": EntryKind(N_("The lane does not capture again"), "lane"),
    "passage.erased": EntryKind(N_("Faces erased"), "desk"),
    "pictures.dropped": EntryKind(N_("Pictures dropped at the lane: the desk was away too long"), "lane"),
    "gate.opening": EntryKind(N_("Gate told to open"), "gate"),
    "lane.event": EntryKind(N_("Seen at the gate"), "gate"),
    "images.missed": EntryKind(N_("Pictures that did not reach the desk"), "desk"),
    "hold.placed": EntryKind(N_("Put under legal hold"), "officer"),
    "hold.lifted": EntryKind(N_("Legal hold lifted"), "officer"),
    "referral.claimed": EntryKind(N_("Case claimed"), "officer"),
    "referral.released": EntryKind(N_("Case given back"), "officer"),
    "referral.shown": EntryKind(N_("Case shown"), "officer"),
    "referral.judged_blind": EntryKind(
        N_("Faces judged before the machine’s findings were known"), "officer"
    ),
    "referral.revealed": EntryKind(N_("Findings revealed"), "officer"),
    "referral.proposed": EntryKind(N_("Answer given that another officer must confirm"), "officer"),
    "referral.decided": EntryKind(N_("Decided"), "officer"),
    "referral.corrected": EntryKind(N_("Decision corrected"), "officer"),
    "referral.handed": EntryKind(N_("Decision handed to the lane"), "desk"),
    "referral.escalated": EntryKind(N_("Waited too long; supervisors were told"), "desk"),
    "referral.reopened": EntryKind(N_("Asked again after new pictures"), "desk"),
}
OTHER = EntryKind(N_("An entry that this page has no words for"), "desk")

_PICTURES = N_("Pictures: %(count)s")

OUTCOMES: dict[str, str] = {"admit": N_("admitted by the machine"), "refer": N_("referred to an officer")}
REPLAYS: dict[str, str] = {
    "same": N_("Made once more from this evidence and policy, the decision is the same."),
    "different": N_("Made once more from this evidence and policy, the decision is another one."),
    "policy_missing": N_(
        "The policy that this decision names is not at hand. The decision was not made again, and the limits "
        "are not known. The site’s folder of policies belongs into the desk’s settings."
    ),
    "evidence_incomplete": N_("The evidence in this entry is not whole. The decision was not made again."),
}
ITEMS: dict[str, str] = {
    "images": N_("pictures"),
    "badges": N_("picture quality in words"),
    "reasons": N_("reasons"),
    "waiting": N_("waiting time"),
    "findings": N_("the machine’s findings"),
    "decision": N_("the decision"),
}
VERDICTS: dict[Verdict, str] = {
    Verdict.SAME: N_("the same person"),
    Verdict.DIFFERENT: N_("different people"),
    Verdict.CANNOT_TELL: N_("cannot tell"),
}
MATCHES: dict[Match, str] = {
    Match.MATCH: N_("the faces match"),
    Match.NO_MATCH: N_("the faces do not match"),
    Match.BORDERLINE: N_("neither a clear match nor a clear difference"),
    Match.NOT_COMPARED: N_("the faces were not compared"),
}
ERASED: dict[str, str] = {
    "passed_through": N_("The passenger passed through the gate."),
    "retention": N_("The time for keeping them was over."),
    "never_told": N_("The lane sent them and never told of the passage."),
}
MEASURES: dict[str, str] = {
    "similarity": N_("similarity of the faces"),
    "achieved_fmr": N_("share of impostor comparisons (two people) in the worst group that come as near"),
    "liveness": N_("presentation attack detection (PAD)"),
}


def _reason(code: object, words: Words) -> str:
    """A code and its short text; unlike officers, auditors see which of the comparison's two it is."""
    return f"{code} {code_texts.brief(str(code), words)}"


def who(step: StepMessage, words: Words) -> str:
    body = step.body or {}
    decision = body.get("decision") or body.get("proposal")
    officer = body.get("officer") or (decision.get("officer") if isinstance(decision, dict) else None)
    if step.lane is not None:
        return words.say(N_("lane %(lane)s"), lane=step.lane)
    return str(officer) if officer else words.say(N_("desk"))


def lines(step: StepMessage, words: Words) -> Said:
    """What an entry says. Whatever a lane wrote, the page is shown."""
    if step.fault or step.body is None or step.kind not in _SAY:
        return []
    try:
        return _SAY[step.kind](step.body, words)
    except (KeyError, TypeError, ValueError, AttributeError):
        return [words.say(N_("What this entry says has not the form that it should have."))]


def _judged(body: Body, words: Words) -> Said:
    said = [words.say(N_("Outcome: %(outcome)s."), outcome=words.say(OUTCOMES[body["outcome"]]))]
    said += [_reason(one["code"], words) for one in body.get("reasons", ())]
    remarks = [_reason(one["code"], words) for one in body.get("remarks", ())]
    return said + [
        words.say(N_("Signalled, and no reason to refer: %(remark)s"), remark=one) for one in remarks
    ]


def _claimed(body: Body, words: Words) -> Said:
    return [words.say(N_("The officer’s until %(time)s, unless renewed."), time=_clock(body["until"]))]


def _shown(body: Body, words: Words) -> Said:
    items = words.say(N_(", ")).join(words.say(ITEMS[one]) for one in body["items"])
    count = len(body.get("images", ()))
    return [
        words.say(N_("Shown: %(items)s."), items=items),
        words.say(_PICTURES, count=count),
    ]


def _judged_blind(body: Body, words: Words) -> Said:
    verdict = words.say(VERDICTS[Verdict(body["verdict"])])
    said = [
        words.say(
            N_("Verdict: %(verdict)s. How sure: %(sure)s of 5."), verdict=verdict, sure=body["confidence"]
        )
    ]
    if body.get("seen_before"):
        said.append(words.say(N_("The officer had seen the findings of this case before.")))
    looked = len(body.get("viewed", ()))
    return [*said, words.say(N_("Looks noted: %(count)s"), count=looked)]


def _revealed(body: Body, words: Words) -> Said:
    return [
        words.say(N_("What the machine found: %(match)s."), match=words.say(MATCHES[Match(body["match"])]))
    ]


def _answered(body: Body, words: Words) -> Said:
    given = body.get("decision") or body["proposal"]
    answer = words.say(code_texts.ANSWERS[Answer(given["answer"])])
    ground = words.say(code_texts.GROUNDS[Ground(given["ground"])])
    return [words.say(N_("Answer: %(answer)s. Ground: %(ground)s."), answer=answer, ground=ground)]


def _opening(body: Body, words: Words) -> Said:
    by_proof = body["because"] == "proof"
    because = N_("Every check was proved.") if by_proof else N_("An officer admitted the passenger.")
    return [words.say(because)]


def _seen_at_gate(body: Body, words: Words) -> Said:
    said = [_reason(body["code"], words)]
    return [*said, words.say(N_("Fire alarm"))] if body.get("detail") == FIRE else said


def _closed(body: Body, words: Words) -> Said:
    return [code_texts.ended(str(body["how"]), words)]


def _erased(body: Body, words: Words) -> Said:
    because = str(body["because"])
    why = words.say(ERASED[because]) if because in ERASED else because
    return [words.say(_PICTURES, count=len(body["images"])), why]


def _missed(body: Body, words: Words) -> Said:
    return [words.say(_PICTURES, count=len(body["images"]))]


def _held(body: Body, words: Words) -> Said:
    return [words.say(N_("The ledger has the hash of the reason: %(hash)s"), hash=str(body["reason_sha256"]))]


_SAY: dict[str, Callable[[Body, Words], Said]] = {
    "passage.judged": _judged,
    "passage.decided": _answered,
    "passage.closed": _closed,
    "passage.erased": _erased,
    "gate.opening": _opening,
    "lane.event": _seen_at_gate,
    "images.missed": _missed,
    "hold.placed": _held,
    "hold.lifted": _held,
    "referral.claimed": _claimed,
    "referral.shown": _shown,
    "referral.judged_blind": _judged_blind,
    "referral.revealed": _revealed,
    "referral.proposed": _answered,
    "referral.decided": _answered,
    "referral.corrected": _answered,
}


def verdict(measure: MeasureMessage) -> str:
    if measure.holds is None:
        return N_("no limit")
    if measure.value is None:
        return N_("missing")
    return N_("within") if measure.holds else N_("outside")


def measured(name: str, words: Words) -> str:
    of_document = name.startswith("document.")
    plain = name.removeprefix("document.")
    said = words.say(MEASURES[plain]) if plain in MEASURES else code_texts.component(plain, words)
    return words.say(N_("document photo: %(measure)s"), measure=said) if of_document else said


def limit(measure: MeasureMessage) -> str:
    low, high = measure.min, measure.max
    if low is not None and high is not None:
        return f"{low:.4g} – {high:.4g}"
    if low is not None:
        return f"≥ {low:.4g}"
    return "–" if high is None else f"≤ {high:.4g}"


def _clock(moment: str) -> str:
    """A time by the desk's clock, for a sentence: no script converts it to the auditor's zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S (UTC%z)")
