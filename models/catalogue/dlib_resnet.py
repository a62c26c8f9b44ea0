"""From dlib's own file to plain fp32 ONNX: the face recognition ResNet-29 (Davis King, 2017), without dlib.

The file holds layers innermost first and no description of how they hang together, so the shape of the
network is written down here and every layer that is read must be the one that belongs there.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue.onnx_graph import GraphBuilder
from models.errors import CatalogueError

Numbers = NDArray[np.float32]
SIDE = 150
"""Pixels along each side of the chip."""

DOWN, SAME = True, False
# Channels of the residual blocks from the first to the last, and whether a block halves the picture.
BLOCKS = (
    *[(32, SAME)] * 3,
    *[(64, DOWN), *[(64, SAME)] * 3],
    *[(128, DOWN), *[(128, SAME)] * 2],
    *[(256, DOWN), *[(256, SAME)] * 2],
    (256, DOWN),
)
FIRST, LAYER, MARK = 3, 2, 1
"""Versions of the layer on the input, of one that computes, and of one that names or repeats an answer."""


class Reader:
    """dlib's portable numbers, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def whole(self) -> int:
        """A byte with the number of bytes that follow (bit 7: negative), then the magnitude."""
        (head,) = self._bytes(1)
        magnitude = int.from_bytes(self._bytes(head & 15), "little")
        return -magnitude if head & 128 else magnitude

    def real(self) -> float:
        """Mantissa and exponent: m·2^e."""
        mantissa, exponent = self.whole(), self.whole()
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError as error:
            raise CatalogueError(f"dlib's file, byte {self._at}: a number is too large") from error

    def flag(self) -> bool:
        return self._bytes(1) == b"1"

    def text(self) -> str:
        return self._bytes(self.whole()).decode("latin-1")

    def tensor(self) -> Numbers:
        """Version 2, four sizes, then the numbers."""
        self.must_be(2, "tensor")
        shape = self._sizes()
        return np.frombuffer(self._bytes(4 * math.prod(shape)), "<f4").reshape(shape)

    def alias(self) -> tuple[int, ...]:
        """Version 1 and the shape of a view on the layer's parameters."""
        self.must_be(1, "alias")
        return self._sizes()

    def must_be(self, version: int, what: str) -> None:
        """CatalogueError unless this version comes next."""
        if (found := self.whole()) != version:
            raise CatalogueError(f"dlib's file, byte {self._at}: {what} has version {found}, not {version}")

    def must_say(self, name: str) -> None:
        """CatalogueError unless this layer comes next."""
        if (found := self.text()) != name:
            raise CatalogueError(f"dlib's file, byte {self._at}: expected {name}, found {found!r}")

    def _sizes(self) -> tuple[int, ...]:
        sizes = tuple(self.whole() for _ in range(4))
        if min(sizes) < 0:
            raise CatalogueError(f"dlib's file, byte {self._at}: a tensor of sizes {sizes}")
        return sizes

    def _bytes(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise CatalogueError(f"dlib's file ends too early, at byte {self._at}")
        self._at += count
        return self._data[self._at - count : self._at]


@dataclass(frozen=True, slots=True)
class Window:
    """Size, stride and padding of a convolution or a pooling; rows first."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def over(self, sides: tuple[int, int]) -> tuple[int, int]:
        rows, columns = (
            (side + 2 * padding - size) // stride + 1
            for side, size, stride, padding in zip(sides, self.size, self.stride, self.padding, strict=True)
        )
        return rows, columns

    def attributes(self) -> dict[str, list[int]]:
        return {
            "kernel_shape": list(self.size),
            "strides": list(self.stride),
            "pads": [*self.padding, *self.padding],
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """A value of the graph with its channels and sides, which dlib's sums and pads depend on."""

    name: str
    channels: int
    sides: tuple[int, int]


class Converter:
    """Reads layer after layer and adds each to the graph."""

    def __init__(self, reader: Reader, name: str) -> None:
        self._read = reader
        self._count = 0
        self.graph = GraphBuilder(name)

    def convolution(self, x: Picture) -> Picture:
        """`con_4`: filters, then biases, in one row of parameters."""
        self._read.must_say("con_4")
        parameters = self._read.tensor().ravel()
        filters, size = self._read.whole(), (self._read.whole(), self._read.whole())
        window = self._strided(size)
        shape, bias_shape = self._read.alias(), self._read.alias()
        self._skip_multipliers()
        kernel, bias = np.split(parameters, [math.prod(shape)])
        if shape != (filters, x.channels, *size) or bias.size != filters or math.prod(bias_shape) != filters:
            raise CatalogueError(f"dlib's file: a convolution of shape {shape} does not follow {x}")
        out = self._next("conv")
        weights = [
            self.graph.weight(f"{out}_kernel", kernel.reshape(shape)),
            self.graph.weight(f"{out}_bias", bias),
        ]
        self.graph.add("Conv", [x.name, *weights], out, **window.attributes())
        return self._done(Picture(out, filters, window.over(x.sides)))

    def affine(self, x: Picture) -> Picture:
        """`affine_`: what batch normalisation became after training, a factor and a sum for each channel."""
        self._read.must_say("affine_")
        parameters = self._read.tensor().ravel()
        shapes = self._read.alias(), self._read.alias()
        self._read.must_be(0, "affine mode")
        if shapes != ((1, x.channels, 1, 1), (1, x.channels, 1, 1)) or parameters.size != 2 * x.channels:
            raise CatalogueError(f"dlib's file: an affine layer of shape {shapes} does not follow {x}")
        out = self._next("affine")
        factor, summand = (half.reshape(x.channels, 1, 1) for half in np.split(parameters, 2))
        scaled = self.graph.add("Mul", [x.name, self.graph.weight(f"{out}_factor", factor)], f"{out}_scaled")
        self.graph.add("Add", [scaled, self.graph.weight(f"{out}_summand", summand)], out)
        return self._done(Picture(out, x.channels, x.sides))

    def relu(self, x: Picture) -> Picture:
        self._read.must_say("relu_")
        out = self.graph.add("Relu", [x.name], self._next("relu"))
        return self._done(Picture(out, x.channels, x.sides))

    def pooling(self, x: Picture, kind: str, operator: str) -> Picture:
        """`max_pool_2` or `avg_pool_2`; a window without size takes the whole picture."""
        self._read.must_say(kind)
        size = self._read.whole(), self._read.whole()
        window = self._strided(size)
        out = self._next("pool")
        if size == (0, 0):
            self.graph.add(f"Global{operator}", [x.name], out)
            return self._done(Picture(out, x.channels, (1, 1)))
        self.graph.add(operator, [x.name], out, **window.attributes())
        return self._done(Picture(out, x.channels, window.over(x.sides)))

    def addition(self, x: Picture, earlier: Picture) -> Picture:
        """`add_prev_`: each is padded with zeros, at the end of every axis, up to the larger."""
        self._read.must_say("add_prev_")
        channels = max(x.channels, earlier.channels)
        sides = max(x.sides[0], earlier.sides[0]), max(x.sides[1], earlier.sides[1])
        out = self._next("add")
        padded = [self._padded(term, channels, sides, f"{out}_{n}") for n, term in enumerate((x, earlier))]
        self.graph.add("Add", padded, out)
        return self._done(Picture(out, channels, sides))

    def fully_connected(self, x: Picture, outputs: int) -> str:
        """`fc_2` without biases: weights are [in, out]."""
        self._read.must_say("fc_2")
        sizes = self._read.whole(), self._read.whole()
        parameters = self._read.tensor().ravel()
        self._read.alias(), self._read.alias()
        without_bias = self._read.whole()
        self._skip_multipliers()
        if sizes != (outputs, x.channels) or parameters.size != math.prod(sizes) or without_bias != 1:
            raise CatalogueError(f"dlib's file: a fully connected layer of {sizes} does not follow {x}")
        flat = self.graph.add("Flatten", [x.name], "features", axis=1)
        weights = self.graph.weight("embedding_weights", parameters.reshape(x.channels, outputs))
        self._done(x)
        return self.graph.add("MatMul", [flat, weights], "embedding")

    def _padded(self, x: Picture, channels: int, sides: tuple[int, int], name: str) -> str:
        missing = [channels - x.channels, sides[0] - x.sides[0], sides[1] - x.sides[1]]
        if not any(missing):
            return x.name
        pads = self.graph.weight(f"{name}_pads", np.array([0, 0, 0, 0, 0, *missing], np.int64))
        return self.graph.add("Pad", [x.name, pads], f"{name}_padded")

    def _strided(self, size: tuple[int, int]) -> Window:
        stride, padding = ((self._read.whole(), self._read.whole()) for _ in range(2))
        return Window(size, stride, padding)

    def _skip_multipliers(self) -> None:
        """Learning rates and weight decays of filters and biases."""
        for _ in range(4):
            self._read.real()

    def _done(self, x: Picture) -> Picture:
        """Past what training left behind each layer: three flags, two gradients and a cached answer."""
        for _ in range(3):
            self._read.flag()
        for _ in range(3):
            self._read.tensor()
        return x

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"


def resnet_to_onnx(data: bytes, name: str) -> bytes:
    """The network as ONNX.

    In: `chip` [N, 3, 150, 150], RGB, (pixel - mean of its channel) / 256. Out: `embedding` [N, 128], to be
    compared by Euclidean distance. CatalogueError unless every byte of the file was understood.
    """
    reader = Reader(data)
    _read_head(reader)
    layers = Converter(reader, name)
    x = layers.convolution(Picture("chip", 3, (SIDE, SIDE)))
    reader.must_be(1, "first layer's number of pictures for each input")
    x = layers.relu(layers.affine(x))
    x = layers.pooling(x, "max_pool_2", "MaxPool")
    for channels, halved in BLOCKS:
        x = _residual(layers, x, channels, halved=halved)
    outputs = 128
    layers.fully_connected(layers.pooling(x, "avg_pool_2", "AveragePool"), outputs)
    if not reader.at_end:
        raise CatalogueError("dlib's file goes on after the last layer")
    return layers.graph.finished(("chip", ["N", 3, SIDE, SIDE]), [("embedding", ["N", outputs])])


def _residual(layers: Converter, x: Picture, channels: int, *, halved: bool) -> Picture:
    """Two convolutions, added to what they were made from; halved, that is averaged down first."""
    once = layers.relu(layers.affine(layers.convolution(x)))
    twice = layers.affine(layers.convolution(once))
    if twice.channels != channels:
        raise CatalogueError(f"dlib's file: expected {channels} channels, found {twice}")
    if halved:
        return layers.relu(layers.addition(layers.pooling(x, "avg_pool_2", "AveragePool"), twice))
    return layers.relu(layers.addition(twice, x))


def _read_head(reader: Reader) -> None:
    """The loss that it was trained with, every layer's version from the last to the first, and the input."""
    reader.must_be(1, "loss layer")
    reader.must_say("loss_metric_2")
    reader.real(), reader.real()
    for version in reversed(list(_versions())):
        reader.must_be(version, "layer")
    reader.must_say("input_rgb_image_sized")
    for _ in range(3):
        reader.real()
    for _ in range(2):
        reader.must_be(SIDE, "side of the input")


def _versions() -> Iterator[int]:
    """Of every layer, from the first to the last; blocks mark what they go back to."""
    yield from [FIRST, *[LAYER] * 3]
    for _, halved in BLOCKS:
        yield MARK
        yield from [LAYER] * 5
        if halved:
            yield from [MARK, MARK, LAYER]
        yield from [LAYER] * 2
    yield from [LAYER] * 2
