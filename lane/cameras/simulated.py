"""A hall to try a lane in: people who walk up to a camera, documents, a gate that keeps a diary.

Ships with the product and serves demo, tests and benchmarks. The same seed gives the same frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lane.cameras.frame import Frame
from lane.platform.clock import Clock
from models.values.face import Face, ImageBGR

Plane: TypeAlias = NDArray[np.floating[Any]]
"""Grey levels or shares, H×W or H×W×3."""

WIDTH, HEIGHT = 640, 480
EXPOSURE_S = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A photograph with where the eyes are, so that it can be put into a scene to scale."""

    image_bgr: ImageBGR
    eyes_middle: tuple[float, float]
    eyes_apart_px: float

    @classmethod
    def of(cls, image_bgr: ImageBGR, face: Face) -> "Portrait":
        """From a photograph and the face that was found in it."""
        right, left = face.landmarks[0], face.landmarks[1]
        middle = (right + left) / 2
        return cls(image_bgr, (float(middle[0]), float(middle[1])), float(np.linalg.norm(left - right)))


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody in view: where they come to stand, as fractions of the frame, how near, and when."""

    portrait: Portrait
    stands_at: tuple[float, float] = (0.5, 0.45)
    eyes_apart_px: float = 84.0
    stays: tuple[tuple[float, float], ...] = ((0.0, float("inf")),)
    """In seconds of the scene. Each begins by walking up, ends by walking back: who has two comes back."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the camera sees of one passage. Nobody in it is a scene, too."""

    people: tuple[Person, ...] = ()
    walk_s: float = 1.2
    exposure: float = 1.0
    """Of the sensor: 1 is right, 0.1 is far too dark."""
    defocus_px: float = 0.0
    """Standard deviation of the lens's blur."""
    noise: float = 4.0
    """Standard deviation of the sensor's noise, in grey levels."""
    seconds: float = 30.0


@dataclass(slots=True)
class SimulatedCamera:
    """See `lane.cameras.port.FrameSource`. `wait`: a clock's `sleep`, or `skip` where nobody watches."""

    clock: Clock
    wait: Callable[[float], None]
    scene: Scene = field(default_factory=Scene)
    seed: int = 1
    frames_per_second: float = 25.0
    name: str = "simulated"

    def frames(self) -> Iterator[Frame]:
        """One capture: people walk up, then stand and sway."""
        rng = np.random.default_rng(self.seed)
        due = self.clock.monotonic_s()
        for sequence in range(round(self.scene.seconds * self.frames_per_second)):
            self.wait(max(0.0, due - self.clock.monotonic_s()))
            image_bgr = render(self.scene, sequence / self.frames_per_second, rng)
            yield Frame(self.name, sequence, self.clock.now(), self.clock.monotonic_s(), image_bgr)
            due += 1 / self.frames_per_second


def render(scene: Scene, at_s: float, rng: np.random.Generator) -> ImageBGR:
    """HEIGHT×WIDTH×3 uint8 BGR: the scene `at_s` seconds after it began."""
    picture = _hall()
    here = [person for person in scene.people if any(start <= at_s < end for start, end in person.stays)]
    for person in sorted(here, key=lambda one: one.eyes_apart_px):  # who is nearer hides who is behind
        picture = _draw(picture, person, scene, at_s)
    if scene.defocus_px:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), scene.defocus_px), np.float32)
    return _sense(picture, scene, at_s, rng)


@cache
def _hall() -> Plane:
    """Floor and wall in the grey of an arrivals hall."""
    rows = np.linspace(0.0, 1.0, HEIGHT, dtype=np.float32)[:, None]
    columns = np.linspace(-1.0, 1.0, WIDTH, dtype=np.float32)[None, :]
    grey = 150 + 35 * np.cos(2.2 * columns) - 50 * rows
    return np.repeat(grey[..., None], 3, axis=2) * np.array([1.02, 1.0, 0.97], np.float32)


