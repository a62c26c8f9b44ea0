"""From pixels to what a network is fed: the one place where colour order and normalisation happen."""

import cv2
import numpy as np

from models.catalogue.spec import InputSpec
from models.runtime.session import Tensor
from models.values.face import ImageBGR


def to_tensor(image_bgr: ImageBGR, spec: InputSpec) -> Tensor:
    """1×3×H×W float32 in the network's colour order: (pixel - mean) * scale, once and nowhere else."""
    planes = np.empty((3, *image_bgr.shape[:2]), np.uint8)
    cv2.split(image_bgr, list(planes if spec.colour == "bgr" else planes[::-1]))  # 0.4 of numpy's transpose
    tensor: Tensor = planes[None].astype(np.float32)
    if any(spec.mean):
        tensor -= np.array(spec.mean, np.float32)[None, :, None, None]
    if spec.scale != 1:
        tensor *= np.float32(spec.scale)
    return tensor
