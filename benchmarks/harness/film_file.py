"""Drawn pictures as a film for a lane's camera to read."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import av

from models.values.face import ImageBGR

BITS_PER_SECOND, OF_PIXELS = 30_000_000, 640 * 480
"""As a webcam's MJPEG; of larger pictures as many for each pixel."""


def write_film(pictures: Iterable[ImageBGR], path: Path, rate: int) -> Path:
    """MJPEG of these pictures of one size, at so many a second."""
    pictures = iter(pictures)
    first = next(pictures)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuvj420p"
        stream.bit_rate = BITS_PER_SECOND * stream.width * stream.height // OF_PIXELS
        for picture in chain([first], pictures):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path
