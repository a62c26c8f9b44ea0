"""From a TFLite file to plain fp32 ONNX: the few operators of MediaPipe's landmark network, nothing else.

TFLite keeps pictures as rows of pixels (NHWC), ONNX as planes (NCHW). The weights are turned once, here, so
that no transpose is left in the graph. Only for files whose hash is known: offsets are believed.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue.onnx_graph import GraphBuilder
from models.errors import CatalogueError

FLOAT32, FLOAT16, INT32 = 0, 1, 2
NUMPY_TYPES = {FLOAT32: "<f4", FLOAT16: "<f2", INT32: "<i4"}
SAME = 0
"""Padding that keeps ceil(size / stride); the other kind, VALID (1), has none."""


class Table:
    """A table of a FlatBuffer: fields by number, absent where they have their default."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - self._read("<i", at)

    @classmethod
    def root(cls, data: bytes) -> "Table":
        return cls(data, struct.unpack_from("<I", data)[0])

    def number(self, field: int, kind: str = "<i", default: int = 0) -> int:
        """A scalar of this `struct` kind."""
        at = self._place(field)
        return default if at is None else self._read(kind, at)

    def text(self, field: int) -> str:
        """A string; empty where it is absent."""
        return self.raw(field).decode("utf-8")

    def raw(self, field: int) -> bytes:
        """A vector of bytes; empty where it is absent."""
        start, length = self._vector(field)
        return self._data[start : start + length]

    def numbers(self, field: int) -> tuple[int, ...]:
        """A vector of 32-bit integers; empty where it is absent."""
        start, length = self._vector(field)
        return struct.unpack_from(f"<{length}i", self._data, start)

    def table(self, field: int) -> "Table | None":
        at = self._place(field)
        return None if at is None else Table(self._data, self._follow(at))

    def tables(self, field: int) -> "list[Table]":
        start, length = self._vector(field)
        return [Table(self._data, self._follow(start + 4 * index)) for index in range(length)]

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry >= self._read("<H", self._fields):
            return None
        offset = self._read("<H", self._fields + entry)
        return self._at + offset if offset else None

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._place(field)
        if at is None:
            return 0, 0
        start = self._follow(at)
        return start + 4, self._read("<I", start)

    def _follow(self, at: int) -> int:
        return at + self._read("<I", at)

    def _read(self, kind: str, at: int) -> int:
        return int(struct.unpack_from(kind, self._data, at)[0])


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor of the graph: its shape as in the file, and its numbers where they are constant."""

    name: str
    shape: tuple[int, ...]
    constant: NDArray[np.generic] | None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An operator with the tensors that it reads and the one that it makes."""

    code: int
    options: Table | None
    inputs: tuple[Value, ...]
    output: Value

    def option(self, field: int, kind: str = "<i", default: int = 0) -> int:
        """An option of the operator, by its number in TFLite's schema."""
        return default if self.options is None else self.options.number(field, kind, default)


def read(data: bytes) -> tuple[list[Step], list[Value], list[Value]]:
    """Steps in the order in which they run, inputs and outputs of the file's first graph.

    CatalogueError if it is no TFLite file.
    """
    if data[4:8] != b"TFL3":
        raise CatalogueError("not a TFLite file")
    model = Table.root(data)
    buffers = [buffer.raw(0) for buffer in model.tables(4)]
    # Codes up to 127 stand in the older, 8-bit field; the newer one repeats them or is absent.
    codes = [max(code.number(0, "<b"), code.number(3)) for code in model.tables(1)]
    graph = model.tables(2)[0]
    values = [_value(table, buffers) for table in graph.tables(0)]
    steps = [_step(table, codes, values) for table in graph.tables(3)]
    inputs, outputs = ([values[index] for index in graph.numbers(field)] for field in (1, 2))
    return steps, inputs, outputs


def _value(table: Table, buffers: list[bytes]) -> Value:
    name, shape, content = table.text(3), table.numbers(0), buffers[table.number(2, "<I")]
    if not content:
        return Value(name, shape, None)
    kind = table.number(1, "<b")
    if kind not in NUMPY_TYPES:
        raise CatalogueError(f"tensor {name}: type {kind} is not supported")
    return Value(name, shape, np.frombuffer(content, NUMPY_TYPES[kind]).reshape(shape))


def _step(table: Table, codes: list[int], values: list[Value]) -> Step:
    inputs = tuple(values[index] for index in table.numbers(1))
    (output,) = (values[index] for index in table.numbers(2))
    return Step(codes[table.number(0, "<I")], table.table(4), inputs, output)


Constants = dict[str, NDArray[np.generic]]


