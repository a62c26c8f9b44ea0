"""The frames of one passenger from which liveness cues are taken: few, spaced, with one face alone."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lane.cameras.frame import Frame
from lane.capture.measuring import Sighting
from models.liveness.frames import Look
from models.liveness.score import MOST_LOOKS, OF_EACH_LOOK, SPACING_S, assess, take
from models.values.measurement import Measure

TOLERANCE_S = 1e-3
AHEAD = 1.5
"""Cues are computed so much faster than frames are kept: the first frame waits for the second."""


@dataclass(slots=True, eq=False)
class LivenessFrames:
    """The newest `MOST_LOOKS`, `SPACING_S` apart at least."""

    kept: list[Look] = field(default_factory=list)
    _track: int | None = None
    _began_s: float | None = None
    left: deque[tuple[str, Sequence[Look]]] = field(
        default_factory=lambda: deque(maxlen=MOST_LOOKS * len(OF_EACH_LOOK))
    )
    """The cues that are still to be computed, oldest first; each of a look with the one before."""

    def see(self, frame: Frame, sighting: Sighting, track: int | None = None) -> None:
        """Keep a frame if `SPACING_S` has passed; begin anew with another passenger or several faces."""
        if sighting.faces > 1 or (sighting.faces == 1 and track != self._track):
            self.kept.clear()
            self.left.clear()
            self._track, self._began_s = track, None
        if sighting.faces != 1 or sighting.face is None:
            return
        at_s = frame.captured_monotonic_s
        self._began_s = at_s if self._began_s is None else self._began_s
        if not self.kept or at_s - self.kept[-1].at_s >= SPACING_S - TOLERANCE_S:
            self.kept = [*self.kept, Look(frame.image_bgr, sighting.face, at_s)][-MOST_LOOKS:]
            self.left.extend((name, self.kept[-2:]) for name in OF_EACH_LOOK)

    def get_ahead(self, pace_s: float) -> None:
        """Compute some of the cues within a frame's time, so that little is left for the end.

        How many follows from the camera's pace, in seconds a frame. A first frame alone is left as it is:
        most captures end before there are enough frames for a cue.
        """
        if len(self.kept) < 2:
            return
        for _ in range(min(len(self.left), math.ceil(AHEAD * len(OF_EACH_LOOK) * pace_s / SPACING_S))):
            name, looks = self.left.popleft()
            with suppress(Exception):  # `cues` meets it again, and reports it
                take(name, looks)

    def last_s(self, frame: Frame) -> float:
        """How long, up to this frame, the same passenger has been in view alone."""
        return 0.0 if self._began_s is None else frame.captured_monotonic_s - self._began_s

    def cues(self) -> Mapping[str, Measure]:
        """Each cue, and `score`, which is not assessed with too few frames."""
        return assess(self.kept)
