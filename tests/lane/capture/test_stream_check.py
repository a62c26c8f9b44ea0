"""Streams that lie are found out by what gives them away, and an honest camera is not."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.acquisition.recorded_camera import Replay
from lane.cameras.frame import Frame
from lane.cameras.simulated import HEIGHT, WIDTH, Person, Portrait, Scene, SimulatedCamera, render
from lane.capture import stream_check
from lane.capture.measuring import Measurer, Stopwatch
from lane.capture.stream_check import REMEMBERED, EarlierCaptures, StreamWatch, grey
from lane.decision.decide import Refer
from lane.decision.evidence import Check, DeskContact, StreamEvidence
from lane.decision.policy import Limit, Policy, StreamRule, load
from lane.decision.reason_codes import Code
from lane.demo import photos as store
from lane.demo.passengers import demo_passengers
from lane.passage.judge import Judge
from models.image import decode, read
from models.values.face import ImageBGR
from tests.support import tiers
from tests.support.lane.simulated_lane import People, StandingClock

RULE = load().stream
RATE = 25
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
Images = Sequence[ImageBGR]
GENUINE = StreamEvidence(Check.SUCCESSFUL)
DATA = Path(os.environ.get("PASSENGER_LANE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def seen(scene: Scene, seconds: float, *, begin_s: float = 0.0, seed: int = 1) -> list[ImageBGR]:
    """What an honest camera sees."""
    rng = np.random.default_rng(seed)
    return [render(scene, begin_s + number / RATE, rng) for number in range(round(seconds * RATE))]


def frames(images: Images, rate: float = RATE) -> list[Frame]:
    """Numbered and timed as a camera's are."""
    return [
        Frame("lie", number, STARTED + timedelta(seconds=number / rate), 100 + number / rate, image)
        for number, image in enumerate(images)
    ]


def looped(images: Images, count: int) -> list[ImageBGR]:
    return [images[number % len(images)] for number in range(count)]


def brighter(images: Images) -> list[ImageBGR]:
    """As if the light went up and down."""
    return [
        np.clip(image.astype(np.int16) + round(20 * np.sin(number / 9)), 0, 255).astype(np.uint8)
        for number, image in enumerate(images)
    ]


def noisier(images: Images, deviation: float) -> list[ImageBGR]:
    rng = np.random.default_rng(7)
    grains = (rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None] for image in images)
    noisy = (image + grain * deviation for image, grain in zip(images, grains, strict=True))
    return [np.clip(image, 0, 255).astype(np.uint8) for image in noisy]


def encoded(images: Images, quality: int, *, every: int = RATE) -> list[ImageBGR]:
    """Through H.264 and back: `quality` as x264's CRF, a whole picture each `every` frames."""
    height, width = images[0].shape[:2]
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "ultrafast", "g": str(every)}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    file.seek(0)
    return decoded(file)


def decoded(file: BytesIO | Path) -> list[ImageBGR]:
    """Every picture of a film."""
    with av.open(file, "r") as container:
        return [picture.to_ndarray(format="bgr24").astype(np.uint8) for picture in container.decode(video=0)]


def as_jpeg(images: Images, quality: int) -> list[ImageBGR]:
    files = (cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for image in images)
    return [np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8) for file in files]


def moved(image: ImageBGR, count: int, by_px: float) -> list[ImageBGR]:
    """One photograph turned, enlarged and pushed about, as if a person swayed."""
    height, width = image.shape[:2]
    pictures = []
    for number in range(count):
        angle_deg, scale = 0.15 * by_px * np.sin(number / 7), 1 + 0.005 * by_px * np.sin(number / 11)
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
        turn[:, 2] += [by_px * np.sin(number / 5), 0.75 * by_px * np.sin(number / 8)]
        warped = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        pictures.append(np.asarray(warped, np.uint8))
    return pictures


def denoised(images: Images) -> list[ImageBGR]:
    """As a file is, before it is made to look better."""
    return [np.asarray(cv2.bilateralFilter(image, 9, 40, 9), np.uint8) for image in images]


def enlarged(images: Images) -> list[ImageBGR]:
    small = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images]
    large = (cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for image in small)
    return [np.asarray(image, np.uint8) for image in large]


