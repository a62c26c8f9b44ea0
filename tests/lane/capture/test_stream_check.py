"""Streams that lie are found out by what gives them away, and an honest camera is not."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.acquisition.recorded_camera import Replay
from lane.cameras.frame import Frame
from lane.cameras.simulated import Person, Portrait, Scene, SimulatedCamera
from lane.capture.measuring import Measurer, Stopwatch
from lane.capture.stream_check import HEIGHT, REMEMBERED, WIDTH, EarlierCaptures, StreamWatch, grey
from lane.decision.decide import Refer
from lane.decision.evidence import Check, DeskContact, StreamEvidence
from lane.decision.policy import Limit, Policy, StreamRule, load
from lane.decision.reason_codes import Code
from lane.demo import photos as store
from lane.demo.passengers import demo_passengers
from lane.passage.judge import Judge
from models.image import decode, read
from tests.support import tiers
from tests.support.lane.forged_streams import (
    RATE,
    as_jpeg,
    brighter,
    decoded,
    denoised,
    encoded,
    enlarged,
    frames,
    looped,
    noisier,
    replayed,
    seen,
)
from tests.support.lane.simulated_lane import StandingClock

RULE = load().stream
GENUINE = StreamEvidence(Check.SUCCESSFUL)
DATA = Path(os.environ.get("PASSENGER_LANE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def watched(
    taken: Iterable[Frame],
    rule: StreamRule = RULE,
    *,
    somebody: bool = True,
    earlier: EarlierCaptures | None = None,
) -> StreamEvidence:
    watch = StreamWatch(rule)
    for frame in taken:
        watch.see(frame)
    found = watch.verdict(somebody=somebody, earlier=earlier)
    if earlier is not None:
        earlier.add(watch)
    return found


@pytest.fixture(scope="module")
def portrait(photos: Path, measurer: Measurer) -> Portrait:
    assert photos == store.folder()
    image_bgr = decode(store.load("obama2.jpg"))
    face = measurer.look(image_bgr, Stopwatch()).face
    assert face is not None
    return Portrait.of(image_bgr, face)


def scene(portrait: Portrait) -> Scene:
    return Scene((Person(portrait),))


@pytest.mark.thorough
def test_every_forged_stream_is_named(portrait: Portrait) -> None:
    found = {name: watched(frames(lie)) for name, lie in replayed(portrait, scene).items()}

    assert {name: one.genuine for name, one in found.items()} == dict.fromkeys(found, Check.FAILED)
    unnamed = [name for name, one in found.items() if name.replace(",", " ").split()[0] not in one.signs]
    assert not unnamed


@pytest.mark.thorough
@tiers.parametrize("quality", [23, 35], quick=1)
def test_honest_camera_behind_codec_is_believed(portrait: Portrait, quality: int) -> None:
    for begin_s in (0.0, 2.0):
        images = seen(scene(portrait), 2.4, begin_s=begin_s)
        assert watched(frames(encoded(images, quality))) == GENUINE
        assert watched(frames(as_jpeg(images, 95 - quality))) == GENUINE


@pytest.mark.thorough
def test_everybody_of_the_cast_is_believed(measurer: Measurer, photos: Path) -> None:
    assert photos == store.folder()
    clock = StandingClock()
    for passenger in demo_passengers(measurer, clock.today()):
        brief = replace(passenger.scene, seconds=2)
        camera = SimulatedCamera(clock, clock.skip, brief, frames_per_second=12.5)
        somebody = bool(passenger.scene.people)
        found = watched(camera.frames(), somebody=somebody)
        assert (passenger.name, found) == (passenger.name, GENUINE)


def test_an_empty_hall_may_lie_still() -> None:
    assert watched(frames(seen(Scene(), 3)), somebody=False).genuine is Check.SUCCESSFUL


def test_discontinuous_times_are_found() -> None:
    honest = frames(seen(Scene(), 1))
    back = replace(honest[9], captured_at=honest[9].captured_at - timedelta(seconds=3))
    ahead = replace(honest[9], captured_monotonic_s=honest[9].captured_monotonic_s + 2)
    seen_before = replace(honest[9], sequence=honest[8].sequence)
    never = replace(honest[9], captured_monotonic_s=float("nan"))

    for wrong in (back, ahead, seen_before, never):
        assert "clock" in watched([*honest[:9], wrong, *honest[10:]], somebody=False).signs
    assert not watched(honest, somebody=False).signs


def test_too_fast_frames_are_found() -> None:
    images = seen(Scene(), 1)

    assert watched(frames(images, 200), somebody=False).signs == ("timing",)
    slow_camera = RULE.model_copy(update={"most_frames_per_second": 16.0})
    assert watched(frames(images, 25), slow_camera, somebody=False).signs == ("timing",)


def test_missing_jitter_is_found_on_request() -> None:
    uneven = RULE.model_copy(update={"least_jitter_s": 2e-5})
    even = frames(seen(Scene(), 1))
    rng = np.random.default_rng(3)
    shaken = [
        replace(one, captured_monotonic_s=one.captured_monotonic_s + rng.normal(0, 1e-4)) for one in even
    ]

    assert watched(even, uneven, somebody=False).signs == ("timing",)
    assert not watched(shaken, uneven, somebody=False).signs


@pytest.mark.thorough
def test_foreign_sensor_noise_is_found(portrait: Portrait) -> None:
    known = RULE.model_copy(update={"noise": Limit(min=2.5, max=6.0)})
    honest = seen(scene(portrait), 2)

    assert not watched(frames(honest), known).signs
    for lie in (
        denoised(honest),
        enlarged(honest),
        noisier(honest, 9),
    ):
        assert watched(frames(lie), known).signs == ("noise",)


def test_one_frame_proves_nothing() -> None:
    assert watched(frames(seen(Scene(), 0.04))).genuine is Check.UNDETERMINED


def test_watch_keeps_bounded_pictures() -> None:
    watch = StreamWatch(RULE)
    image = seen(Scene(), 0.04)[0]
    for frame in frames([image] * (2 * REMEMBERED + 3)):
        watch.see(frame)

    assert watch.verdict(somebody=False).signs == ("frozen",)
    kept = [getattr(watch, name) for name in StreamWatch.__slots__]
    assert all(len(one) <= REMEMBERED for one in kept if isinstance(one, list))


@pytest.mark.thorough
def test_looped_stream_refers_its_passenger(portrait: Portrait, measurer: Measurer, policy: Policy) -> None:
    replay = Replay(
        looped(seen(scene(portrait), 0.8, begin_s=0.8), 60),
        1 / RATE,
    )
    patient = policy.model_copy(update={"capture": policy.capture.model_copy(update={"good_frames": 40})})
    judge = Judge(replay, measurer, patient, replay)
    holder = demo_passengers(measurer, replay.today())[0]

    judged = judge.judge(holder.document, DeskContact.REACHED)

    assert isinstance(judged.outcome, Refer)
    assert "loop" in judged.evidence.stream.signs
    assert Code.STREAM_INJECTED in [reason.code for reason in judged.outcome.reasons]


@pytest.mark.parametrize(
    ("folder", "rate"),
    [
        ("nuaa/live", 5),
        ("video/face-demographics-walking", 10),
        ("video/head-pose-face-detection-female", 10),
    ],
)
def test_recorded_people_are_believed(folder: str, rate: float) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip("needs ../shared/data")
    pictures = sorted((DATA / folder).rglob("*.jpg"))
    for sequence in sorted({picture.parent for picture in pictures}):
        images = [read(picture) for picture in pictures if picture.parent == sequence]
        assert watched(frames(images, rate)) == GENUINE, sequence


def test_repeated_capture_is_found(portrait: Portrait) -> None:
    """One that is only like an earlier one is not."""
    earlier, first = EarlierCaptures(8), seen(scene(portrait), 1.6)
    assert watched(frames(first), earlier=earlier) == GENUINE
    slower = seen(replace(scene(portrait), walk_s=1.3), 1.6, seed=2)
    assert watched(frames(slower), earlier=earlier) == GENUINE

    for seen_before in (
        first,
        noisier(brighter(first), 3),
        encoded(first, 23),
    ):
        assert watched(frames(seen_before), earlier=earlier).signs == ("again",)
    assert not watched(frames(first), earlier=EarlierCaptures(0)).signs


def test_earlier_captures_are_bounded(portrait: Portrait) -> None:
    earlier, first = EarlierCaptures(1), seen(scene(portrait), 1.2)
    watched(frames(first), earlier=earlier)
    watched(frames(seen(Scene(), 0.4)), somebody=False, earlier=earlier)

    assert not watched(frames(first), earlier=earlier).signs


def test_two_people_on_film_are_believed() -> None:
    clip = DATA / "video" / "hamilton" / "short_hamilton_clip.mp4"
    if not clip.is_file():
        pytest.skip("needs ../shared/data")
    assert watched(frames(decoded(clip), 29.97)) == GENUINE


@pytest.mark.parametrize(
    ("size", "middle"),
    [
        *(
            (size, (0, 0, *size))
            for size in [(1, 1), (127, 96), (320, 200), (60, 3000), (640, 480), (1280, 720)]
        ),
        ((641, 483), (0, 1, 640, 480)),
        ((800, 600), (16, 12, 768, 576)),
        ((1920, 1080), (0, 12, 1920, 1056)),
    ],
)
def test_grey_picture_averages_camera_pixels(
    size: tuple[int, int], middle: tuple[int, int, int, int], portrait: Portrait
) -> None:
    shown = cv2.resize(portrait.image_bgr, size, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(1).integers(-4, 5, shown.shape)
    image_bgr = (shown.astype(int) + noise).clip(0, 255).astype(np.uint8)
    left, top, width, height = middle
    part = image_bgr[top : top + height, left : left + width].astype(np.float32)
    exactly = cv2.cvtColor(
        cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
    )
    away = grey(image_bgr) * max(float(exactly.std()), 1.0) + exactly.mean() - exactly
    assert np.abs(away).max() < 2.5  # grey levels: each of three channels is rounded, and the mean of them
    assert np.abs(away).mean() < 0.5