def _draw(picture: Plane, person: Person, scene: Scene, at_s: float) -> Plane:
    """Put the person's photograph where they stand now, blurred along their way."""
    now = _place(person, scene, at_s)
    before = _place(person, scene, at_s - EXPOSURE_S)
    layer, alpha = _paste(person.portrait, now)
    length = float(np.hypot(now[0] - before[0], now[1] - before[1]))
    if length >= 1:
        kernel = _streak(now[0] - before[0], now[1] - before[1])
        layer, alpha = (np.asarray(cv2.filter2D(one, -1, kernel), np.float32) for one in (layer, alpha))
    blended: Plane = picture * (1 - alpha[..., None]) + layer * alpha[..., None]
    return blended


def _place(person: Person, scene: Scene, at_s: float) -> tuple[float, float, float]:
    """(x, y, eyes apart) in pixels: from afar and a little aside to the place to stand, swaying, and back."""
    walked_s = max(min(at_s - start, end - at_s) for start, end in person.stays)
    done = 1.0 if scene.walk_s <= 0 else float(np.clip(walked_s / scene.walk_s, 0, 1))
    eased = done * done * (3 - 2 * done)
    sway = 1.5 * np.sin(2.1 * at_s), 1.0 * np.sin(1.3 * at_s + 1)
    x = (person.stands_at[0] + 0.12 * (1 - eased)) * WIDTH + sway[0]
    y = (person.stands_at[1] - 0.08 * (1 - eased)) * HEIGHT + sway[1]
    bob = 3 * np.sin(9 * at_s) * (1 - eased)
    return float(x), float(y + bob), person.eyes_apart_px * (0.35 + 0.65 * eased)


def _paste(portrait: Portrait, place: tuple[float, float, float]) -> tuple[Plane, Plane]:
    """The photograph scaled so that its eyes are at `place`, and where it covers the hall (0 to 1)."""
    x, y, eyes_apart = place
    scale = eyes_apart / portrait.eyes_apart_px
    image = portrait.image_bgr
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(image, size, interpolation=how).astype(np.float32)
    right_px = x - portrait.eyes_middle[0] * size[0] / image.shape[1]
    down_px = y - portrait.eyes_middle[1] * size[1] / image.shape[0]
    shift = np.array([[1, 0, right_px], [0, 1, down_px]])
    layer = cv2.warpAffine(small, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(_outline(portrait, size), shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    return layer.astype(np.float32), alpha.astype(np.float32)


def _outline(portrait: Portrait, size: tuple[int, int]) -> Plane:
    """Head and shoulders of a photograph scaled to `size`: 1 inside, 0 around them and at its edge."""
    width, height = size
    scale = width / portrait.image_bgr.shape[1]
    x, y = np.arange(width)[None, :] + 0.5, np.arange(height)[:, None] + 0.5
    across = np.abs(x - portrait.eyes_middle[0] * scale) / (portrait.eyes_apart_px * scale)
    down = (y - portrait.eyes_middle[1] * scale) / (portrait.eyes_apart_px * scale)
    head = 1.75 * np.sqrt(np.clip(1 - ((down - 0.35) / 2.3) ** 2, 0, 1))
    body = np.clip(0.9 + 1.5 * (down - 1.2), 0, 3.4) * (down > 1.2)
    inside = np.clip((np.maximum(head, body) - across) / 0.3, 0, 1)
    edge = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y)) / max(2.0, 0.04 * min(size))
    outline: Plane = (inside * np.clip(edge, 0, 1)).astype(np.float32)
    return outline


def _streak(dx: float, dy: float) -> Plane:
    """A line of this direction and length as a blur kernel that sums to 1."""
    reach = int(np.ceil(max(abs(dx), abs(dy)) / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 4 * reach + 1):
        kernel[round(reach + t * dy), round(reach + t * dx)] += 1
    kernel /= kernel.sum()
    return kernel


def _sense(picture: Plane, scene: Scene, at_s: float, rng: np.random.Generator) -> ImageBGR:
    """Exposure that settles within half a second, and noise: what a sensor makes of the light."""
    settling = 1 + 0.25 * np.exp(-at_s / 0.15)
    grain = rng.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32) * scene.noise
    lit = picture * scene.exposure * settling + grain
    seen: ImageBGR = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return seen
