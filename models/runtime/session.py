"""What a network is fed and what it answers: one tensor in, named tensors out. Knows no runtime."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.catalogue.spec import InputSpec
from models.values.face import ImageBGR

Tensor: TypeAlias = NDArray[np.float32]


class Session(Protocol):
    """A network that is loaded, warmed up and proven to run on `provider`."""

    @property
    def provider(self) -> str:
        """Where the whole graph runs, such as `CPUExecutionProvider`."""

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name, all finite; InferenceError for a shape not on the list or a failed run."""


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
