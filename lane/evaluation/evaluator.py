"""Continuous evaluation in service (BSI TR-03121-3): what the matcher does with the people who come.

Two questions are put to each verification once its passage is closed. Would the passenger have matched the
references of others who came before (non-mated comparisons: a live FMR)? Does a second matcher, in the
shadow of the first, agree? The answers are plain counts for the ledger, and decide nothing: the decision is
on disk and the gate has moved before anything here runs, and whatever fails here is only noted.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from lane.capture.capture import GoodFrame
from lane.capture.measuring import Stopwatch, agreed_similarity
from lane.capture.reference import Reference
from lane.decision.evidence import to_plain
from lane.decision.policy import Policy
from lane.decision.referral import PassageId
from lane.evaluation.cohort import Cohort, CohortCounts, Holder
from models.embed import template
from models.embed.template import FaceEmbedder
from models.errors import ModelError
from models.values.face import Embedding, Face, ImageBGR
from models.values.identity import MatcherIdentity
from models.values.measurement import Measure, Measured, NotAssessed

log = logging.getLogger(__name__)

SWITCHED_OFF = NotAssessed("switched off")
NO_REFERENCE = NotAssessed("no reference")
NO_PROBE = NotAssessed("no complete capture")
NO_THRESHOLD = NotAssessed("no threshold")


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """What a verification compared; it lives as long as the passage."""

    photo: bytes
    """The document's photo as it was read, by which a document is recognised."""
    reference: Reference
    good: tuple[GoodFrame, ...]
    """The frames that decided; none where the capture was not complete."""
    similarity: Measure
    nationality: str | None = None
    """The document's, where the reader gives it."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A second matcher and the similarity from which it says "match"; None where nobody measured one."""

    embedder: FaceEmbedder
    threshold: float | None
    check_file: Callable[[], None]
    """Raises ModelError if its file is no longer the one that was loaded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a calibration expects at the threshold: shares, 0 to 1; None where none was measured."""

    fmr: float | None = None
    """Of strangers, in the worst group: the people of one lane may all be of that group."""
    fnmr: float | None = None
    """Of holders."""


def expected(policy: Policy, matcher: MatcherIdentity | None) -> Limits:
    """What the policy's calibration expects: the upper ends at `admit`, as no measured rate is exact."""
    for one in policy.calibrated:
        if matcher is not None and one.calibration.fits(matcher):
            reached = [point for point in one.calibration.content.points if point.score <= one.band.admit]
            return Limits(reached[-1].worst_fmr_high, reached[-1].fnmr_high)
    return Limits()


class Evaluator:
    """Compares a verification with the cohort and with the second matcher; never raises.

    `groups` are the nationalities that the site counts; with none, as shipped, nationality is not used.
    """

    def __init__(
        self,
        policy: Policy,
        cohort: Cohort,
        shadow: Shadow | NotAssessed = SWITCHED_OFF,
        groups: frozenset[str] = frozenset(),
    ) -> None:
        self._policy, self._cohort, self._shadow, self._groups = policy, cohort, shadow, groups

    def close(self) -> None:
        """Erase what is held of passengers."""
        self._cohort.close()

    def evaluate(self, verification: Verification) -> dict[str, Any]:
        """The body of `passage.evaluated`, but for the passage: plain values, each with why it is missing."""
        watch = Stopwatch()
        cohort = _result_or_reason("cohort", lambda: self._compare_with_others(verification, watch))
        shadow = _result_or_reason("shadow", lambda: self._in_shadow(verification, watch))
        reference = verification.reference.embedding
        # A lane whose networks were lost goes on with another matcher: what is expected is that one's.
        matcher = reference.matcher if reference else None
        return {
            "matcher": to_plain(matcher),
            "group": self._group(verification),
            "own_match": self._own_match(verification),
            "cohort": cohort,
            "shadow": shadow,
            "limits": to_plain(expected(self._policy, matcher)),
            "timings_ms": {stage: watch.timings_ms().get(stage, 0.0) for stage in ("cohort", "shadow")},
        }

    def _compare_with_others(
        self, verification: Verification, watch: Stopwatch
    ) -> CohortCounts | NotAssessed:
        if not self._cohort.enabled:
            return SWITCHED_OFF
        reference = verification.reference.embedding
        if reference is None:
            return NO_REFERENCE
        who = Holder(verification.photo, reference, self._group(verification))
        with watch.time("cohort"):
            try:
                threshold = self._threshold(reference.matcher)
                if not verification.good:
                    return NO_PROBE
                if threshold is None:
                    return NO_THRESHOLD
                return self._cohort.compare(who, [one.probe for one in verification.good], threshold)
            finally:
                self._cohort.remember(who)

    def _in_shadow(self, verification: Verification, watch: Stopwatch) -> Mapping[str, Any] | NotAssessed:
        shadow = self._trusted_shadow()
        if isinstance(shadow, NotAssessed):
            return shadow
        if verification.reference.embedding is None:
            return NO_REFERENCE
        if not verification.good:
            return NO_PROBE
        embedder = shadow.embedder
        seen = [one.assessed.sighting for one in verification.good]
        with watch.time("shadow"):
            reference = _embedded(embedder, verification.reference.image_bgr, verification.reference.face)
            probes = [_embedded(embedder, one.image_bgr, one.face) for one in seen]
            score = agreed_similarity(reference, probes, watch)
        first, second = self._own_match(verification), _matches(score, shadow.threshold)
        return {
            "matcher": embedder.identity,
            "similarity": score,
            "threshold": shadow.threshold,
            "agreement": _agreement(first, second),
        }

    def _trusted_shadow(self) -> Shadow | NotAssessed:
        """The shadow; off for good once its file is another. The lane goes on: a shadow decides nothing."""
        if isinstance(self._shadow, Shadow):
            try:
                self._shadow.check_file()
            except ModelError as error:
                log.critical("the second matcher is switched off, and the lane goes on: %s", error)
                self._shadow = NotAssessed(f"switched off: {type(error).__name__}")
        return self._shadow

    def _own_match(self, verification: Verification) -> bool | None:
        """Whether the passenger matched the own document. If not, nobody knows who was compared."""
        reference = verification.reference.embedding
        if reference is None or not verification.good:
            return None
        return _matches(verification.similarity, self._threshold(reference.matcher))

    def _group(self, verification: Verification) -> str | None:
        return verification.nationality if verification.nationality in self._groups else None

    def _threshold(self, matcher: MatcherIdentity) -> float | None:
        band = self._policy.band(matcher)
        return band.admit if band else None


