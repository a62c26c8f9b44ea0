"""`lane`, `models` and `api` are plain names: this refuses to start beside a stranger that ships the same."""

from importlib.metadata import packages_distributions

OURS = "passenger-lane"
NAMES = ("api", "lane", "models")


class StrangerError(ImportError):
    """Another distribution ships a package of one of our names, and Python might run its code instead."""


def refuse_strangers() -> None:
    """Raises StrangerError that names the package and the distribution."""
    owners = packages_distributions()
    for name in NAMES:
        strangers = [owner for owner in owners.get(name, []) if owner.lower().replace("_", "-") != OURS]
        if strangers:
            raise StrangerError(
                f"the package name {name!r} is also shipped by {', '.join(strangers)}: "
                "install Passenger Lane in an environment of its own"
            )
