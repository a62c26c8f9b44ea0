"""A capture decides on one person alone: whoever comes, goes or changes places starts it anew."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.cameras.frame import Frame
from lane.capture.capture import Capture, CaptureSetup, overall_quality, run_capture
from lane.capture.guidance import Guide, Instruction, no_guide
from lane.capture.measuring import Measurer, Question, Sighting, Stopwatch
from lane.capture.tracking import Tracker
from lane.decision.evidence import CaptureEnd
from lane.decision.policy import Policy
from models.quality.motion import Before
from models.values.face import Embedding, Face, ImageBGR
from models.values.measurement import Measured, NotAssessed
from tests.lane.capture.test_measuring import REFERENCE, looking
from tests.support.lane.crashing_lane import Plain
from tests.support.lane.example_evidence import BAND, POLICY, inside
from tests.support.lane.placed_faces import SIZE, face
from tests.support.lane.simulated_lane import StandingClock

RULE = POLICY.capture
STEP_S = 0.1


@dataclass
class Script:
    """A camera whose frames carry their number in the first pixel."""

    frames_of: Sequence[Sequence[Face]]
    step_s: float = STEP_S
    clock: StandingClock = field(default_factory=StandingClock)

    def frames(self) -> Iterator[Frame]:
        for number in range(len(self.frames_of)):
            self.clock.skip(self.step_s)
            image_bgr = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            image_bgr[0, 0] = number
            yield Frame("script", number, self.clock.now(), self.clock.monotonic_s(), image_bgr)


class Reader(Measurer):
    """Finds in a frame who the script says is there; each picture is good, but for those named."""

    def __init__(self, script: Script, bad: Sequence[int] = ()) -> None:
        super().__init__(Plain(), second_face_ratio=0.5)  # type: ignore[arg-type]  # networks in name only
        self.script, self.bad = script, bad
        self.scores: Sequence[float] = ()
        self.now, self.parts = 0, Counter[int]()

    def find(self, image_bgr: ImageBGR, _: Stopwatch) -> tuple[Face, ...]:
        self.now = int(image_bgr[0, 0, 0])
        return tuple(self.script.frames_of[image_bgr[0, 0, 0]])

    def look_at(
        self, image_bgr: ImageBGR, faces: Sequence[Face], _: Stopwatch, before: Before | None = None
    ) -> Sighting:
        if not faces:
            return Sighting(image_bgr, 0, None, {})
        quality = inside(POLICY.quality.live)
        if image_bgr[0, 0, 0] in self.bad or before is None:
            quality["motion"] = Measured(99)
        return Sighting(image_bgr, len(faces), faces[0], quality)

    def embed_by_parts(self, sighting: Sighting, _: Stopwatch) -> Iterator[Embedding | None]:
        assert sighting.faces == 1
        number = sighting.image_bgr[0, 0, 0]
        self.parts[self.now] += 1
        yield None
        self.parts[self.now] += 1
        yield looking(self.scores[number] if number < len(self.scores) else 1.0)


def captured(
    reader: Reader, question: Question | None = None, *, policy: Policy = POLICY, guide: Guide = no_guide
) -> Capture:
    taken, script = Capture(), reader.script
    setup = CaptureSetup(script, reader, policy, script.clock, guide)
    run_capture(taken, setup, question or Question(policy.capture), Stopwatch())
    return taken


def taken_from(*frames: Sequence[Face], bad: Sequence[int] = (), least_s: float = RULE.least_s) -> Capture:
    rule = RULE.model_copy(update={"least_s": least_s})
    return captured(Reader(Script(frames), bad), policy=POLICY.model_copy(update={"capture": rule}))


def numbers(taken: Capture) -> list[int]:
    return [good.assessed.frame.sequence for good in taken.good]


@pytest.mark.parametrize(
    ("least_s", "bad", "frames", "good"),
    [
        pytest.param(0.0, 0, 3, [1, 2], id="the first frame of a face tells no motion"),
        pytest.param(0.2, 0, 3, [1, 2], id="over by then"),
        pytest.param(0.25, 0, 4, [1, 2], id="further frames are looked at, and decide nothing"),
        pytest.param(0.75, 0, 9, [1, 2], id="longer"),
        pytest.param(0.95, 0, 11, [1, 2], id="longer still"),
        pytest.param(0.75, 9, 11, [9, 10], id="who was there long enough waits no more"),
    ],
)
def test_least_time_is_always_watched(least_s: float, bad: int, frames: int, good: list[int]) -> None:
    """A passenger is looked at for the least time, and what was settled decides."""
    taken = taken_from(*[[face()]] * 20, bad=range(bad), least_s=least_s)
    assert (taken.ended, taken.frames_seen) == (CaptureEnd.ENOUGH, frames)
    assert numbers(taken) == good


@pytest.mark.parametrize(
    "between",
    [[], [face(0.3), face(0.7)], [face(0.8)], [face(head=0.8)]],
    ids=["nobody", "two", "elsewhere", "another size"],
)
def test_any_change_of_people_restarts_count(between: list[Face]) -> None:
    """Also before the least time is over."""
    taken = taken_from([face()], [face()], between, *[[face()]] * 9)
    assert taken.ended is CaptureEnd.ENOUGH
    assert min(numbers(taken)) > 2
    early = [[face()]] * 6
    taken = taken_from(*early, between, *[[face()]] * 20, least_s=0.75)
    assert taken.ended is CaptureEnd.ENOUGH
    assert min(numbers(taken)) > 6
    assert taken_from(*early, between, least_s=0.75).ended is not CaptureEnd.ENOUGH


def test_who_queues_behind_changes_nothing() -> None:
    queue = [face(), face(0.8, 0.3, head=0.08), face(0.2, 0.3, head=0.15)]
    taken = taken_from([face()], queue, queue, [face()])
    assert (taken.ended, numbers(taken)) == (CaptureEnd.ENOUGH, [1, 2])
    assert taken.evidence().faces_in_view == Measured(1)


def test_officer_gets_two_person_frame() -> None:
    two = [face(0.3), face(0.7)]
    taken = taken_from(*[[face()]] * 8, two, *[[face()]] * 8, bad=range(20))
    assert taken.evidence().faces_in_view == Measured(2)
    shown = taken.frames_for_officer()
    assert [len(taken.best), len(shown), shown[-1].frame.sequence] == [4, 4, 8]


def test_best_frame_has_best_quality() -> None:
    good = {**inside(POLICY.quality.live), "sharpness": Measured(0.5)}
    assert overall_quality(good) > overall_quality({**good, "yaw_deg": Measured(25)})
    assert overall_quality(good) > overall_quality({**good, "sharpness": Measured(0.2)})
    missing = {**good, "sharpness": NotAssessed("face at the edge of the image")}
    assert overall_quality({**good, "sharpness": Measured(0.2)}) > overall_quality(missing)
    assert overall_quality({}) == 0
    heads = [{**good, "head_size": Measured(size)} for size in (0.3, 0.72)]
    assert overall_quality(heads[0]) == overall_quality(heads[1]), "as large as on a portrait is no better"


def test_officer_sees_only_decided_person() -> None:
    taken = taken_from(*[[face(0.2)]] * 5, *[[face(0.7)]] * 9, bad=range(6))
    assert taken.ended is CaptureEnd.ENOUGH
    assert {seen.frame.sequence for seen in taken.frames_for_officer()} <= set(range(5, 14))


def test_early_leaver_has_turned_back() -> None:
    away: list[list[Face]] = [[]] * 60
    taken = taken_from(*[[face()]] * 8, *away, bad=range(80))
    assert taken.ended is CaptureEnd.TURNED_BACK
    assert taken.frames_seen < 50
    assert taken.frames_for_officer()[0].sighting.face is not None


def test_the_traveller_hears_what_would_help() -> None:
    shown: list[Instruction] = []

    def guide(instruction: Instruction, /, progress: float = 0.0) -> None:
        assert 0 <= progress <= 1
        shown.append(instruction)

    frames = [[face(0.5, 0.5, 0.05)]] * 10 + [[face(0.3), face(0.7)]] * 10 + [[face()]] * 20
    captured(Reader(Script(frames)), guide=guide)
    changes = [one for one, before in zip(shown, [None, *shown], strict=False) if one is not before]
    assert changes == [Instruction.CLOSER, Instruction.ONE_PERSON, Instruction.HOLD_STILL]


def captured_with(scores: Sequence[float], step_s: float = STEP_S) -> tuple[Capture, Reader]:
    """One passenger, whose frames score so; the first frame is never good."""
    reader = Reader(Script([[face()]] * 100, step_s))
    reader.scores = (0.0, *scores)
    return captured(reader, Question(RULE, REFERENCE, BAND.admit)), reader


def test_clear_answer_takes_fewest_frames() -> None:
    for clear in (0.9, 0.1):
        assert len(captured_with([clear] * 9)[0].good) == RULE.good_frames
    close = BAND.admit + 0.001
    assert len(captured_with([close] * 9)[0].good) == RULE.most_good_frames


def test_time_limit_decides_open_answer() -> None:
    """An answer that is open when time is up follows from what is there."""
    slow_s = 0.45  # so slow that the most frames never lie close enough together
    taken, _ = captured_with([BAND.admit] * 20, slow_s)
    assert taken.ended is CaptureEnd.ENOUGH
    assert RULE.good_frames <= len(taken.good) < RULE.most_good_frames


@pytest.mark.parametrize(("frames_per_second", "parts"), [(30, 1), (25, 1), (12.5, 2), (5, 2)])
def test_frame_takes_bounded_embedding_work(frames_per_second: float, parts: int) -> None:
    """At thirty frames a second, at most one part of an embedding a frame."""
    taken, reader = captured_with([0.9] * 40, 1 / frames_per_second)
    assert taken.ended is CaptureEnd.ENOUGH
    assert max(reader.parts.values()) == parts
    assert sum(reader.parts.values()) == 2 * RULE.good_frames


near = st.builds(
    face, st.sampled_from([0.3, 0.5, 0.52, 0.7]), st.just(0.5), st.sampled_from([0.05, 0.15, 0.4, 0.45])
)
comings_and_goings = st.lists(st.lists(near, max_size=2), max_size=16)


@given(comings_and_goings, st.sets(st.integers(0, 15)))
def test_good_frames_show_one_lone_person(frames: list[list[Face]], bad: set[int]) -> None:
    taken, tracker = taken_from(*frames, bad=sorted(bad)), Tracker(POLICY.zone, RULE.second_face_ratio)
    seen = [tracker.update(faces, (number + 1) * STEP_S, SIZE) for number, faces in enumerate(frames)]
    if taken.good:
        first, last = min(numbers(taken)), max(numbers(taken))
        through = [scene.passenger for scene in seen[first : last + 1]]
        assert all(one is not None for one in through)
        assert len({one.number for one in through if one is not None}) == 1
    enough = len(taken.good) >= RULE.good_frames
    assert enough is (taken.ended is CaptureEnd.ENOUGH)
