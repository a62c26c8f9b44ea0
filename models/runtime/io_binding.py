"""A network's tensors in the memory of the device that runs it: bound once, filled again for each run.

Without binding the runtime allocates and copies anew in each run. Knows the runtime only as it is handed in.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np

from models.runtime.session import Tensor


class BoundShape:
    """One input shape of one loaded network; its input and outputs stay where they are.

    Safe to call from several threads: they take turns, since they share the tensors.
    """

    def __init__(self, runtime: Any, session: Any, memory: str, first: Tensor) -> None:
        """`runtime` is the library, `memory` its word for a device, such as `cuda` or `cpu`."""
        (entry,) = session.get_inputs()
        self._session = session
        self._names = [output.name for output in session.get_outputs()]
        self._turn = Lock()
        self._input = runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(first), memory, 0)
        self._bound = session.io_binding()
        self._bound.bind_ortvalue_input(entry.name, self._input)
        self._outputs = self._allocated(memory)

    def run(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Outputs by name, copied to the host; the runtime's own errors pass."""
        with self._turn:
            self._input.update_inplace(np.ascontiguousarray(tensor))
            self._bound.synchronize_inputs()
            self._session.run_with_iobinding(self._bound)
            self._bound.synchronize_outputs()
            # A copy: in host memory `numpy()` is a view, which the next run would write over.
            return {
                name: np.array(value.numpy()) for name, value in zip(self._names, self._outputs, strict=True)
            }

    def _allocated(self, memory: str) -> list[Any]:
        """Outputs where the runtime, which knows their sizes, puts them in a first run; there for good."""
        for name in self._names:
            self._bound.bind_output(name, memory, 0)
        self._session.run_with_iobinding(self._bound)
        self._bound.synchronize_outputs()
        outputs = list(self._bound.get_outputs())
        self._bound.clear_binding_outputs()
        for name, value in zip(self._names, outputs, strict=True):
            self._bound.bind_ortvalue_output(name, value)
        return outputs
