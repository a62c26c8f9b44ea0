"""Which networks exist: where they come from, what they may be used for, what they want to be fed.

Reads `catalogue.toml`, touches no weights and imports no numeric library.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from models.errors import CatalogueError

Role = Literal["detector", "matcher"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside an installed package, as its authors published it."""

    package: str
    version: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network wants to be fed: float32 NCHW, value = (pixel - mean) * scale."""

    colour: Literal["bgr", "rgb"]
    mean: float
    scale: float
    free_axes: tuple[int, ...]
    """Axes of NCHW that may vary: 0 batch, 2 height, 3 width."""
    shapes: tuple[tuple[int, int], ...]
    """The closed list of (width, height) that the network is warmed up with and accepts."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network: its published file, its prepared file, and how both are known."""

    role: Role
    name: str
    licence: str
    permitted_use: str
    origin: str
    sha256: str
    """Of the prepared file."""
    source: Source
    input: InputSpec
    layout: str
    """The alignment that the input must have; empty where there is none."""
    metric: str
    """How two outputs are compared; empty where they are not."""
    golden: tuple[float, ...]
    """The known answer to a drawn face (`models.golden`)."""

    @property
    def file(self) -> str:
        """The prepared file's name. It carries the hash: an update never meets an old file."""
        return f"{self.name}-{self.sha256[:12]}.onnx"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All networks, one for each role."""

    networks: tuple[NetworkSpec, ...]

    def for_role(self, role: Role) -> NetworkSpec:
        """The one network of this role."""
        return next(spec for spec in self.networks if spec.role == role)


def load(text: str | None = None) -> Catalogue:
    """The catalogue that ships with this package, or the one in `text`; CatalogueError if it is wrong."""
    if text is None:
        text = resources.files("models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    try:
        networks = tuple(_network(entry) for entry in tomllib.loads(text)["network"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CatalogueError(f"catalogue.toml: {type(error).__name__}: {error}") from error
    roles = [spec.role for spec in networks]
    if sorted(roles) != ["detector", "matcher"]:
        raise CatalogueError(f"catalogue.toml: expected one detector and one matcher, found {roles}")
    return Catalogue(networks)


def _network(entry: dict[str, Any]) -> NetworkSpec:
    sections = {
        "source": _source(entry["source"]),
        "input": _input(entry["input"]),
        "golden": tuple(map(float, entry["golden"])),
    }
    return NetworkSpec(**{**entry, **sections, "sha256": _sha256(entry["sha256"])})


def _source(entry: dict[str, Any]) -> Source:
    return Source(**{**entry, "sha256": _sha256(entry["sha256"])})


def _input(entry: dict[str, Any]) -> InputSpec:
    shapes = tuple((int(width), int(height)) for width, height in entry["shapes"])
    if entry["colour"] not in ("bgr", "rgb"):
        raise ValueError(f"colour must be bgr or rgb, is {entry['colour']!r}")
    return InputSpec(**{**entry, "free_axes": tuple(entry["free_axes"]), "shapes": shapes})


def _sha256(text: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"not a SHA-256: {text!r}")
    return text
