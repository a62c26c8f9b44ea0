"""Events from a gate's inputs, sample by sample: alarms, doors forced or opened by hand, objects left.

Pure: samples in, events out; independent of wiring and clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lane.decision.reason_codes import Code

FIRE = "fire"
"""The detail of L05 by the fire alarm: the doors stand open, whatever the lane wants; nobody decided that."""
TWICE = 2
"""How often in a row an alarm must be seen: one garbled answer opens and closes nothing."""
SETTLE_S = 0.3
"""How long a door must stand open to count as forced: a contact bounces."""


@dataclass(frozen=True, slots=True)
class Sample:
    """All inputs at a moment. A door's contact that is not wired counts as its coil says."""

    entry_beam: bool
    exit_beam: bool
    shut: Mapping[str, bool]
    """By door: whether its contact says that it is shut."""
    emergency: bool = False
    fire: bool = False
    by_hand: bool = False


@dataclass(slots=True)
class _Debounced:
    """An input that counts once it was the same `TWICE` in a row."""

    on: bool = False
    _differs: int = 0

    def see(self, *, on: bool) -> bool:
        """Take in a sample; True where it has just become on."""
        self._differs = self._differs + 1 if on != self.on else 0
        if self._differs < TWICE:
            return False
        self.on, self._differs = on, 0
        return on


@dataclass(slots=True)
class _Lasting:
    """Something that counts once it lasts, and once only until it is over."""

    since_s: float | None = None
    counts: bool = False

    def see(self, *, on: bool, at_s: float, after_s: float) -> bool:
        """Take in a sample; True where it has just come to count."""
        if not on:
            self.since_s, self.counts = None, False
            return False
        self.since_s = at_s if self.since_s is None else self.since_s
        if self.counts or at_s - self.since_s < after_s:
            return False
        self.counts = True
        return True


@dataclass(slots=True)
class Sensors:
    object_after_s: float
    shuts_within_s: float
    _fire: _Debounced = field(default_factory=_Debounced)
    _emergency: _Debounced = field(default_factory=_Debounced)
    _by_hand: _Debounced = field(default_factory=_Debounced)
    _forced: dict[str, _Lasting] = field(default_factory=dict)
    _object: _Lasting = field(default_factory=_Lasting)
    _may_open_until_s: dict[str, float] = field(default_factory=dict)

    def see(
        self, sample: Sample, *, opened: frozenset[str], passing: bool, at_s: float
    ) -> Iterator[tuple[Code, str]]:
        """Take in a sample; yields each event with a detail.

        `opened`: doors that the lane holds open; `passing`: a passenger is on the way through.
        """
        if self._fire.see(on=sample.fire):
            yield Code.EMERGENCY_STOP, FIRE
        if self._emergency.see(on=sample.emergency):
            yield Code.EMERGENCY_STOP, ""
        if self._by_hand.see(on=sample.by_hand):
            yield Code.OPENED_BY_HAND, ""
        for door, shut in sample.shut.items():
            if self._is_forced(door, shut=shut, opened=door in opened, at_s=at_s):
                yield Code.DOOR_FORCED, door
        blocked = not passing and (sample.entry_beam or sample.exit_beam)
        if self._object.see(on=blocked, at_s=at_s, after_s=self.object_after_s):
            yield Code.OBJECT_LEFT, ""

    def _is_forced(self, door: str, *, shut: bool, opened: bool, at_s: float) -> bool:
        """Open though nobody opened it; a door that was commanded to shut has its time to do so."""
        if opened or self.fire or self._by_hand.on:
            self._may_open_until_s[door] = at_s + self.shuts_within_s
        if shut:
            self._may_open_until_s.pop(door, None)
        may_open = at_s < self._may_open_until_s.get(door, float("-inf"))
        forced = self._forced.setdefault(door, _Lasting())
        return forced.see(on=not shut and not may_open and not opened, at_s=at_s, after_s=SETTLE_S)

    @property
    def fire(self) -> bool:
        return self._fire.on

    def trouble(self, *, to_open: bool = False) -> str | None:
        """The worst reason why nobody may be served; None for none.

        `to_open`: that a door opens for a passenger who is served already, and may stand in a beam.
        """
        standing = {
            FIRE: self._fire.on,
            Code.EMERGENCY_STOP.value: self._emergency.on,
            Code.DOOR_FORCED.value: any(one.counts for one in self._forced.values()),
            Code.OPENED_BY_HAND.value: self._by_hand.on,
            Code.OBJECT_LEFT.value: self._object.counts and not to_open,
        }
        return next((word for word, holds in standing.items() if holds), None)
