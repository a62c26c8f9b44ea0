"""Faces by where they are and how tall, for what follows and guides them."""

import numpy as np

from models.values.face import Box, Face

SIZE = (640, 480)
FIVE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
"""Landmarks as parts of the box."""


def face(x: float = 0.5, y: float = 0.5, head: float = 0.4) -> Face:
    """A face whose box has its middle here and this height, as fractions of a frame of `SIZE`."""
    height = head * SIZE[1]
    width = 0.8 * height
    corner = np.array([x * SIZE[0] - width / 2, y * SIZE[1] - height / 2], np.float32)
    landmarks = corner + FIVE * np.array([width, height], np.float32)
    return Face(Box(float(corner[0]), float(corner[1]), width, height), landmarks.astype(np.float32), 0.9)
