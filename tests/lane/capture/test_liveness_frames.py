"""Liveness cues are taken of a few looks at one face alone, and decide nothing unless a site says so."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.acquisition.recorded_camera import STARTED, Replay
from lane.cameras.frame import Frame
from lane.cameras.simulated import SimulatedCamera, render
from lane.capture.liveness_frames import LivenessFrames
from lane.capture.measuring import Measurer, Sighting, Stopwatch
from lane.decision.decide import Admit, Refer, decide
from lane.decision.evidence import DeskContact, from_plain, to_plain
from lane.decision.policy import SHIPPED, Policy, load
from lane.decision.reason_codes import Code, Reason
from lane.demo.passengers import demo_passengers
from lane.passage.judge import Judge
from lane.platform.errors import PolicyError
from models.liveness.score import CUES, MOST_LOOKS, OF_EACH_LOOK, SCORE
from models.values.face import Box, Face
from models.values.measurement import Measured, NotAssessed
from tests.support.lane.example_evidence import GOOD, POLICY
from tests.support.lane.simulated_lane import People, StandingClock

IMAGE = np.full((48, 64, 3), 128, np.uint8)
FACE = Face(
    Box(10, 10, 20, 20), np.array([[14, 16], [26, 16], [20, 22], [15, 27], [25, 27]], np.float32), 1.0
)


def frame(at_s: float) -> Frame:
    return Frame("test", round(at_s * 1000), datetime(2026, 1, 1, tzinfo=UTC), at_s, IMAGE)


def seen(*at_s: float, faces: int = 1) -> LivenessFrames:
    frames = LivenessFrames()
    for one in at_s:
        frames.see(frame(one), Sighting(IMAGE, faces, FACE if faces else None, {}))
    return frames


def test_looks_are_spaced_and_few() -> None:
    frames = seen(*np.arange(0, 4, 0.04))

    assert len(frames.kept) == MOST_LOOKS
    assert np.diff([one.at_s for one in frames.kept]) == pytest.approx(0.2)
    assert frames.kept[-1].at_s > 3.7


def test_company_restarts_liveness_looks() -> None:
    frames = seen(0, 0.2, 0.4)
    frames.see(frame(0.6), Sighting(IMAGE, 0, None, {}))
    assert len(frames.kept) == 3
    frames.see(frame(0.8), Sighting(IMAGE, 2, FACE, {}))
    assert frames.kept == []
    frames.see(frame(1.0), Sighting(IMAGE, 1, FACE, {}), 1)
    frames.see(frame(1.2), Sighting(IMAGE, 1, FACE, {}), 2)
    assert len(frames.kept) == 1


def test_too_few_looks_have_no_score() -> None:
    assert seen(0, 0.2).cues().keys() == {SCORE}
    assert isinstance(seen(0, 0.2).cues()[SCORE], NotAssessed)


@pytest.mark.thorough
def test_early_measuring_gives_same_cues(measurer: Measurer, people: People) -> None:
    """Measuring as frames come leaves little for the end."""
    scene = people["holder"].scene
    ahead, late, rng = LivenessFrames(), LivenessFrames(), np.random.default_rng(1)
    for at_s in np.arange(1.0, 3.0, 0.08):
        image_bgr = render(scene, at_s, rng)
        sighting = measurer.look(image_bgr, Stopwatch())
        for frames in (ahead, late):
            frames.see(replace(frame(at_s), image_bgr=image_bgr), sighting, 1)
        ahead.get_ahead(0.08)

    assert len(ahead.kept) == MOST_LOOKS
    assert ahead.cues() == late.cues()
    assert ahead.cues().keys() == {SCORE, *CUES}
    assert len(ahead.left) <= len(OF_EACH_LOOK)


def test_first_look_alone_costs_nothing() -> None:
    """The next passenger is not held up by the one before."""
    frames = seen(0)
    frames.get_ahead(0.04)
    assert len(frames.left) == len(OF_EACH_LOOK)
    frames.see(frame(0.2), Sighting(IMAGE, 2, FACE, {}))
    assert not frames.left


def test_unmeasurable_cue_ends_no_capture() -> None:
    nowhere = replace(FACE, landmarks=np.full((5, 2), np.nan, np.float32))
    frames = LivenessFrames()
    for at_s in (0, 0.2, 0.4, 0.6):
        frames.see(frame(at_s), Sighting(IMAGE, 1, nowhere, {}))
    frames.get_ahead(1.0)
    assert not frames.left


LONG = {"timeout_s": 60.0, "good_frames": 12, "most_good_frames": 12}
"""Cues take several looks: a capture that is settled by two frames may end before there are enough."""


@pytest.mark.thorough
def test_evidence_holds_every_cue(photos: Path, measurer: Measurer, policy: Policy) -> None:
    assert photos.is_dir()
    passenger = demo_passengers(measurer, STARTED.date())[0]
    slow = policy.model_copy(update={"capture": policy.capture.model_copy(update=LONG)})
    rng = np.random.default_rng(1)
    # In the recording's own time: a busy machine would see another passenger.
    replay = Replay((render(passenger.scene, number * 0.08, rng) for number in range(100)), 0.08)
    judged = Judge(replay, measurer, slow, replay).judge(passenger.document, DeskContact.REACHED)
    evidence = judged.evidence
    assert evidence.liveness_cues.keys() == {SCORE, *CUES}
    assert isinstance(evidence.liveness, NotAssessed)
    assert from_plain(to_plain(evidence)).liveness_cues == dict(evidence.liveness_cues)
    assert judged.timings_ms["liveness"] > 0


@pytest.mark.parametrize("score", [0.0, 0.49, 1.0])
def test_a_cue_decides_nothing(score: float) -> None:
    hinted = replace(GOOD, liveness_cues={SCORE: Measured(score)})

    assert decide(hinted, POLICY) == decide(GOOD, POLICY)
    assert isinstance(decide(hinted, POLICY), Admit)


def test_site_may_alarm_on_score(measurer: Measurer, policy: Policy, people: People) -> None:
    alarmed = replace(GOOD, liveness=Measured(0.2))
    outcome = decide(alarmed, POLICY)
    assert isinstance(outcome, Refer)
    assert outcome.reasons == (Reason(Code.ATTACK_ALARM),)

    clock, passenger = StandingClock(), people["holder"]
    rule = policy.liveness.model_copy(update={"use": "alarm", "when_not_assessed": "refer"})
    changed = policy.model_copy(update={"liveness": rule})
    camera = SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5)
    evidence = Judge(camera, measurer, changed, clock).judge(passenger.document, DeskContact.REACHED).evidence
    assert evidence.liveness == evidence.liveness_cues[SCORE]


CUE, SIGNAL = 'use = "cue"', 'when_not_assessed = "signal"'


def shipped_with(folder: Path, use: str, when_not_assessed: str = SIGNAL) -> Policy:
    """The shipped policy, with these lines in place of its own for liveness."""
    text = SHIPPED.read_text(encoding="utf-8")
    text = text.replace(CUE, use).replace(SIGNAL, when_not_assessed)
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return load(folder / "policy.toml")


def test_missing_cues_do_not_avoid_alarm(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="alarm"):
        shipped_with(tmp_path, use='use = "alarm"')
    strict = shipped_with(tmp_path, use='use = "alarm"', when_not_assessed='when_not_assessed = "refer"')
    assert isinstance(decide(replace(GOOD, liveness=NotAssessed("no look at one face")), strict), Refer)


@pytest.mark.parametrize("wrong", ['use = "decide"', ""])
def test_policy_tells_the_scores_use(wrong: str, tmp_path: Path) -> None:
    assert load().liveness.use == "cue"
    with pytest.raises(PolicyError, match="use"):
        shipped_with(tmp_path, use=wrong)
