"""Streams that did not come from the camera, made of what a simulated one saw: for tests to find out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np

from lane.cameras.frame import Frame
from lane.cameras.simulated import HEIGHT, WIDTH, Portrait, Scene, render
from models.values.face import ImageBGR

RATE = 25
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
Images = Sequence[ImageBGR]


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


def to_and_fro(images: Images, count: int) -> list[ImageBGR]:
    """Forwards, then backwards, so that nothing jumps."""
    return looped([*images, *images[-2:0:-1]], count)


def brighter(images: Images) -> list[ImageBGR]:
    """As if the light went up and down."""
    return [
        np.clip(image.astype(np.int16) + round(20 * np.sin(number / 9)), 0, 255).astype(np.uint8)
        for number, image in enumerate(images)
    ]


def noisier(images: Images, deviation: float) -> list[ImageBGR]:
    rng = np.random.default_rng(7)
    return [_grained(image, deviation, rng) for image in images]


def _grained(image: ImageBGR, deviation: float, rng: np.random.Generator) -> ImageBGR:
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None] * deviation
    return np.clip(image + grain, 0, 255).astype(np.uint8)


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
    return [_jpeg(image, quality) for image in images]


def _jpeg(image: ImageBGR, quality: int) -> ImageBGR:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def moved(image: ImageBGR, count: int, by_px: float) -> list[ImageBGR]:
    """One photograph turned, enlarged and pushed about, as if a person swayed."""
    return [_moved(image, number, by_px) for number in range(count)]


def _moved(image: ImageBGR, number: int, by_px: float) -> ImageBGR:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D(
        (width / 2, height / 2), 0.15 * by_px * np.sin(number / 7), 1 + 0.005 * by_px * np.sin(number / 11)
    )
    turn[:, 2] += [by_px * np.sin(number / 5), 0.75 * by_px * np.sin(number / 8)]
    warped = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.uint8)


def denoised(images: Images) -> list[ImageBGR]:
    """As a file is, before it is made to look better."""
    return [np.asarray(cv2.bilateralFilter(image, 9, 40, 9), np.uint8) for image in images]


def enlarged(images: Images) -> list[ImageBGR]:
    small = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images]
    return [
        np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
        for image in small
    ]


def filling(photo: ImageBGR) -> ImageBGR:
    """A photograph as large as a camera's frame."""
    scale = max(WIDTH / photo.shape[1], HEIGHT / photo.shape[0])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(large[:HEIGHT, :WIDTH], np.uint8)


def replayed(portrait: Portrait, scene: Callable[[Portrait], Scene]) -> dict[str, list[ImageBGR]]:
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
        "loop, to and fro": to_and_fro(standing[:25], 80),
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