def filling(photo: ImageBGR) -> ImageBGR:
    """A photograph as large as a camera's frame."""
    scale = max(WIDTH / photo.shape[1], HEIGHT / photo.shape[0])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(large[:HEIGHT, :WIDTH], np.uint8)


def replayed(portrait: Portrait) -> dict[str, list[ImageBGR]]:
    """Every lie about the picture of one person, by name."""
    walking, standing = seen(scene(portrait), 3), seen(scene(portrait), 2, begin_s=2)
    loop = looped(standing[:25], 80)
    photo = filling(portrait.image_bgr)
    frozen = [*walking[:30], *[walking[30]] * 45]
    return {
        "frozen": frozen,
        "frozen, H.264": encoded(frozen, 23),
        "frozen, JPEG": as_jpeg(frozen, 80),
        "frozen, noise": noisier(frozen, 4),
        "loop, walking": looped(walking[:30], 80),
        "loop, walking, H.264 at 35": encoded(looped(walking[:30], 80), 35),
        "loop": loop,
        "loop of 1.6 s": looped(standing[:40], 90),
        "loop, to and fro": looped([*standing[:25], *standing[23:0:-1]], 80),  # so that nothing jumps
        "loop, H.264": encoded(loop, 23),
        "loop, H.264 at 28": encoded(loop, 28),
        "loop, JPEG": as_jpeg(loop, 60),
        "loop, brighter": brighter(loop),
        "loop, noise": noisier(loop, 4),
        "loop, brighter, noise, H.264": encoded(noisier(brighter(loop), 2), 23),
        "still, moved": moved(photo, 60, 2),
        "still, moved, noise": noisier(moved(photo, 60, 2), 4),
        "still, moved, H.264": encoded(moved(photo, 60, 2), 23),
    }


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
    found = {name: watched(frames(lie)) for name, lie in replayed(portrait).items()}

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
def test_everybody_of_the_cast_is_believed(people: People) -> None:
    clock = StandingClock()
    for name, passenger in people.items():
        brief = replace(passenger.scene, seconds=2)
        camera = SimulatedCamera(clock, clock.skip, brief, frames_per_second=12.5)
        assert watched(camera.frames(), somebody=bool(brief.people)) == GENUINE, name


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
    times = [one.captured_monotonic_s + rng.normal(0, 1e-4) for one in even]
    shaken = [replace(one, captured_monotonic_s=at_s) for one, at_s in zip(even, times, strict=True)]
    assert watched(even, uneven, somebody=False).signs == ("timing",)
    assert not watched(shaken, uneven, somebody=False).signs


@pytest.mark.thorough
def test_foreign_sensor_noise_is_found(portrait: Portrait) -> None:
    known = RULE.model_copy(update={"noise": Limit(min=2.5, max=6.0)})
    honest = seen(scene(portrait), 2)

    assert not watched(frames(honest), known).signs
    for lie in (denoised(honest), enlarged(honest), noisier(honest, 9)):
        assert watched(frames(lie), known).signs == ("noise",)


def test_empty_hall_may_lie_still_but_one_frame_proves_nothing() -> None:
    assert watched(frames(seen(Scene(), 3)), somebody=False).genuine is Check.SUCCESSFUL
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
    replay = Replay(looped(seen(scene(portrait), 0.8, begin_s=0.8), 60), 1 / RATE)
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

    for seen_before in (first, noisier(brighter(first), 3), encoded(first, 23)):
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
        *((one, (0, 0, *one)) for one in [(1, 1), (127, 96), (320, 200), (60, 3000)]),
        *((one, (0, 0, *one)) for one in [(640, 480), (1280, 720)]),
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
    small = cv2.resize(part, (stream_check.WIDTH, stream_check.HEIGHT), interpolation=cv2.INTER_AREA)
    exactly = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    away = grey(image_bgr) * max(float(exactly.std()), 1.0) + exactly.mean() - exactly
    assert np.abs(away).max() < 2.5  # grey levels: each of three channels is rounded, and the mean of them
    assert np.abs(away).mean() < 0.5
