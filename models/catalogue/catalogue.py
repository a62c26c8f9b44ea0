"""Which networks exist, by default and beside: what ships in `catalogue.toml`, and what an operator adds.

Reads and checks entries; touches no weights and imports no numeric library.
"""

import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

from models.catalogue.fetch import Archive
from models.catalogue.spec import (
    ArchiveSource,
    Colour,
    FileSource,
    Format,
    InputSpec,
    LayoutSpec,
    NetworkSpec,
    PackageSource,
    Role,
    Source,
    Use,
)
from models.errors import CatalogueError
from models.values.identity import Metric

OPERATORS_CATALOGUE = "PASSENGER_LANE_CATALOGUE"
"""Environment variable: a file with further matchers, which an operator has licensed."""
Named = TypeVar("Named", "LayoutSpec", "NetworkSpec")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All networks; one of a role is its default."""

    networks: tuple[NetworkSpec, ...]

    def default(self, role: Role) -> NetworkSpec | None:
        """The network of this role that is used unless another is asked for, if there is one."""
        found = (spec for spec in self.networks if spec.role == role and spec.use == "default")
        return next(found, None)

    def for_role(self, role: Role) -> NetworkSpec:
        """The default network of this role; CatalogueError if there is none."""
        if (spec := self.default(role)) is None:
            raise CatalogueError(f"the catalogue has no default network for the role {role}")
        return spec

    def named(self, name: str) -> NetworkSpec:
        """The network of this name; CatalogueError that lists the names."""
        for spec in self.networks:
            if spec.name == name:
                return spec
        raise CatalogueError(f"no network is named {name!r}, only {', '.join(s.name for s in self.networks)}")


def load() -> Catalogue:
    """The shipped catalogue and what an operator adds to it; CatalogueError if either is wrong."""
    shipped = resources.files("models.catalogue").joinpath("catalogue.toml").read_text(encoding="utf-8")
    if not (chosen := os.environ.get(OPERATORS_CATALOGUE)):
        return parse(shipped)
    path = Path(chosen).expanduser().absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{OPERATORS_CATALOGUE}: {path} cannot be read: {error}") from error
    return parse(shipped, Addition(text, path))


@dataclass(frozen=True, slots=True)
class Addition:
    """An operator's own catalogue and where it lies; its files' paths start there."""

    text: str
    path: Path


def parse(shipped: str, addition: Addition | None = None) -> Catalogue:
    """A catalogue and perhaps an addition to it; CatalogueError if either is wrong, or both together are."""
    layouts, networks = _read(shipped, "catalogue.toml", {}, _shipped_source)
    if unfinished := [spec.name for spec in networks if not spec.finished]:
        raise CatalogueError(f"catalogue.toml: without sha256 or golden: {', '.join(unfinished)}")
    if addition is not None:
        layouts, added = _read(
            addition.text, str(addition.path), layouts, _operators_source(addition.path.parent)
        )
        networks = _joined(networks, added, str(addition.path))
    for role, least in (("detector", 1), ("matcher", 1), ("landmarks", 0)):
        found = [spec.name for spec in networks if spec.role == role and spec.use == "default"]
        if not least <= len(found) <= 1:
            raise CatalogueError(f"catalogue.toml: expected one default {role}, found {found}")
    return Catalogue(networks)


Sources = Callable[[dict[str, Any]], Source]


def _read(
    text: str, where: str, layouts: Mapping[str, LayoutSpec], sources: Sources
) -> tuple[Mapping[str, LayoutSpec], tuple[NetworkSpec, ...]]:
    """The layouts known so far with this file's, and this file's networks."""
    try:
        content = tomllib.loads(text)
        if unknown := content.keys() - {"layout", "network"}:
            raise ValueError(f"unknown: {sorted(unknown)}")
        known = _by_name([*layouts.values(), *map(_layout, content.get("layout", []))])
        networks = tuple(_network(entry, known, sources) for entry in content["network"])
        _by_name(networks)
    except (
        tomllib.TOMLDecodeError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise CatalogueError(f"{where}: {type(error).__name__}: {error}") from error
    return known, networks


def _joined(
    shipped: Sequence[NetworkSpec], added: Sequence[NetworkSpec], where: str
) -> tuple[NetworkSpec, ...]:
    """All networks; an operator's default takes the place of the shipped one, which stays at hand."""
    if strange := [spec.name for spec in added if spec.role != "matcher"]:
        raise CatalogueError(f"{where}: only matchers can be added, not {', '.join(strange)}")
    replaced = {spec.role for spec in added if spec.use == "default"}
    kept = [
        replace(spec, use="optional") if spec.use == "default" and spec.role in replaced else spec
        for spec in shipped
    ]
    try:
        return tuple(_by_name([*kept, *added]).values())
    except ValueError as error:
        raise CatalogueError(f"{where}: {error}") from error


