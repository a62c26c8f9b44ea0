"""Lists as CSV, of picture pairs and of frame sequences: what is read, and what is refused.

A frame sequence is one live capture. Captures of one person in two sessions are genuine; captures of two
people are strangers, in whatever session.
"""

import csv
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PurePosixPath

from benchmarks.errors import BenchmarkError
from models.errors import ImageError
from models.image import read
from models.values.face import ImageBGR

log = logging.getLogger(__name__)

ALL = "all"
"""The one group of a list that has none."""
GROUP = "group"
"""The column that usually names it."""
LIVE = "live"
"""Of a list with a column `kind` only these are captures of people; the others are attacks."""
PICTURES = (".jpg", ".jpeg", ".png")
LAST_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, relative to a root, and whether they show the same person."""

    a: str
    b: str
    same: bool
    group: str = ALL
    person_a: str = ""
    """Who `a` shows, where the list has a column that says so; else empty, and the file's name tells."""
    person_b: str = ""


def read_pairs(path: Path, root: Path, group_by: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs of a CSV file with columns `a,b,same`; BenchmarkError that says what is wrong with it.

    Who is on a picture: `identity_a` and `identity_b` where the list has them; of a single column `identity`
    it is who `a` shows, and `b` too where they are the same. Without these the file's name tells
    (`identities`).
    A pair that stands twice in one group counts once, and a picture with itself says nothing: it is left out.
    Several columns of `group_by` make one group: `source,group` gives `asianfaces/korean`. A column that the
    list lacks is passed over.
    """
    rows = read_rows(path, "a,b,same")
    listed = [_pair(row, f"{path}, line {line}", group_by) for line, row in rows]
    pairs = _each_once(one for one in listed if one.a != one.b)
    if alone := sum(one.a == one.b for one in listed):
        log.warning("%s: %d pairs of a picture with itself are left out", path, alone)
    if not pairs:
        raise BenchmarkError(f"{path}: no pairs in it")
    _all_there(pictures(pairs), root)
    return pairs


def grouping(column_names: str, lists: Sequence[Path]) -> list[str]:
    """The columns that name a group; BenchmarkError for one, other than `GROUP`, that no list has."""
    wanted = column_names.split(",")
    # A slip would join all groups
    there = {column for path in lists for _, row in read_rows(path) for column in row}
    unknown = [column for column in wanted if column not in there and column != GROUP]
    if unknown:
        raise BenchmarkError(f"no list has a column {' or '.join(unknown)} that would name groups")
    return wanted


def read_rows(path: Path, columns: str = "") -> list[tuple[int, Mapping[str, str | None]]]:
    """Rows with their line numbers, of a file that has these columns. BenchmarkError if it has not."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = set(filter(None, columns.split(","))) - set(rows.fieldnames or ())
            if missing:
                raise BenchmarkError(f"{path}: needs the columns {columns}; missing: {sorted(missing)}")
            return [(rows.line_num, row) for row in rows]
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BenchmarkError(f"{path} is not CSV: {error}") from error


def pictures(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Every picture once, in order."""
    return tuple(dict.fromkeys(name for pair in pairs for name in (pair.a, pair.b)))


def groups(pairs: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(sorted({pair.group for pair in pairs}))


def _pair(row: Mapping[str, str | None], where: str, group_by: Sequence[str]) -> Pair:
    a, b, same = (row[column] or "" for column in ("a", "b", "same"))
    if not a or not b or same not in ("0", "1"):
        raise BenchmarkError(f"{where}: needs two paths, and same is 0 or 1")
    a, b = one_name(a, where), one_name(b, where)
    group = "/".join(part for column in group_by if (part := row.get(column)))
    first = row.get("identity_a") or row.get("identity") or ""
    second = row.get("identity_b") or (first if same == "1" and "identity_b" not in row else "")
    return Pair(a, b, same == "1", group or ALL, first, second)


def one_name(written: str, where: str) -> str:
    """A path as it is always written, so that no picture has two names: without `./`, `//` and `..`."""
    path = PurePosixPath(written)
    if ".." in path.parts:
        raise BenchmarkError(f"{where}: {written} leaves its folder (..): list paths below --root")
    return path.as_posix()


def _each_once(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Of pairs that differ in their order alone, one."""
    found: dict[object, Pair] = {}
    for one in pairs:
        both = frozenset(((one.a, one.person_a), (one.b, one.person_b)))
        found.setdefault((both, one.same, one.group), one)
    return tuple(found.values())


def _all_there(names: Iterable[str], root: Path) -> None:
    missing = [name for name in names if not _is_file(root / name)]
    if missing:
        raise BenchmarkError(
            f"{root / missing[0]} is missing ({len(missing)} pictures are): is --root right?"
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder of numbered frames, and whose it is."""

    folder: str
    subject: str
    session: str
    group: str = ALL


def read_sequences(path: Path, root: Path, group_by: Sequence[str]) -> tuple[Recording, ...]:
    """Rows of a CSV file with the columns `sequence,subject`; BenchmarkError that says what is wrong with it.

    The session is that of a column `session`, else by the number at the end of the folder's name, else each
    sequence is a session of its own.
    """
    found: list[Recording] = []
    for line, row in read_rows(path, "sequence,subject"):
        if (row.get("kind") or LIVE) != LIVE:
            continue
        folder, subject = folder_and_subject(row, root, f"{path}, line {line}")
        if any(one.folder == folder for one in found):
            raise BenchmarkError(f"{path}, line {line}: {folder} is listed twice, and is one capture")
        number = LAST_NUMBER.search(PurePosixPath(folder).name)
        session = row.get("session") or (number.group() if number else folder)
        group = "/".join(part for column in group_by if (part := row.get(column)))
        found.append(Recording(folder, subject, session, group or ALL))
    if not found:
        raise BenchmarkError(f"{path}: no live sequence in it")
    return tuple(found)


def folder_and_subject(row: Mapping[str, str | None], root: Path, where: str) -> tuple[str, str]:
    """BenchmarkError where the row lacks one of them, or the folder has no frames."""
    folder, subject = row["sequence"], row["subject"]
    if not folder or not subject:
        raise BenchmarkError(f"{where}: needs a folder and whose it is")
    folder = one_name(folder, where)
    if not frames_in(root / folder):
        raise BenchmarkError(f"{root / folder}: no frames there: is --root right?")
    return folder, subject


def frames_in(folder: Path) -> tuple[Path, ...]:
    """By name, which numbers them."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES))


def compared(sequences: Sequence[Recording]) -> tuple[Pair, ...]:
    """Every two captures of different people of one group, and of one person in different sessions."""
    return tuple(
        Pair(a.folder, b.folder, a.subject == b.subject, a.group, a.subject, b.subject)
        for a, b in combinations(sequences, 2)
        if a.group == b.group and (a.subject != b.subject or a.session != b.session)
    )


def images(folder: Path) -> Iterator[ImageBGR]:
    """In order; a frame that cannot be read is not there, as with a camera."""
    for path in frames_in(folder):
        try:
            yield read(path)
        except ImageError:
            continue
