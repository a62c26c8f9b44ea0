"""Photographs of people as a network meets them, for measuring how far it drifts; looked at, never kept."""

from collections.abc import Iterable
from pathlib import Path

from models.align import align, crop_by, layout_of
from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.detect.face_mesh import SIZE, crop_transform
from models.errors import ImageError
from models.image import read
from models.values.face import Face, ImageBGR

MOST = 160
KINDS = (".jpg", ".jpeg", ".png", ".jp2")


def read_folder(folder: Path, most: int = MOST) -> list[ImageBGR]:
    """At most so many pictures of a folder and its folders, evenly spread; what is no picture is left out."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS and path.is_file())
    images = []
    for path in paths[:: max(1, -(-len(paths) // most))]:
        try:
            images.append(read(path))
        except (ImageError, OSError):
            continue
    return images


def as_met(spec: NetworkSpec, photographs: Iterable[ImageBGR], detector: FaceDetector) -> list[ImageBGR]:
    """A detector meets the photographs, other networks the crop of each one's largest face, if it has one."""
    met = []
    for image in photographs:
        faces = detector.detect(image)
        if faces:
            largest = max(faces, key=lambda face: face.box_in_image.height)
            met.append(image if spec.role == "detector" else _crop(spec, image, largest))
    return met


def _crop(spec: NetworkSpec, image: ImageBGR, face: Face) -> ImageBGR:
    if spec.role == "matcher":
        return align(image, face.landmarks, layout_of(spec)).image_bgr
    to_crop = crop_transform(face.landmarks, face.box_in_image)
    return crop_by(image, to_crop, SIZE)
