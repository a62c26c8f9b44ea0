"""From an installed package to a checked fp32 ONNX file, once; never downloads, never trusts a file unread.

Imports no numeric library itself: when everything is ready, preparing again costs a hash of each file.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from models.catalogue import Catalogue, NetworkSpec
from models.errors import WeightsChangedError, WeightsMissingError

PREPARE = "run `python -m models prepare`"
PREPARE_AGAIN = "If you know why, `python -m models prepare --again` makes it anew from the package"


def cache_dir() -> Path:
    """Where prepared files live, outside the repository: PASSENGER_LANE_CACHE, else the XDG cache."""
    if chosen := os.environ.get("PASSENGER_LANE_CACHE"):
        return Path(chosen).expanduser()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return base / "passenger-lane"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready, and whether this call made it."""

    spec: NetworkSpec
    path: Path
    made_now: bool


def prepared_path(spec: NetworkSpec, cache: Path) -> Path:
    """Where this network's prepared file is, or would be."""
    return cache / "networks" / spec.file


def prepare(
    catalogue: Catalogue,
    cache: Path,
    *,
    again: bool = False,
    starting: Callable[[NetworkSpec], None] = lambda _: None,
) -> tuple[Prepared, ...]:
    """Make every prepared file that is missing; a file that is there is checked, never silently replaced."""
    return tuple(_prepare_one(spec, cache, starting, again=again) for spec in catalogue.networks)


def load(spec: NetworkSpec, cache: Path) -> bytes:
    """The prepared file's bytes, hashed as read, so that what was checked is what runs."""
    return read_checked(prepared_path(spec, cache), spec.sha256, PREPARE, PREPARE_AGAIN)


def state(spec: NetworkSpec, cache: Path) -> Literal["ready", "missing", "changed"]:
    """Whether this network could be loaded now."""
    try:
        load(spec, cache)
    except WeightsMissingError:
        return "missing"
    except WeightsChangedError:
        return "changed"
    return "ready"


def read_checked(path: Path, sha256: str, if_missing: str, if_changed: str = "") -> bytes:
    """All bytes of a file with this SHA-256; WeightsMissingError or WeightsChangedError otherwise."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissingError(path, if_missing) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsChangedError(path, sha256, found, if_changed)
    return data


def source_path(spec: NetworkSpec) -> Path:
    """The published file inside its package, which is found but not imported."""
    package = find_spec(spec.source.package)
    wanted = f"{spec.source.package}=={spec.source.version}"
    if package is None or package.origin is None:
        raise WeightsMissingError(Path(spec.source.path), f"install {wanted}")
    return Path(package.origin).parent / spec.source.path


def _prepare_one(
    spec: NetworkSpec, cache: Path, starting: Callable[[NetworkSpec], None], *, again: bool
) -> Prepared:
    path = prepared_path(spec, cache)
    if path.exists() and not again:
        load(spec, cache)
        return Prepared(spec, path, made_now=False)
    starting(spec)
    result = _rewritten(spec)
    found = hashlib.sha256(result).hexdigest()
    if found != spec.sha256:
        raise WeightsChangedError(
            path, spec.sha256, found, "Nothing was written; is onnx the locked version?"
        )
    write_atomically(path, result)
    return Prepared(spec, path, made_now=True)


def _rewritten(spec: NetworkSpec) -> bytes:
    wanted = f"install {spec.source.package}=={spec.source.version}"
    source = read_checked(source_path(spec), spec.source.sha256, wanted, f"Reinstall: {wanted}")
    from models.rewrite import to_plain_fp32  # noqa: PLC0415  # onnx takes longer to import than to check files

    return to_plain_fp32(source, spec.name, spec.input.free_axes)


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file under its name or no file, also when the power fails or somebody presses Ctrl-C."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """A rename is durable once its directory is on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class WatchedFile:
    """A prepared file that is in use: cheap to check often, hashed again only when its stat changes."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path = path
        self._sha256 = sha256
        self._seen: tuple[int, ...] | None = None

    def check(self) -> None:
        """WeightsMissingError or WeightsChangedError if the file is no longer the one it was."""
        signature = self._signature()
        if signature != self._seen:
            read_checked(self._path, self._sha256, PREPARE, PREPARE_AGAIN)
            self._seen = signature

    def _signature(self) -> tuple[int, ...]:
        try:
            stat = self._path.stat()
        except FileNotFoundError as error:
            raise WeightsMissingError(self._path, PREPARE) from error
        # ctime cannot be set back by whoever rewrites the file and restores its mtime.
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
