"""Who is on which picture, so that no comparison of a person with themselves counts as one of strangers."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from benchmarks.acquisition.lists import Pair, pictures
from benchmarks.errors import BenchmarkError

NUMBER_AT_END = re.compile(r"[-_ ]?\d+$")
PARTS = re.compile(r"[-_. ]+")
MOST_ALIASES = 0.2
"""Names that so large a part of the genuine pairs contradicts do not tell who is who."""

People = NDArray[np.int64]
"""Numbers of people, counted from 0."""


def name_of(picture: str) -> str:
    """Folder, and file name without the number at its end: `lfw/Li_Na/Li_Na_0001.jpg` is `lfw/Li_Na/lina`.

    Names that differ only in case and in what parts their syllables are one: `hu-yi-tian` is `hu-yitian`. Two
    people may become one so, whose pairs are then not compared; one person never becomes two.
    """
    path = PurePosixPath(picture)
    name = NUMBER_AT_END.sub("", path.stem)
    return str(path.parent / (PARTS.sub("", name).casefold() or name))


def folder_of(picture: str) -> str:
    """A folder for each person, whatever the pictures in it are called: `003/left.jpg` is `003`."""
    return str(PurePosixPath(picture).parent)


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """The person of each picture. Two names that a genuine pair joins are one person."""

    number: dict[str, int]
    """By picture, counted from 0."""
    aliases: int
    """How many names a genuine pair joined to another one."""
    corrected: int
    """How many more are known to be another one (`one_person.csv`)."""
    contradictions: int
    """Listed pairs of strangers that are one person by name or through genuine pairs."""

    def __len__(self) -> int:
        return max(self.number.values(), default=-1) + 1

    def people(self, names: Sequence[str]) -> People:
        return np.array([self.number[name] for name in names], np.int64)

    def must_tell(self) -> None:
        """BenchmarkError where who is who is in doubt: then pairs that nobody listed cannot be formed."""
        if self.contradictions:
            raise BenchmarkError(
                f"{self.contradictions} listed pairs of strangers show one person by file name or by genuine "
                "pairs: all impostors need a list that tells who is who (columns identity_a,identity_b)"
            )


def identify(pairs: Sequence[Pair], more: Sequence[str] = ()) -> Identities:
    """Who is who in these lists, and on `more` pictures, in this order.

    By the list's columns, else by `name_of`; where many genuine pairs contradict that and each listed pair
    agrees, by `folder_of`.
    BenchmarkError for a picture of two people, and for names that tell nothing.
    """
    named = _named(pairs, more, name_of)
    if apart := _contradicted(named, pairs):
        named = _named(pairs, more, folder_of)
        if not _agree(named, pairs):
            raise BenchmarkError(
                f"{apart} genuine pairs join differently named pictures: neither names nor folders tell who "
                "is who here; say it in the columns identity_a,identity_b"
            )
    joined = _Joined()
    aliases = sum(joined.join(named[pair.a], named[pair.b]) for pair in pairs if pair.same)
    contradictions = sum(
        not pair.same and joined.root(named[pair.a]) == joined.root(named[pair.b]) for pair in pairs
    )
    corrected = sum(joined.join(one, other) for one, other in _known_to_be_one(set(named.values())))
    numbers: dict[str, int] = {}
    number = {name: numbers.setdefault(joined.root(who), len(numbers)) for name, who in named.items()}
    return Identities(number, aliases, corrected, contradictions)


def _known_to_be_one(names: set[str]) -> list[tuple[str, str]]:
    """Pairs among these names that published sets have for one person, wherever the sets' folders lie."""
    by_end = {end: name for name in names for end in _ends(name)}
    return [(by_end[one], by_end[other]) for one, other in corrections() if {one, other} <= by_end.keys()]


def _ends(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[-length:]) for length in (2, 3) if len(parts) >= length]


@cache
def corrections() -> tuple[tuple[str, str], ...]:
    """The names of `one_person.csv`, as `name_of` has them: where the pictures leave no doubt."""
    text = resources.files("benchmarks.acquisition").joinpath("one_person.csv").read_text(encoding="utf-8")
    return tuple((name_of(row["one"]), name_of(row["other"])) for row in csv.DictReader(text.splitlines()))


def _named(pairs: Sequence[Pair], more: Sequence[str], name: Callable[[str], str]) -> dict[str, str]:
    """Who is on each picture: as listed; else as on a picture of the same name, where that is one person."""
    said: dict[str, str] = {}
    for pair in pairs:
        for picture, who in ((pair.a, pair.person_a), (pair.b, pair.person_b)):
            if who and said.setdefault(picture, who) != who:
                raise BenchmarkError(f"{picture} is listed as {said[picture]} and as {who}")
    listed: dict[str, set[str]] = {}
    for picture, who in said.items():
        listed.setdefault(name(picture), set()).add(who)

    def named(picture: str) -> str:
        alike = listed.get(name(picture), set())
        return said.get(picture) or (min(alike) if len(alike) == 1 else name(picture))

    return {picture: named(picture) for picture in dict.fromkeys((*pictures(pairs), *more))}


def _contradicted(named: Mapping[str, str], pairs: Sequence[Pair]) -> int:
    """How many genuine pairs have two names, where that is too many for slips of the pen; else 0."""
    apart = sum(named[pair.a] != named[pair.b] for pair in pairs if pair.same)
    return apart if apart > max(2, MOST_ALIASES * sum(pair.same for pair in pairs)) else 0


def _agree(named: Mapping[str, str], pairs: Sequence[Pair]) -> bool:
    """Whether these are the names of people by every pair, and some pair is of two."""
    strangers = any(not pair.same for pair in pairs)
    return strangers and all((named[pair.a] == named[pair.b]) == pair.same for pair in pairs)


class _Joined:
    """Union-find over names."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (above := self._above.get(name, name)) != name:
            self._above[name] = self._above.get(above, above)
            name = above
        return name

    def join(self, one: str, other: str) -> bool:
        """Make both one person; whether they were two before."""
        first, second = self.root(one), self.root(other)
        self._above[second] = first
        return first != second