def _by_name(entries: Iterable[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for entry in entries:
        if entry.name in found:
            raise ValueError(f"two entries are named {entry.name!r}")
        found[entry.name] = entry
    return found


def _layout(entry: dict[str, Any]) -> LayoutSpec:
    _must_be_texts(entry, "name", "origin")
    landmarks = tuple((_finite(x), _finite(y)) for x, y in entry["landmarks"])
    layout = LayoutSpec(**{**entry, "name": _name(entry["name"]), "landmarks": landmarks})
    if type(layout.size) is not int or not 16 <= layout.size <= 1024:
        raise ValueError(f"{layout.name}: size must be 16 to 1024, is {layout.size!r}")
    inside = all(0 <= value < layout.size for point in landmarks for value in point)  # NaN compares false
    if len(set(landmarks)) != 5 or not inside:
        raise ValueError(f"{layout.name}: expected five different landmarks inside the crop")
    return layout


def _network(entry: dict[str, Any], layouts: Mapping[str, LayoutSpec], sources: Sources) -> NetworkSpec:
    _must_be_texts(entry, "name", "licence", "permitted_use", "origin")
    given = {
        **entry,
        "name": _name(entry["name"]),
        "role": _one_of(Role, entry["role"]),
        "use": _one_of(Use, entry["use"]),
        "format": _one_of(Format, entry["format"]),
        "source": sources(entry["source"]),
        "input": _input(entry["input"]),
        "sha256": _sha256(entry["sha256"]) if entry.get("sha256") else "",
        "golden": tuple(map(_finite, entry.get("golden", ()))),
    }
    if entry["role"] != "matcher":
        if strange := entry.keys() & {"layout", "metric", "dimension", "normalise"}:
            raise ValueError(f"{entry['name']}: only a matcher has {sorted(strange)}")
        return NetworkSpec(**given)
    return _matcher(given, layouts)


def _matcher(given: dict[str, Any], layouts: Mapping[str, LayoutSpec]) -> NetworkSpec:
    """A matcher says everything about its input and its answer; nothing has a default."""
    name = given["name"]
    if given["layout"] not in layouts:
        raise ValueError(f"{name}: no layout is named {given['layout']!r}, only {', '.join(layouts)}")
    given |= {"layout": layouts[given["layout"]], "metric": _one_of(Metric, given["metric"])}
    spec = NetworkSpec(**given)
    size = layouts[spec.layout.name].size if spec.layout else 0
    if type(given["normalise"]) is not bool or (spec.metric == "cosine" and not spec.normalise):
        raise ValueError(f"{name}: normalise must be true or false, and true where the metric is cosine")
    if type(given["dimension"]) is not int or not 1 < spec.dimension <= 8192:
        raise ValueError(f"{name}: dimension must be 2 to 8192, is {spec.dimension!r}")
    if spec.golden and len(spec.golden) != spec.dimension:
        raise ValueError(f"{name}: golden has {len(spec.golden)} numbers, dimension is {spec.dimension}")
    if spec.golden and not any(spec.golden):
        raise ValueError(f"{name}: golden is zero, which is no answer to a face")
    if spec.input.shapes != ((size, size),):
        raise ValueError(f"{name}: shapes must be the layout's: [[{size}, {size}]]")
    return spec


def _shipped_source(entry: dict[str, Any]) -> Source:
    if "archive" not in entry:
        _must_be_texts(entry, "package", "version", "path")
        return PackageSource(**{**entry, "sha256": _sha256(entry["sha256"])})
    pinned = entry["archive"]
    _must_be_texts(entry, "path")
    _must_be_texts(pinned, *pinned)
    return ArchiveSource(
        **{
            **entry,
            "archive": Archive(**{**pinned, "sha256": _sha256(pinned["sha256"])}),
            "sha256": _sha256(entry["sha256"]),
        }
    )


def _operators_source(folder: Path) -> Sources:
    def source(entry: dict[str, Any]) -> Source:
        _must_be_texts(entry, "path")
        path = str(folder / Path(entry["path"]).expanduser())
        return FileSource(**{**entry, "path": path, "sha256": _sha256(entry["sha256"])})

    return source


def _input(entry: dict[str, Any]) -> InputSpec:
    mean = entry["mean"] if isinstance(entry["mean"], list) else [entry["mean"]] * 3
    red, green, blue = map(_finite, mean)
    shapes = tuple((width, height) for width, height in entry["shapes"])
    if not shapes or not all(type(side) is int and 0 < side <= 4096 for shape in shapes for side in shape):
        raise ValueError("shapes must name at least one width and height, each 1 to 4096")
    if not set(entry["free_axes"]) <= {0, 2, 3}:
        raise ValueError(f"free_axes are of 0, 2 and 3, not {entry['free_axes']!r}")
    if not (scale := _finite(entry["scale"])):
        raise ValueError("scale must not be 0: every picture would be the same")
    given = {
        "colour": _one_of(Colour, entry["colour"]),
        "mean": (red, green, blue),
        "scale": scale,
        "free_axes": tuple(entry["free_axes"]),
        "shapes": shapes,
    }
    return InputSpec(**{**entry, **given})


def _one_of(kind: Any, value: object) -> Any:  # Literal has no type of its own
    if value not in get_args(kind):
        raise ValueError(f"expected one of {', '.join(get_args(kind))}, found {value!r}")
    return value


def _must_be_texts(entry: Mapping[str, object], *keys: str) -> None:
    for key in keys:
        if not isinstance(entry[key], str) or not entry[key]:
            raise ValueError(f"{key} must be a text, is {entry[key]!r}")


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"not a finite number: {value!r}")
    return float(value)


def _name(text: str) -> str:
    """A name becomes part of a file's name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", text):
        raise ValueError(f"a name is lower-case letters, digits, dots and hyphens, not {text!r}")
    return text


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"not a SHA-256: {text!r}")
    return text
