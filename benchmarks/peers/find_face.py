"""Where the largest face of a frame is, by the lane's detector."""

from benchmarks.errors import BenchmarkError
from models.detect.detector import fit
from models.networks.build import Networks
from models.values.face import ImageBGR, Landmarks


def at_half_scale(networks: Networks, image_bgr: ImageBGR) -> Landmarks:
    """Of the largest face, looked at again close up. BenchmarkError where there is none."""
    faces = networks.detector.glance(image_bgr)
    if not faces:
        raise BenchmarkError("no face was found: timing wrong answers is worth nothing")
    largest = max(faces, key=lambda face: face.box_in_image.height)
    return networks.detector.closer(image_bgr, largest).landmarks


def at_full_scale(networks: Networks, image_bgr: ImageBGR) -> Landmarks:
    """Of the largest face, as one look sees it. BenchmarkError where there is none."""
    shapes = networks.catalogue.for_role("detector").input.shapes
    found = networks.detector.at(image_bgr, fit(image_bgr, shapes, at_most=1.0))
    if not len(found):
        raise BenchmarkError("no face was found: timing wrong answers is worth nothing")
    landmarks: Landmarks = found[found[:, 3].argmax(), 4:14].reshape(5, 2)
    return landmarks
