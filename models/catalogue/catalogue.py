"""Which networks exist, by default and beside: what ships in `catalogue.toml`, and what an operator adds.

Reads and checks entries; touches no weights and imports no numeric library.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import TypeAdapter, ValidationError

from models.catalogue.spec import STRICT, FileSource, LayoutSpec, NetworkSpec, Role
from models.errors import CatalogueError

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
    return parse(shipped, (text, path))


def parse(shipped: str, addition: tuple[str, Path] | None = None) -> Catalogue:
    """A catalogue and perhaps an operator's, and where that lies: its files' paths start there.

    CatalogueError if either is wrong, or both together are.
    """
    layouts, networks = _read(shipped, "catalogue.toml", {}, None)
    if unfinished := [spec.name for spec in networks if not spec.finished]:
        raise CatalogueError(f"catalogue.toml: without sha256 or golden: {', '.join(unfinished)}")
    if addition is not None:
        text, path = addition
        layouts, added = _read(text, str(path), layouts, path.parent)
        networks = _joined(networks, added, str(path))
    for role, least in (("detector", 1), ("matcher", 1), ("landmarks", 0)):
        found = [spec.name for spec in networks if spec.role == role and spec.use == "default"]
        if not least <= len(found) <= 1:
            raise CatalogueError(f"catalogue.toml: expected one default {role}, found {found}")
    return Catalogue(networks)


@dataclass(frozen=True, slots=True)
class _File:
    """A catalogue as it is written: a matcher names its layout."""

    __pydantic_config__: ClassVar = STRICT

    network: list[dict[str, Any]]
    layout: list[LayoutSpec] = field(default_factory=list)


_FILES, _NETWORKS = TypeAdapter(_File), TypeAdapter(NetworkSpec)
_OF_MATCHERS = {"layout", "metric", "dimension", "normalise"}


def _read(
    text: str, where: str, layouts: Mapping[str, LayoutSpec], folder: Path | None
) -> tuple[Mapping[str, LayoutSpec], tuple[NetworkSpec, ...]]:
    """The layouts known so far with this file's, and this file's networks; their files lie in `folder`."""
    try:
        file = _FILES.validate_json(json.dumps(tomllib.loads(text)))
        known = _by_name([*layouts.values(), *map(_checked_layout, file.layout)])
        networks = tuple(_network(entry, known, folder) for entry in file.network)
        _by_name(networks)
    except (TypeError, ValueError, RecursionError) as error:  # TypeError: a date, a list for a name
        raise CatalogueError(f"{where}: {_why(error)}") from error
    return known, networks


def _why(error: Exception) -> str:
    """In one line; a type's error names the place."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


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


def _checked_layout(layout: LayoutSpec) -> LayoutSpec:
    inside = all(0 <= value < layout.size for point in layout.landmarks for value in point)
    if len(set(layout.landmarks)) != 5 or not inside:
        raise ValueError(f"{layout.name}: expected five different landmarks inside the crop")
    return layout


def _network(entry: dict[str, Any], layouts: Mapping[str, LayoutSpec], folder: Path | None) -> NetworkSpec:
    """A matcher says everything about its input and its answer; nothing has a default."""
    name, given = entry.get("name"), entry.keys() & _OF_MATCHERS
    if entry.get("role") != "matcher" and given:
        raise ValueError(f"{name}: only a matcher has {sorted(given)}")
    if entry.get("role") == "matcher":
        if missing := _OF_MATCHERS - given:
            raise ValueError(f"{name}: a matcher needs {sorted(missing)}")
        if (layout := layouts.get(entry["layout"])) is None:
            raise ValueError(f"{name}: no layout is named {entry['layout']!r}, only {', '.join(layouts)}")
        entry = {**entry, "layout": asdict(layout)}
    try:
        spec = _NETWORKS.validate_json(json.dumps(entry))
    except ValidationError as error:
        raise ValueError(f"{name}: {_why(error)}") from error
    if not spec.input.scale:
        raise ValueError(f"{name}: scale must not be 0: every picture would be the same")
    if isinstance(spec.source, FileSource) != (folder is not None):
        raise ValueError(f"{name}: a shipped network is in a package, an operator's in a file")
    if isinstance(spec.source, FileSource) and folder is not None:
        path = str(folder / Path(spec.source.path).expanduser())
        spec = replace(spec, source=replace(spec.source, path=path))
    return _checked_matcher(spec) if spec.layout else spec


def _checked_matcher(spec: NetworkSpec) -> NetworkSpec:
    size = spec.layout.size if spec.layout else 0
    if spec.metric == "cosine" and not spec.normalise:
        raise ValueError(f"{spec.name}: normalise must be true where the metric is cosine")
    if spec.dimension < 2:
        raise ValueError(f"{spec.name}: dimension must be 2 to 8192, is {spec.dimension}")
    if spec.golden and len(spec.golden) != spec.dimension:
        raise ValueError(f"{spec.name}: golden has {len(spec.golden)} numbers, dimension is {spec.dimension}")
    if spec.golden and not any(spec.golden):
        raise ValueError(f"{spec.name}: golden is zero, which is no answer to a face")
    if spec.input.shapes != ((size, size),):
        raise ValueError(f"{spec.name}: shapes must be the layout's: [[{size}, {size}]]")
    return spec
