"""From a published file to a checked fp32 ONNX file, once; never trusts a file unread.

Only `prepare` may download, and only what the catalogue pins. Imports no numeric library itself: when
everything is ready, preparing again costs a hash of each file.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from models.catalogue import fetch
from models.catalogue.spec import ArchiveSource, FileSource, NetworkSpec, PackageSource
from models.errors import (
    CatalogueError,
    ModelError,
    WeightsChangedError,
    WeightsMissingError,
    WeightsUnreadableError,
)

PREPARE = "run `python -m models prepare {name}`"
PREPARE_AGAIN = "If you know why, `python -m models prepare --again {name}` makes it anew from its source"
ADOPT = "`python -m models adopt {name}` prints what is missing"
State = Literal["ready", "missing", "unreadable", "changed", "unfinished"]


def cache_dir() -> Path:
    """Where prepared files live, outside the repository: PASSENGER_LANE_CACHE, else the XDG cache."""
    if chosen := os.environ.get("PASSENGER_LANE_CACHE"):
        return Path(chosen).expanduser()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".cache"
    return base / "passenger-lane"


@dataclass(frozen=True, slots=True)
class Prepared:
    path: Path
    made_now: bool


def prepared_path(spec: NetworkSpec, cache: Path) -> Path:
    return cache / "networks" / spec.file


def prepare(
    spec: NetworkSpec,
    cache: Path,
    folder: Path | None = None,
    *,
    again: bool = False,
    starting: Callable[[], None] = lambda: None,
) -> Prepared:
    """Make the prepared file if it is missing; a file that is there is checked, never silently replaced.

    With `folder`, packages and files are taken from there, and nothing is downloaded.
    """
    _must_be_finished(spec)
    path = prepared_path(spec, cache)
    if path.exists() and not again:
        load(spec, cache)
        return Prepared(path, made_now=False)
    starting()
    result = convert(spec, source(spec, cache, folder))
    found = hashlib.sha256(result).hexdigest()
    if found != spec.sha256:
        raise WeightsChangedError(
            path, spec.sha256, found, "Nothing was written; is onnx the locked version?"
        )
    write_atomically(path, result)
    return Prepared(path, made_now=True)


def load(spec: NetworkSpec, cache: Path) -> bytes:
    """The prepared file's bytes, hashed as read, so that what was checked is what runs."""
    _must_be_finished(spec)
    remedies = (text.format(name=spec.name) for text in (PREPARE, PREPARE_AGAIN))
    return read_checked(prepared_path(spec, cache), spec.sha256, *remedies)


def state(spec: NetworkSpec, cache: Path) -> State:
    if not spec.finished:
        return "unfinished"
    try:
        load(spec, cache)
    except WeightsMissingError:
        return "missing"
    except WeightsUnreadableError:
        return "unreadable"
    except WeightsChangedError:
        return "changed"
    return "ready"


def read_checked(path: Path, sha256: str, if_missing: str, if_changed: str = "") -> bytes:
    """A file's bytes. WeightsMissingError, WeightsUnreadableError, or WeightsChangedError by its hash."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissingError(path, if_missing) from error
    except OSError as error:
        raise WeightsUnreadableError(path, error.strerror or str(error)) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsChangedError(path, sha256, found, if_changed)
    return data


def source(spec: NetworkSpec, cache: Path, folder: Path | None = None) -> bytes:
    """The published file's bytes, checked. Raises FetchError, and as `read_checked`."""
    wanted = spec.source
    if folder is not None and (lying := folder / Path(wanted.path).name).exists():
        return read_checked(lying, wanted.sha256, "")
    if isinstance(wanted, FileSource):
        return read_checked(Path(wanted.path), wanted.sha256, f"{spec.name} names it in your catalogue")
    if isinstance(wanted, PackageSource):
        install = f"install {wanted.origin}"
        return read_checked(package_path(wanted), wanted.sha256, install, f"Reinstall: {install}")
    return _fetched(wanted, cache, folder)


def to_fetch(spec: NetworkSpec, cache: Path, folder: Path | None = None) -> int:
    wanted = spec.source
    if not isinstance(wanted, ArchiveSource) or folder is not None:
        return 0
    return 0 if _kept_path(wanted, cache).exists() else wanted.megabytes


def package_path(wanted: PackageSource) -> Path:
    """The published file inside its package, which is found but not imported."""
    package = find_spec(wanted.package)
    if package is None or package.origin is None:
        raise WeightsMissingError(Path(wanted.path), f"install {wanted.origin}")
    return Path(package.origin).parent / wanted.path


def _fetched(wanted: ArchiveSource, cache: Path, folder: Path | None) -> bytes:
    """Out of the archive, and kept beside the prepared files, since archives are large."""
    path = _kept_path(wanted, cache)
    if not path.exists():
        found = fetch.take(wanted.archive, {wanted.path: wanted.sha256}, cache, folder)
        write_atomically(path, found[wanted.path])
    return read_checked(path, wanted.sha256, "", "Remove it to have it fetched again")


def _kept_path(wanted: ArchiveSource, cache: Path) -> Path:
    return cache / "sources" / f"{wanted.sha256[:12]}-{Path(wanted.path).name}"


def _must_be_finished(spec: NetworkSpec) -> None:
    if not spec.finished:
        raise CatalogueError(f"{spec.name} has no sha256 or golden: {ADOPT.format(name=spec.name)}")


def convert(spec: NetworkSpec, published: bytes) -> bytes:
    """As ONNX that runs, the same bytes on every machine; CatalogueError for a file of another format."""
    # Imported here: onnx takes longer to import than files take to check.
    from models.catalogue.dlib_resnet import resnet_to_onnx  # noqa: PLC0415
    from models.catalogue.published_onnx import to_plain_fp32, without_prelu  # noqa: PLC0415
    from models.catalogue.tflite_mesh import mesh_to_onnx  # noqa: PLC0415

    try:
        match spec.format:
            case "quantised-onnx":
                return to_plain_fp32(published, spec.name, spec.input.free_axes)
            case "mediapipe-face-mesh":
                return mesh_to_onnx(published, spec.name)
            case "dlib-resnet-29":
                return resnet_to_onnx(published, spec.name)
            case "onnx":
                return without_prelu(published, spec.name)
    except ModelError:
        raise
    except Exception as error:  # fail closed: what parsers raise on a strange file has no common base
        reason = str(error) or type(error).__name__
        raise CatalogueError(
            f"{spec.name}: {spec.source.path} is not of the format {spec.format}: {reason}"
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file under its name or no file, also when the power fails or somebody presses Ctrl-C.

    Everybody may read it: one user prepares, another one's lane runs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)  # a rename is durable once its directory is on disk
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class WatchedFile:
    """A prepared file that is in use: cheap to check often, hashed again only when its stat changes."""

    def __init__(self, spec: NetworkSpec, cache: Path) -> None:
        self._spec = spec
        self._cache = cache
        self._seen: tuple[int, ...] | None = None

    def check(self) -> None:
        """As `load`, if the file is no longer the one it was."""
        signature = self._signature()
        if signature is None or signature != self._seen:
            load(self._spec, self._cache)
            self._seen = signature

    def _signature(self) -> tuple[int, ...] | None:
        """None where the file cannot be looked at: reading it says why."""
        try:
            stat = prepared_path(self._spec, self._cache).stat()
        except OSError:
            return None
        # ctime cannot be set back by whoever rewrites the file and restores its mtime.
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
