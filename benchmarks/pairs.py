"""Lists of picture pairs, and who is in them as far as file names tell."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PurePosixPath

from benchmarks.errors import BenchmarkError

NUMBER_AT_END = re.compile(r"[-_ ]?\d+$")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, relative to a root, and whether they show the same person."""

    a: str
    b: str
    same: bool
    group: str
    """Empty where the list has no groups."""


def read_pairs(path: Path, root: Path, group_by: str) -> tuple[Pair, ...]:
    """The pairs of a CSV file with columns `a,b,same`; BenchmarkError that says what is wrong with it."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"a", "b", "same"} - set(rows.fieldnames or ())
            if missing:
                raise BenchmarkError(f"{path}: needs the columns a,b,same; missing: {sorted(missing)}")
            pairs = tuple(_pair(row, path, rows.line_num, group_by) for row in rows)
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{path} is not CSV: {error}") from error
    if not pairs:
        raise BenchmarkError(f"{path}: no pairs in it")
    _all_there(pictures(pairs), root)
    return pairs


def pictures(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Every picture once, in order."""
    return tuple(dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b)))


def person(picture: str) -> str:
    """Folder and file name without the number at its end: `lfw/Li_Na/Li_Na_0001.jpg` is `lfw/Li_Na/Li_Na`."""
    path = PurePosixPath(picture)
    return str(path.parent / NUMBER_AT_END.sub("", path.stem))


def names_tell(pairs: Iterable[Pair]) -> bool:
    """Whether `person` agrees with every pair of the list; only then are people counted."""
    return all((person(pair.a) == person(pair.b)) == pair.same for pair in pairs)


def people(pairs: Iterable[Pair]) -> int:
    """How many people the pictures show, by their names."""
    return len({person(name) for name in pictures(pairs)})


def every_impostor(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Within each group every two pictures of different people, once: many pairs, but not independent."""
    in_group: dict[str, dict[str, None]] = {}
    for pair in pairs:
        in_group.setdefault(pair.group, {}).update({pair.a: None, pair.b: None})
    for group, names in in_group.items():
        for a, b in combinations(names, 2):
            if person(a) != person(b):
                yield Pair(a, b, same=False, group=group)


def _pair(row: dict[str, str | None], path: Path, line: int, group_by: str) -> Pair:
    a, b, same = row["a"], row["b"], row["same"]
    if not a or not b or same not in ("0", "1"):
        raise BenchmarkError(f"{path}, line {line}: needs two paths, and same is 0 or 1")
    return Pair(a, b, same == "1", row.get(group_by) or "")


def _all_there(names: Iterable[str], root: Path) -> None:
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise BenchmarkError(
            f"{root / missing[0]} is missing ({len(missing)} pictures are): is --root right?"
        )
