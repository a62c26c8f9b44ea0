"""Who walks through the demo: real photographs, each passenger there for one rule of the lane."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import cv2
import numpy as np

from lane.cameras.simulated import Person, Portrait, Scene
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.evidence import DocumentKind
from lane.demo import photos
from lane.document.travel_document import TravelDocument
from lane.platform.errors import PhotosError
from models.image import decode, encode_jpeg
from models.values.face import ImageBGR


@dataclass(frozen=True, slots=True, eq=False)
class Passenger:
    name: str
    story: str
    document: TravelDocument
    scene: Scene


def demo_passengers(measurer: Measurer, today: date) -> tuple[Passenger, ...]:
    """The passengers, in order. Raises PhotosError where the photographs are not ready."""
    valid, expired = today + timedelta(days=900), today - timedelta(days=1)
    first, second, third, other = (
        _portrait(name, measurer) for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")
    )
    document = TravelDocument(
        photos.load("obama.jpg"), valid, born_on=today - timedelta(days=15_000), kind=DocumentKind.ORDINARY
    )
    alone = Scene((Person(second),))
    beside = (
        Person(second, stands_at=(0.25, 0.45), eyes_apart_px=60.0),
        Person(other, stands_at=(0.76, 0.45), eyes_apart_px=60.0),
    )
    return (
        Passenger("holder", "the holder of the document", document, alone),
        Passenger(
            "holder-new-photo",
            "a holder with another document photo",
            replace(document, photo=photos.load("obama3.jpg")),
            Scene((Person(first),)),
        ),
        Passenger("impostor", "somebody with another person's document", document, Scene((Person(other),))),
        Passenger("two-people", "two people in the lane", document, Scene(beside)),
        Passenger("nobody", "a document, and nobody in view", document, Scene()),
        Passenger("blurred", "a camera out of focus", document, replace(alone, defocus_px=6.0)),
        Passenger("dark", "a hall without light", document, replace(alone, exposure=0.12)),
        Passenger(
            "expired", "a document that expired yesterday", replace(document, expires_on=expired), alone
        ),
        Passenger(
            "no-face",
            "a document whose photo shows no face",
            replace(document, photo=_no_face()),
            Scene((Person(third),)),
        ),
    )


def _portrait(name: str, measurer: Measurer) -> Portrait:
    image_bgr = decode(photos.load(name))
    face = measurer.look(image_bgr, Stopwatch()).face
    if face is None:
        raise PhotosError(f"no face found in {name}: run `python -m lane photos` again")
    return Portrait.of(image_bgr, face)


def _no_face() -> bytes:
    """A page with print and a stamp where the photo should be."""
    page: ImageBGR = np.full((600, 450, 3), 232, np.uint8)
    for row in range(60, 540, 24):
        cv2.line(page, (40, row), (410 - row % 7 * 20, row), (120, 120, 120), 6)
    cv2.circle(page, (330, 430), 70, (160, 60, 60), 8)
    return encode_jpeg(page)
