"""From pixels to what a network is fed: the one place where colour order and normalisation happen."""

import numpy as np

from models.catalogue import InputSpec
from models.face import ImageBGR
from models.session import Tensor


def to_tensor(image_bgr: ImageBGR, spec: InputSpec) -> Tensor:
    """1×3×H×W float32 in the network's colour order: (pixel - mean) * scale, once and nowhere else."""
    channels = image_bgr if spec.colour == "bgr" else image_bgr[:, :, ::-1]
    tensor = np.empty((1, 3, *image_bgr.shape[:2]), np.float32)
    np.copyto(tensor[0], channels.transpose(2, 0, 1))
    if spec.mean:
        tensor -= np.float32(spec.mean)
    if spec.scale != 1:
        tensor *= np.float32(spec.scale)
    return tensor
