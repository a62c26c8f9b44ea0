"""Measures one passenger and decides by the policy; whatever fails on the way refers."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lane.cameras.frame import Frame
from lane.cameras.port import FrameSource
from lane.capture.capture import Capture, CaptureSetup, run_capture
from lane.capture.guidance import Guide, no_guide
from lane.capture.measuring import Measurer, Question, Stopwatch, agreed_similarity
from lane.capture.reference import Reference, examine, unexamined
from lane.capture.stream_check import EarlierCaptures
from lane.decision.decide import Admit, Refer, decide, straight_to_officer
from lane.decision.evidence import (
    CaptureEnd,
    CaptureEvidence,
    DeskContact,
    DocumentEvidence,
    Evidence,
    StreamEvidence,
)
from lane.decision.policy import Policy
from lane.decision.reason_codes import Code
from lane.document.travel_document import TravelDocument
from lane.evaluation.evaluator import Verification
from lane.kiosk.traveller_requests import TravellerRequests, no_requests
from lane.ledger.clock_check import Timekeeper
from lane.passage import officer_pictures
from lane.platform.clock import Clock
from lane.platform.errors import JournalError, LaneError
from models.errors import ModelError
from models.liveness.score import SCORE
from models.values.measurement import Measure, NotAssessed

log = logging.getLogger(__name__)

LIVENESS = NotAssessed("the cues of this release are not good enough to raise an alarm")
NO_CUES = NotAssessed("no look at one face")
NOT_COMPARED = NotAssessed("not compared")


@dataclass(frozen=True, slots=True)
class JudgedPassage:
    evidence: Evidence
    outcome: Admit | Refer
    pictures: tuple[officer_pictures.OfficerPicture, ...]
    """What an officer would need to see."""
    timings_ms: dict[str, float]
    verification: Verification | None = None
    """What the evaluation in service works on, once the passage is over."""
    recording: Mapping[str, Any] | None = None
    """What the ledger says of the recording, where one was made (`lane.recording.record`)."""


@dataclass(slots=True)
class _Measurements:
    """The results of measuring so far; after a fault the rest stays not assessed."""

    reference: Reference
    capture: Capture = field(default_factory=Capture)
    similarity: Measure = NOT_COMPARED
    models_unchanged: bool = False


class NetworkRecovery(StrEnum):
    """What came of a check of the networks after a fault."""

    SOUND = "sound"
    """They pass: the fault was one picture's."""
    ON_CPU = "on_cpu"
    """They fail where they ran, and pass on the CPU."""
    LOST = "lost"
    """They do not run, or the policy does not allow another place."""


class _CameraUntilRequest:
    """See `lane.cameras.port.FrameSource`: its capture ends once the passenger asks for an officer."""

    def __init__(self, camera: FrameSource, requests: TravellerRequests) -> None:
        self._camera, self._requests = camera, requests
        self.wishes: tuple[Code, ...] = ()

    def frames(self) -> Iterator[Frame]:
        for frame in self._camera.frames():
            if self.look():
                return
            yield frame

    def look(self) -> bool:
        """Whether the passenger asked for something by now."""
        self.wishes += self._requests()
        return bool(self.wishes)


