"""The looks at one passenger from which liveness cues are taken: few, spaced, of one face alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lane.frame import Frame
from lane.measure import Sighting
from models.liveness.look import Look
from models.liveness.score import MOST_LOOKS, SPACING_S, assess
from models.measurement import Measure

TOLERANCE_S = 1e-3


@dataclass(slots=True, eq=False)
class Looks:
    """The newest `MOST_LOOKS`, `SPACING_S` apart at least."""

    kept: list[Look] = field(default_factory=list)
    _track: int | None = None

    def see(self, frame: Frame, sighting: Sighting, track: int | None = None) -> None:
        """Keep it where it is time for one; begin anew where somebody else is there, instead or too."""
        if sighting.faces > 1 or (sighting.faces == 1 and track != self._track):
            self.kept.clear()
            self._track = track
        if sighting.faces != 1 or sighting.face is None:
            return
        at_s = frame.captured_monotonic_s
        if not self.kept or at_s - self.kept[-1].at_s >= SPACING_S - TOLERANCE_S:
            self.kept = [*self.kept, Look(frame.image_bgr, sighting.face, at_s)][-MOST_LOOKS:]

    def cues(self) -> Mapping[str, Measure]:
        """Each cue, and `score`; where the looks are too few, `score` says so."""
        return assess(self.kept)
