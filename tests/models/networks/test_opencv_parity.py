"""The same answers as OpenCV's own detector and recogniser give on the same weights."""

import cv2
import numpy as np
import pytest

from models.catalogue import catalogue, weights
from models.catalogue.spec import PackageSource
from models.detect.align import ARCFACE_112, align
from models.detect.detector import Letterbox
from models.embed.similarity import similarity
from models.embed.template import FaceEmbedder, embed
from models.networks.build import Networks, session_on
from models.values.face import ImageBGR
from tests.models.conftest import ONE_THREAD, PEOPLE, prepared

SPECS = catalogue.load()
DETECTOR = SPECS.for_role("detector")
SIZES = [(640, 480), (320, 256), (640, 640)]


@pytest.mark.parametrize("canvas", SIZES)
def test_boxes_and_landmarks_match_opencv(
    canvas: tuple[int, int], networks: Networks, photograph: ImageBGR
) -> None:
    image = cv2.resize(photograph, canvas, interpolation=cv2.INTER_AREA).astype(np.uint8)
    theirs = cv2.FaceDetectorYN.create(str(prepared(DETECTOR)), "", canvas, 0.7, 0.3)
    _, expected = theirs.detect(image)
    found = networks.detector.at(image, Letterbox(canvas, 1.0))
    assert len(found) == len(expected) >= 1
    by_place = [rows[np.argsort(rows[:, 0])] for rows in (found, expected)]
    assert np.abs(by_place[0][:, :14] - by_place[1][:, :14]).max() < 0.5
    assert np.abs(by_place[0][:, 14] - by_place[1][:, 14]).max() < 0.001


def test_aligned_face_and_feature_match_opencv(networks: Networks, photograph: ImageBGR) -> None:
    theirs = cv2.FaceRecognizerSF.create(str(prepared(SPECS.for_role("matcher"))), "")
    # OpenCV does not average down: compare where the face need not shrink by more than 2.
    image = cv2.resize(photograph, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA).astype(np.uint8)
    face = networks.detector.detect(image)[0]
    box = face.box_in_image
    row = np.array([box.x, box.y, box.width, box.height, *face.landmarks.ravel(), face.score], np.float32)
    their_crop = theirs.alignCrop(image, row[None])
    aligned = align(image, face.landmarks, ARCFACE_112)
    assert np.abs(aligned.image_bgr.astype(int) - their_crop.astype(int)).max() <= 1
    feature = theirs.feature(aligned.image_bgr).ravel()
    cosine = networks.embedder.embed(aligned).vector @ feature / np.linalg.norm(feature)
    assert cosine >= 0.9999


def test_detector_matches_opencv_as_published(networks: Networks, people: dict[str, ImageBGR]) -> None:
    assert isinstance(DETECTOR.source, PackageSource)
    published = weights.package_path(DETECTOR.source)
    image = cv2.resize(people["obama.jpg"], (640, 640), interpolation=cv2.INTER_AREA).astype(np.uint8)
    try:
        theirs = cv2.FaceDetectorYN.create(str(published), "", (640, 640), 0.7, 0.3)
        _, expected = theirs.detect(image)
    except cv2.error as error:
        pytest.skip(f"this OpenCV does not run the published file: {error}")
    found = networks.detector.at(image, Letterbox((640, 640), 1.0))
    assert np.abs(found[:, :14] - expected[:, :14]).max() < 0.5


@pytest.mark.parametrize(
    ("matcher", "same", "other"), [("sface-2021dec", 0.6, 0.363), ("dlib-resnet-29", 0.4, 0.4)]
)
def test_same_person_is_nearer(
    networks: Networks, people: dict[str, ImageBGR], matcher: str, same: float, other: float
) -> None:
    spec = SPECS.named(matcher)
    embedder = FaceEmbedder(spec, session_on(prepared(spec).read_bytes(), spec, ONE_THREAD), "")
    obama, second, third, biden = (
        embed(people[name], networks.detector.detect(people[name])[0], embedder) for name in PEOPLE
    )
    assert min(similarity(obama, second), similarity(obama, third), similarity(second, third)) > same
    assert max(similarity(biden, one) for one in (obama, second, third)) < other