class Converter:
    """Translates step by step; knows which tensors are constant."""

    def __init__(self, name: str) -> None:
        self.graph = GraphBuilder(name)
        self._constants: Constants = {}

    def convert(self, step: Step) -> None:
        """Adds the step; CatalogueError for an operator that is not known here."""
        if step.code not in OPERATORS:
            raise CatalogueError(f"TFLite operator {step.code} is not supported")
        OPERATORS[step.code](self, step)

    def constant(self, value: Value) -> NDArray[np.generic]:
        """The numbers of a tensor that depends on no input."""
        found = self._constants.get(value.name, value.constant)
        if found is None:
            raise CatalogueError(f"{value.name}: expected a constant")
        return found

    def dequantize(self, step: Step) -> None:
        """Half to single precision, which is exact, and done now instead of at each run."""
        self._constants[step.output.name] = self.constant(step.inputs[0]).astype(np.float32)

    def convolution(self, step: Step) -> None:
        """[out, height, width, in] becomes [out, in, height, width]."""
        self._convolution(step, self.constant(step.inputs[1]).transpose(0, 3, 1, 2), 1, (4, 5), 3)

    def depthwise(self, step: Step) -> None:
        """[1, height, width, channels] becomes [channels, 1, height, width]."""
        kernel = self.constant(step.inputs[1]).transpose(3, 0, 1, 2)
        channels = step.inputs[0].shape[3]
        self._convolution(step, kernel, channels, (5, 6), 4)

    def _convolution(
        self,
        step: Step,
        kernel: NDArray[np.generic],
        groups: int,
        dilation_fields: tuple[int, int],
        activation_field: int,
    ) -> None:
        _must_be_plain(step, activation_field, dilation_fields)
        image, _, bias = step.inputs
        out, size = step.output.name, (kernel.shape[2], kernel.shape[3])
        weights = [
            self.graph.weight(f"{out}_kernel", np.ascontiguousarray(kernel)),
            self.graph.weight(f"{out}_bias", self.constant(bias)),
        ]
        window = _window(step, size)
        self.graph.add("Conv", [image.name, *weights], out, group=groups, **window)

    def max_pool(self, step: Step) -> None:
        _must_be_plain(step, 5)
        size = (step.option(4), step.option(3))
        self.graph.add("MaxPool", [step.inputs[0].name], step.output.name, **_window(step, size))

    def prelu(self, step: Step) -> None:
        """Slopes [1, 1, channels] become [channels, 1, 1]."""
        image, slopes = step.inputs
        out = step.output.name
        slope = self.graph.weight(f"{out}_slope", self.constant(slopes).transpose(2, 0, 1))
        self.graph.prelu(image.name, slope, out)

    def addition(self, step: Step) -> None:
        _must_be_plain(step, 0)
        one, other = step.inputs
        if one.shape != other.shape:
            raise CatalogueError(f"{step.output.name}: cannot add {one.shape} and {other.shape}")
        self.graph.add("Add", [one.name, other.name], step.output.name)

    def pad(self, step: Step) -> None:
        """Zeros around a picture, or more channels of them."""
        image, amounts = step.inputs
        out = step.output.name
        planes = self.constant(amounts)[[0, 3, 1, 2]].T.ravel().astype(np.int64)
        self.graph.add("Pad", [image.name, self.graph.weight(f"{out}_pads", planes)], out)


def _must_be_plain(step: Step, activation_field: int, dilation_fields: tuple[int, ...] = ()) -> None:
    if step.option(activation_field, "<b"):
        raise CatalogueError(f"{step.output.name}: a fused activation is not supported")
    if any(step.option(field, default=1) != 1 for field in dilation_fields):
        raise CatalogueError(f"{step.output.name}: dilation is not supported")


def _window(step: Step, size: tuple[int, int]) -> dict[str, list[int]]:
    """Kernel, strides and pads (top, left, bottom, right) of a convolution or a pooling.

    With stride 2, SAME pads one row more below than above: not what ONNX calls symmetric padding.
    """
    strides = (step.option(2), step.option(1))
    pads = [(0, 0), (0, 0)]
    if step.option(0, "<b") == SAME:
        sides = step.inputs[0].shape[1:3]
        pads = [_same(side, *rest) for side, *rest in zip(sides, size, strides, strict=True)]
    return {
        "kernel_shape": list(size),
        "strides": list(strides),
        "pads": [before for before, _ in pads] + [after for _, after in pads],
    }


def _same(side: int, kernel: int, stride: int) -> tuple[int, int]:
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return missing // 2, missing - missing // 2


# Numbers of BuiltinOperator in TFLite's schema.
OPERATORS: dict[int, Callable[[Converter, Step], None]] = {
    0: Converter.addition,
    3: Converter.convolution,
    4: Converter.depthwise,
    6: Converter.dequantize,
    17: Converter.max_pool,
    34: Converter.pad,
    54: Converter.prelu,
}


def mesh_to_onnx(data: bytes, name: str) -> bytes:
    """MediaPipe's face landmark network as ONNX.

    In: [N, 3, 192, 192], RGB, 0 to 1. Out: `landmarks` [N, 468, 3], x and y in pixels of the input, z in
    the same unit towards the camera where negative; `face` [N, 1], the logit of a face being there.
    """
    steps, (image,), (points, face) = read(data)
    converter = Converter(name)
    graph = converter.graph
    for step in steps:
        converter.convert(step)
    if points.shape != (1, 1, 1, 1404) or face.shape != (1, 1, 1, 1):
        raise CatalogueError(f"{name}: not the landmark network that is known here")
    shapes = (
        graph.weight("landmarks_shape", np.array([0, 468, 3], np.int64)),
        graph.weight("face_shape", np.array([0, 1], np.int64)),
    )
    graph.add("Reshape", [points.name, shapes[0]], "landmarks")
    graph.add("Reshape", [face.name, shapes[1]], "face")
    _, height, width, channels = image.shape
    return graph.finished(
        (image.name, ["N", channels, height, width]),
        [("landmarks", ["N", 468, 3]), ("face", ["N", 1])],
    )
