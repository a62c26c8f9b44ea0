"""Whether exactly one person goes through an open doorway, by two light beams.

Pure: samples in, progress out. The entry beam lies before the door, the exit beam behind it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Passing(StrEnum):
    """The progress in an open doorway. Compare by `is`: every one of them is true as a text."""

    PASSED = "passed"
    """One person went in and out on the other side, and the doorway is clear."""
    NOT_YET = "not_yet"
    TURNED_BACK = "turned_back"
    """The passenger left by the way they came: L03."""
    FOLLOWED = "followed"
    """Somebody else is in the doorway, behind the passenger or against the way: L01."""


@dataclass(slots=True)
class _Beam:
    """One beam; interruptions less than `gap_s` apart are one person's: two legs, a suitcase."""

    gap_s: float
    times: int = 0
    interrupted: bool = False
    _last_s: float = 0.0

    def see(self, interrupted: bool, at_s: float) -> bool:  # noqa: FBT001  a sample
        """Take in a sample; True where an interruption is over."""
        if interrupted:
            self.times += not self.interrupted
            self.interrupted, self._last_s = True, at_s
        elif self.interrupted and at_s - self._last_s >= self.gap_s:
            self.interrupted = False
            return True
        return False


class Crossing:
    """One opening. What may be a second person counts as one: the gate is closed, and an officer looks.

    A person who comes back to the entry beam before the exit beam has turned back; so has one who leaves the
    exit beam while the entry beam is still interrupted. After the exit beam, whoever comes is another.
    """

    def __init__(self, gap_s: float) -> None:
        self._entry, self._exit = _Beam(gap_s), _Beam(gap_s)
        self._back = self._followed = False

    def see(self, *, entry: bool, exit_: bool, at_s: float) -> Passing:
        """Take in both beams at a moment (seconds, of a clock that never goes back): True is interrupted."""
        self._entry.see(entry, at_s)
        if self._exit.see(exit_, at_s) and self._entry.interrupted:
            self._back = True
        entries, exits = self._entry.times, self._exit.times
        self._followed |= exits > entries or (entries > 1 and exits > 0)
        if self._followed:
            return Passing.FOLLOWED
        if self._entry.interrupted or self._exit.interrupted:
            return Passing.NOT_YET
        if self._back or entries > 1:
            return Passing.TURNED_BACK
        return Passing.PASSED if exits else Passing.NOT_YET

    @property
    def inside(self) -> bool:
        """Whether one person has left the entry beam behind and is not at the exit beam yet."""
        return self._entry.times == 1 and not self._entry.interrupted and self._exit.times == 0
