"""Frame sequences: each is one live capture, taken as a lane takes it, and compared as one template.

A capture ends, as at a gate, when enough good frames were seen one after the other. Captures of one person in
two sessions are genuine; captures of two people are strangers, in whatever session. As at a gate, the score
is the mean over frames, here over the frames of both sides; the gate's caps where they disagree are left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path, PurePosixPath

from benchmarks.acquisition.acquire import EncodePath, encode_by_all
from benchmarks.acquisition.pairs import ALL, Pair, one_name, read_rows
from benchmarks.errors import BenchmarkError
from models.errors import ImageError
from models.image import read
from models.values.face import ImageBGR

LIVE = "live"
"""Of a list with a column `kind` only these are captures of people; the others are attacks."""
PICTURES = (".jpg", ".jpeg", ".png")
LAST_NUMBER = re.compile(r"\d+$")


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


def encode_as_capture(interval_s: float) -> EncodePath:
    """How `acquire` encodes a folder of frames that are so many seconds apart."""
    return lambda folder, encoders: encode_by_all(
        encoders, lambda encoder: encoder.encode_capture(images(folder), interval_s)
    )


def images(folder: Path) -> Iterator[ImageBGR]:
    """In order; a frame that cannot be read is not there, as with a camera."""
    for path in frames_in(folder):
        try:
            yield read(path)
        except ImageError:
            continue
