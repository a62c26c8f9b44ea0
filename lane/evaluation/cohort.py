"""Embeddings of the last passengers' document photos, held for a bounded time; compared, never identified.

In memory alone: no picture, no name, no number, and instead of the document a keyed hash whose key is drawn
anew in each process. An entry is overwritten when it is too old, when newer ones need its place, when its
document comes again, and at the end.
"""

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lane.capture.measuring import Stopwatch, agreed_similarity
from models.embed.similarity import similarity
from models.errors import InferenceError
from models.values.face import Embedding
from models.values.measurement import NotAssessed


@dataclass(frozen=True, slots=True)
class Tally:
    """How one passenger compared with the references of others."""

    compared: int
    """Of other documents, and counted."""
    matched: int
    """Of those compared: at or above the threshold, where the passenger had passed with that document."""
    skipped: int
    """Not counted, since they look like the passenger's own reference (see `Cohort`)."""
    skipped_matched: int
    """Of those skipped: at or above the threshold."""


@dataclass(frozen=True, slots=True)
class CohortCounts:
    """The results of one verification against the cohort."""

    size: int
    """References that were held."""
    others: Tally
    in_group: Tally | None
    """The part of `others` that is of the passenger's own group, where it is known."""
    highest: float | None
    """Highest similarity of those that were counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """Whose document it is: the photo as read, its embedding, and the group where the site counts it."""

    photo: bytes
    reference: Embedding
    group: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _HeldReference:
    reference: Embedding
    group: str | None
    since_s: float


@dataclass(frozen=True, slots=True)
class _Comparison:
    score: float
    skip: bool
    group: str | None


class Cohort:
    """The references of the last passengers. May be used from any thread.

    The same person must not count as a stranger. A document that comes again is known by its photo's keyed
    hash. Another document of the same person is not; so a held reference that the new *reference* matches is
    skipped. That has a price: a stranger who looks like the holder on both photos is skipped as well, and
    just such people match most often. The live FMR of what is counted is therefore too low, never too high;
    what was skipped, and how much of it matched, is recorded beside it, and counting that as strangers gives
    a rate that is too high wherever somebody comes with a second document. The truth lies in between.
    """

    def __init__(self, size: int, lifetime_s: float, monotonic_s: Callable[[], float]) -> None:
        self._size, self._lifetime_s, self._monotonic_s = size, lifetime_s, monotonic_s
        self._held: OrderedDict[bytes, _HeldReference] = OrderedDict()
        self._secret = secrets.token_bytes(32)
        self._changed = threading.Condition()
        self._eraser: threading.Thread | None = None
        self._closed = False

    @property
    def enabled(self) -> bool:
        return self._size > 0

    def compare(self, who: Holder, probes: Sequence[Embedding], threshold: float) -> CohortCounts:
        """Compare probes with the held references of other documents, as a judge does with the own one.

        Raises ModelError where a similarity is none, or for embeddings of different matchers.
        """
        with self._changed:
            self._erase_old()
            size, own = len(self._held), self._key(who.photo)
            # A lane whose matcher fell back from bfloat16 holds references of another matcher for a while.
            found = [
                _compared(held, who, probes, threshold)
                for key, held in self._held.items()
                if key != own and held.reference.matcher == who.reference.matcher
            ]
        mine = [one for one in found if one.group == who.group]
        return CohortCounts(
            size=size,
            others=_tally(found, threshold),
            in_group=_tally(mine, threshold) if who.group is not None else None,
            highest=max((round(one.score, 4) for one in found if not one.skip), default=None),
        )

    def remember(self, who: Holder) -> None:
        """Hold a copy of this reference; the same document again replaces its earlier one."""
        with self._changed:
            if self._closed or not self.enabled:
                return
            key = self._key(who.photo)
            self._erase(key)
            copy = replace(who.reference, vector=who.reference.vector.copy())
            self._held[key] = _HeldReference(copy, who.group, self._monotonic_s())
            while len(self._held) > self._size:
                self._erase(next(iter(self._held)))
            if self._eraser is None:
                self._eraser = threading.Thread(target=self._erase_in_time, name="cohort", daemon=True)
                self._eraser.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Erase all references, and hold none any more. Closing twice is no error."""
        with self._changed:
            self._closed = True
            for key in list(self._held):
                self._erase(key)
            self._secret = b""
            self._changed.notify_all()

    def _key(self, photo: bytes) -> bytes:
        return hashlib.blake2b(photo, key=self._secret, digest_size=32).digest()

    def _erase(self, key: bytes) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            held.reference.vector.fill(0)

    def _erase_old(self) -> float | None:
        """Erase what is too old; seconds until the next one is, or None with nobody held."""
        while self._held:
            key, oldest = next(iter(self._held.items()))
            left_s = oldest.since_s + self._lifetime_s - self._monotonic_s()
            if left_s > 0:
                return left_s
            self._erase(key)
        return None

    def _erase_in_time(self) -> None:
        """Erase old references while no passenger comes, too."""
        with self._changed:
            while not self._closed:
                self._changed.wait(self._erase_old())


def _compared(
    held: _HeldReference, who: Holder, probes: Sequence[Embedding], threshold: float
) -> _Comparison:
    score = agreed_similarity(held.reference, probes, Stopwatch())
    if isinstance(score, NotAssessed):
        raise InferenceError(score.reason)
    alike = similarity(who.reference, held.reference) >= threshold
    return _Comparison(score.value, alike, held.group)


def _tally(found: Sequence[_Comparison], threshold: float) -> Tally:
    counted = [one.score >= threshold for one in found if not one.skip]  # NaN compares false
    skipped = [one.score >= threshold for one in found if one.skip]
    return Tally(len(counted), sum(counted), len(skipped), sum(skipped))