class Judge:
    records = False
    """Whether its inputs are recorded."""

    def __init__(
        self,
        camera: FrameSource,
        measurer: Measurer,
        policy: Policy,
        clock: Clock,
        timekeeper: Timekeeper | None = None,
        guide: Guide = no_guide,
    ) -> None:
        self._setup = CaptureSetup(camera, measurer, policy, clock, guide)
        self.measurer, self.policy, self._clock = measurer, policy, clock
        self._timekeeper = timekeeper or Timekeeper(clock)
        self._earlier = EarlierCaptures(policy.stream.earlier_captures)

    def judge(
        self,
        document: TravelDocument,
        desk: DeskContact,
        *,
        wishes: tuple[Code, ...] = (),
        meanwhile: TravellerRequests = no_requests,
        events: Callable[[], tuple[Code, ...]] = tuple,
    ) -> JudgedPassage:
        """Examine the document, capture the passenger, compare, decide. Some go to an officer uncaptured.

        `meanwhile` gives what the passenger asks for while the capture runs; a request ends the capture, and
        its measurements are dropped. `events` gives, after the capture, what the gate's sensors saw since the
        passage began.
        """
        document_evidence = unexamined(document, self._clock.today(), self.policy.person.capture_from_age)
        watch, found, fault = Stopwatch(), _Measurements(Reference(document_evidence)), None
        if straight_to_officer(document_evidence, wishes, self.policy):
            found = _uncaptured(document_evidence, models_unchanged=self._check_models())
        else:
            until = _CameraUntilRequest(self._setup.camera, meanwhile)
            fault = self._measure(document, replace(self._setup, camera=until), found, watch)
            if until.look():
                wishes = tuple(dict.fromkeys(wishes + until.wishes))
                found, fault = _uncaptured(document_evidence, models_unchanged=found.models_unchanged), None
        evidence = replace(
            gather(
                self.measurer,
                self.policy,
                document=found.reference.evidence,
                capture=found.capture.evidence(),
                quality=found.capture.quality(),
                similarity=found.similarity,
                cues=_cues(found.capture, watch),
                desk=desk,
                models_unchanged=found.models_unchanged,
            ),
            engine_fault=fault or found.reference.engine_fault or found.capture.engine_fault,
            stream=self._stream(found.capture),
            wishes=wishes,
            events=events(),
            clock=self._timekeeper.check(),
        )
        with watch.time("decide"):
            outcome = decide(evidence, self.policy)
        timings_ms = watch.timings_ms()
        pictures = () if isinstance(outcome, Admit) else _select_pictures(found)
        good = tuple(found.capture.good) if found.capture.ended is CaptureEnd.ENOUGH else ()
        verification = Verification(
            document.photo, found.reference, good, found.similarity, document.nationality
        )
        return JudgedPassage(evidence, outcome, pictures, timings_ms, verification)

    def recover_networks(self, on_cpu: Callable[[], Measurer]) -> NetworkRecovery:
        """Check the networks after a fault; raises nothing.

        Where they fail and the policy allows it, those of `on_cpu` are used from the next passenger on:
        `on_cpu` gives networks that passed their golden check, or raises.
        """
        if _pass_check(self.measurer):
            return NetworkRecovery.SOUND
        if self.policy.engine.when_lost != "cpu":
            return NetworkRecovery.LOST
        try:
            measurer = on_cpu()
        except Exception as error:  # fail closed: a lane whose networks do not run serves nobody
            log.critical("the networks do not run on the CPU either", exc_info=error)
            return NetworkRecovery.LOST
        self.measurer, self._setup = measurer, replace(self._setup, measurer=measurer)
        return NetworkRecovery.ON_CPU

    def _measure(
        self, document: TravelDocument, setup: CaptureSetup, found: _Measurements, watch: Stopwatch
    ) -> str | None:
        """Fill `found` as far as it goes; returns the fault that stopped it."""
        try:
            found.models_unchanged = self._check_models()
            found.reference = examine(document, found.reference.evidence, self.measurer, watch)
            run_capture(found.capture, setup, self._question(found.reference), watch)
            found.similarity = agreed_similarity(found.reference.embedding, found.capture.probes, watch)
        except JournalError:  # where a fact cannot be recorded, the passage must not go on
            raise
        except (LaneError, ModelError) as error:
            log.warning("measuring failed, the passenger is referred: %s", type(error).__name__)
            return type(error).__name__
        except Exception as error:  # fail closed: a fault that nobody thought of refers, too
            log.error("measuring failed, the passenger is referred", exc_info=error)
            return type(error).__name__
        return None

    def _stream(self, capture: Capture) -> StreamEvidence:
        """The verdict on the stream; an unexpected fault is no proof."""
        if capture.stream is None:
            return StreamEvidence()
        try:
            found = capture.stream.verdict(somebody=bool(capture.good), earlier=self._earlier)
            self._earlier.add(capture.stream)
        except Exception as error:  # fail closed: what was not examined refers
            log.error("the stream was not examined", exc_info=error)
            return StreamEvidence()
        return found

    def _question(self, reference: Reference) -> Question:
        band = self.policy.band(self.measurer.networks.embedder.identity)
        return Question(self.policy.capture, reference.embedding, band.admit if band else None)

    def _check_models(self) -> bool:
        try:
            self.measurer.networks.check_files()
        except ModelError as error:
            log.critical("a model file is not what was checked at start: %s", error)
            return False
        return True


def gather(
    measurer: Measurer,
    policy: Policy,
    *,
    document: DocumentEvidence,
    capture: CaptureEvidence,
    quality: Mapping[str, Measure],
    similarity: Measure,
    desk: DeskContact,
    models_unchanged: bool,
    cues: Mapping[str, Measure] | None = None,
) -> Evidence:
    """What was measured, and what it is worth by this policy's calibration of these networks.

    Nothing is known yet of stream, clock, wishes and events: where the policy wants them, that refers.
    """
    matcher, cues = measurer.networks.embedder.identity, cues or {}
    return Evidence(
        document=document,
        capture=capture,
        quality=quality,
        similarity=similarity,
        achieved_fmr=policy.achieved_fmr(matcher, similarity),
        liveness=cues.get(SCORE, NO_CUES) if policy.liveness.use == "alarm" else LIVENESS,
        liveness_cues=cues,
        matcher=matcher,
        networks=measurer.networks.identities,
        desk=desk,
        models_unchanged=models_unchanged,
    )


def _uncaptured(document_evidence: DocumentEvidence, *, models_unchanged: bool) -> _Measurements:
    capture = Capture(ended=CaptureEnd.NOT_TAKEN)
    return _Measurements(Reference(document_evidence), capture, models_unchanged=models_unchanged)


def _cues(capture: Capture, watch: Stopwatch) -> Mapping[str, Measure]:
    """The liveness cues, or none after a fault: where cues may alarm, that refers."""
    if not capture.liveness_frames.kept:
        return {}
    try:
        with watch.time("liveness"):
            return capture.liveness_frames.cues()
    except Exception as error:  # fail closed: where cues may alarm, the policy must refer without them
        log.error("liveness cues were not taken", exc_info=error)
        return {}


def _select_pictures(found: _Measurements) -> tuple[officer_pictures.OfficerPicture, ...]:
    """The pictures for the officer; a fault gives none, and the passenger is referred all the same."""
    try:
        return officer_pictures.select_pictures(found.reference, found.capture)
    except Exception as error:  # fail closed: the passenger is referred already, and the gate is shut
        log.error("the pictures for the officer could not be made", exc_info=error)
        return ()


def _pass_check(measurer: Measurer) -> bool:
    try:
        measurer.networks.self_test()
    except (ModelError, LaneError) as error:
        log.critical("the networks fail their check: %s", error)
        return False
    except Exception as error:  # fail closed: networks that cannot be checked count as failed
        log.critical("the networks fail their check", exc_info=error)
        return False
    return True
