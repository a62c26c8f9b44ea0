"""The shape of a runtime: one tensor in, named tensors out. Knows no library."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = NDArray[np.float32]


class Session(Protocol):
    """A network that is loaded, warmed up and proven to run on `provider`."""

    @property
    def provider(self) -> str:
        """Where the whole graph runs, such as `CPUExecutionProvider`."""

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name, all finite; InferenceError for a shape not on the list or a failed run."""
