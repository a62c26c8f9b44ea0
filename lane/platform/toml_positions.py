"""Where each key stands in a TOML file: the standard library reads the values and forgets the lines."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

Where: TypeAlias = tuple[str, ...]
T = TypeVar("T")


def lines(text: str) -> dict[Where, int]:
    """Each table and key of a file that is TOML, by its path, with its line, counted from 1.

    Statement by statement, by the standard library's own parser: a line belongs to the statement before it
    until that one is whole.
    """
    found: dict[Where, int] = {}
    table: Where = ()
    for line, statement in _statements(text):
        paths = list(_paths(tomllib.loads(statement)))
        if paths and statement.lstrip().startswith("["):  # a table's head; else a key with its value
            table = max(paths, key=len)
            paths = [()]
        for path in paths:
            found.setdefault(table + path, line)
    return found


def nearest(found: Mapping[Where, T], where: Where) -> T | None:
    """What was found for this key, or else for the closest table around it; None where neither is there."""
    around = (where[:length] for length in range(len(where), 0, -1))
    return next((found[one] for one in around if one in found), None)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    begun, open_ = 1, ""
    for number, line in enumerate(text.split("\n"), 1):  # no other sign ends a line in TOML
        if not open_:
            begun = number
        open_ += f"{line}\n"
        if _whole(open_):
            yield begun, open_
            open_ = ""


def _whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(value: Mapping[str, Any], path: Where = ()) -> Iterator[Where]:
    for key, one in value.items():
        yield (*path, key)
        if isinstance(one, Mapping):
            yield from _paths(one, (*path, key))
