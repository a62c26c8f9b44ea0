"""Distributions that are not there, as far as the installed metadata tell."""

from pathlib import Path


def installed_beside(folder: Path, name: str, *, owns: str = "") -> None:
    """A made-up distribution, which says that it owns a package only if `owns` names one."""
    info = folder / f"{name.replace('-', '_')}-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    if owns:
        (info / "top_level.txt").write_text(f"{owns}\n")
