"""`lane`, `models`, `api` are plain names: refuses to start beside a distribution that ships one of them."""

from importlib.metadata import packages_distributions

OURS = "passenger-lane"
NAMES = ("api", "lane", "models")


class ForeignPackageError(ImportError):
    """Another distribution ships a package of one of our names, and Python might run its code instead."""


def refuse_foreign_packages() -> None:
    """Raises ForeignPackageError that names the package and the distribution."""
    owners = packages_distributions()
    for name in NAMES:
        others = [owner for owner in owners.get(name, []) if owner.lower().replace("_", "-") != OURS]
        if others:
            raise ForeignPackageError(
                f"the package name {name!r} is also shipped by {', '.join(others)}: "
                "install Passenger Lane in an environment of its own"
            )
