"""The looks at one passenger from which liveness cues are taken: few, spaced, of one face alone."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from lane.cameras.frame import Frame
from lane.capture.measuring import Sighting
from models.liveness.frames import Look
from models.liveness.score import MOST_LOOKS, OF_EACH_LOOK, SPACING_S, assess, take
from models.values.measurement import Measure

TOLERANCE_S = 1e-3
AHEAD = 1.5
"""So much faster than looks come, cues are taken of them: the first looks wait for the second."""

Part: TypeAlias = tuple[str, Sequence[Look]]
"""A cue, and a look with the one before."""


@dataclass(slots=True, eq=False)
class Looks:
    """The newest `MOST_LOOKS`, `SPACING_S` apart at least."""

    kept: list[Look] = field(default_factory=list)
    _track: int | None = None
    _began_s: float | None = None
    _parts: deque[Part] = field(default_factory=lambda: deque(maxlen=MOST_LOOKS * len(OF_EACH_LOOK)))
    """What is still to be found out, oldest first."""

    @property
    def left(self) -> int:
        """How much is still to be found out."""
        return len(self._parts)

    def see(self, frame: Frame, sighting: Sighting, track: int | None = None) -> None:
        """Keep it where it is time for one; begin anew where somebody else is there, instead or too."""
        if sighting.faces > 1 or (sighting.faces == 1 and track != self._track):
            self.kept.clear()
            self._parts.clear()
            self._track, self._began_s = track, None
        if sighting.faces != 1 or sighting.face is None:
            return
        at_s = frame.captured_monotonic_s
        self._began_s = at_s if self._began_s is None else self._began_s
        if not self.kept or at_s - self.kept[-1].at_s >= SPACING_S - TOLERANCE_S:
            self.kept = [*self.kept, Look(frame.image_bgr, sighting.face, at_s)][-MOST_LOOKS:]
            self._parts.extend((name, self.kept[-2:]) for name in OF_EACH_LOOK)

    def get_ahead(self, pace_s: float) -> None:
        """Find out some of what `cues` will ask, in a frame's time: so much that little is left for the end.

        How much that is follows from the camera's pace, in seconds a frame. A first look alone is left as it
        is: most captures end before there are enough looks for a cue.
        """
        if len(self.kept) < 2:
            return
        for _ in range(min(self.left, math.ceil(AHEAD * len(OF_EACH_LOOK) * pace_s / SPACING_S))):
            name, looks = self._parts.popleft()
            with suppress(Exception):  # `cues` meets it again, and there it is said
                take(name, looks)

    def last_s(self, frame: Frame) -> float:
        """How long, up to this frame, the same passenger has been looked at, alone."""
        return 0.0 if self._began_s is None else frame.captured_monotonic_s - self._began_s

    def cues(self) -> Mapping[str, Measure]:
        """Each cue, and `score`; where the looks are too few, `score` says so."""
        return assess(self.kept)