class EvaluationThread:
    """Evaluates one verification at a time, each in a thread of its own: no passenger waits for it.

    While one is at work, the next is not evaluated: none queues. One that hangs keeps its verification, with
    the pictures of that passenger, until the process ends.
    """

    def __init__(self, evaluator: Evaluator, wait_s: float = 1.0) -> None:
        self._evaluator, self._wait_s = evaluator, wait_s
        self._changed = threading.Condition()
        self._results: list[tuple[PassageId, dict[str, Any]]] = []
        self._busy = self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Accept nothing more and erase what is held of passengers. Closing twice is no error."""
        with self._changed:
            self._closed = True
        self._evaluator.close()

    def submit(self, passage: PassageId, verification: Verification) -> bool:
        """Evaluate this verification. False while the last one is still at work: then none is waited for."""
        with self._changed:
            if self._closed:
                return False
            if self._busy:
                log.warning("passage %s was not evaluated: the one before still is", passage)
                return False
            given = (passage, verification)
            threading.Thread(target=self._work, args=given, name="evaluation", daemon=True).start()
            self._busy = True
            return True

    def results(self, *, wait: bool) -> list[tuple[PassageId, dict[str, Any]]]:
        """The results since the last call; with `wait`, after `wait_s` at most that of the one at work."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: not self._busy, self._wait_s)
            results, self._results = self._results, []
            return results

    def _work(self, passage: PassageId, verification: Verification) -> None:
        results = []
        try:
            results = [(passage, self._evaluator.evaluate(verification))]
        except Exception as error:  # the passage is over: a fault in here ends here
            log.error("passage %s was not evaluated", passage, exc_info=error)
        with self._changed:
            self._results += results
            self._busy = False
            self._changed.notify_all()


def _result_or_reason(what: str, ask: Callable[[], object]) -> Any:
    """The result as plain values; a fault is logged, and the result is not assessed."""
    try:
        return to_plain(ask())
    except Exception as error:  # the passage is over: a fault in here ends here
        log.error("the evaluation in service failed: %s", what, exc_info=error)
        return to_plain(NotAssessed(type(error).__name__))


def _embedded(embedder: FaceEmbedder, image_bgr: ImageBGR | None, face: Face | None) -> Embedding:
    if image_bgr is None or face is None:
        raise ValueError("a picture without a face has no embedding")
    return template.embed(image_bgr, face, embedder)


def _matches(score: Measure, threshold: float | None) -> bool | None:
    if threshold is None or not isinstance(score, Measured):
        return None
    return score.value >= threshold


def _agreement(first: bool | None, second: bool | None) -> str | None:  # noqa: FBT001 - two verdicts
    if first is None or second is None:
        return None
    if first != second:
        return "disagree"
    return "both_match" if first else "both_not"
