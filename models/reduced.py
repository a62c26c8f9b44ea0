"""A network in fewer bits, made beside the full one; nothing here decides that it is used.

fp16 rounds weights and arithmetic and keeps float32 at both ends; int8 also needs to see what flows through
the network, so it is calibrated on tensors that the network is really fed.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import onnx

from models.errors import InferenceError
from models.runtime.onnx_runtime import runtime_tools
from models.runtime.session import Tensor

Precision = Literal["fp16", "int8"]
FILES: tuple[Precision, ...] = get_args(Precision)


def reduce(graph: bytes, precision: Precision, seen: Sequence[Tensor]) -> bytes:
    """The graph in `precision`; `seen` are tensors that it is fed, which fp16 does not need.

    Raises InferenceError where the graph cannot be reduced.
    """
    try:
        with _quiet():
            return _fp16(graph) if precision == "fp16" else _int8(graph, seen)
    except Exception as error:  # fail closed: the runtime's tools have no common base
        raise InferenceError(f"cannot be reduced to {precision}: {error}") from error


def _fp16(graph: bytes) -> bytes:
    (tool,) = runtime_tools("transformers.float16")
    model = tool.convert_float_to_float16(onnx.load_from_string(graph), keep_io_types=True)
    reduced: bytes = model.SerializeToString(deterministic=True)
    return reduced


def _int8(graph: bytes, seen: Sequence[Tensor]) -> bytes:
    """Weights int8 for each channel, activations uint8, as the runtime's documentation advises for x86."""
    quantise, preparing = runtime_tools("quantization", "quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder:
        full, ready, less = (Path(folder) / name for name in ("full.onnx", "ready.onnx", "less.onnx"))
        full.write_bytes(graph)
        # Normalisation is folded into the convolutions first, so that they are quantised as one.
        preparing.quant_pre_process(full, ready, skip_symbolic_shape=True)
        (entry,) = onnx.load(ready).graph.input
        quantise.quantize_static(
            ready,
            less,
            _reader(quantise.CalibrationDataReader, entry.name, seen),
            quant_format=quantise.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantise.QuantType.QUInt8,
            weight_type=quantise.QuantType.QInt8,
        )
        return less.read_bytes()


def _reader(base: Any, name: str, seen: Sequence[Tensor]) -> Any:
    """The tensors, one at a time, as the runtime's calibrator asks for them."""
    waiting = iter(seen)

    class Reader(base):  # type: ignore[misc]  # onnxruntime has no types
        def get_next(self) -> dict[str, Tensor] | None:
            tensor = next(waiting, None)
            return None if tensor is None else {name: tensor}

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """The runtime's tools write advice for another workflow to the root logger."""
    root = logging.getLogger()
    before = root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
