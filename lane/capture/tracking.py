"""Who is in the lane: faces followed from frame to frame, and which of them is the passenger's.

Decides nothing about anybody: it says who stands where. Knows boxes and landmarks, never an identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from lane.decision.policy import ZoneRule
from models.values.face import Face

Size = tuple[int, int]
"""Width and height of the frame, in pixels."""


class Miss(StrEnum):
    """On which side a face misses the zone, as the camera sees it."""

    FAR = "far"
    LEFT = "left"
    RIGHT = "right"
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face as far as it was followed without a gap."""

    number: int
    """Of this lane's capture; nobody else's face ever gets the same."""
    face: Face
    since_s: float
    seen_at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    inside: tuple[Track, ...] = ()
    """Who is in the capture zone, tallest first."""
    behind: int = 0
    """Further faces: smaller than the passenger's by far, or outside of the zone."""
    left: bool = False
    """A passenger was in the zone, and for longer than the policy's time nobody is."""
    misses: tuple[Miss, ...] = ()
    """Where nobody is in the zone: how the nearest face misses it."""

    @property
    def passenger(self) -> Track | None:
        """The one in the capture zone; None where nobody is there, or more than one."""
        return self.inside[0] if len(self.inside) == 1 else None


class Tracker:
    """Follows the faces of one capture. Pure but for what it remembers of the frames before."""

    def __init__(self, rule: ZoneRule, second_face_ratio: float) -> None:
        self._rule, self._ratio = rule, second_face_ratio
        self._tracks: tuple[Track, ...] = ()
        self._made = 0
        self._arrived = False
        self._empty_since_s: float | None = None

    def update(self, faces: Sequence[Face], at_s: float, size: Size) -> Scene:
        """The scene with these faces, of a frame of this size taken at this time; times never go back."""
        self._tracks = self._followed(faces, at_s)
        inside = self._inside(size)
        self._note_presence(inside, at_s)
        misses = zone_misses(self._tracks[0].face, size, self._rule) if self._tracks and not inside else ()
        return Scene(inside, len(faces) - len(inside), self._has_left(at_s), misses)

    def _followed(self, faces: Sequence[Face], at_s: float) -> tuple[Track, ...]:
        """Each face with the number of the track that it continues, or a new one; tallest first."""
        known = {
            track.number: track for track in self._tracks if at_s - track.seen_at_s <= self._rule.max_gap_s
        }
        tracks = []
        for face in sorted(faces, key=lambda one: one.box_in_image.height, reverse=True):
            before = max(known.values(), key=lambda track: overlap(track.face, face), default=None)
            if before is not None and self._continues(before.face, face):
                del known[before.number]
                tracks.append(replace(before, face=face, seen_at_s=at_s))
            else:
                self._made += 1
                tracks.append(Track(self._made, face, at_s, at_s))
        return tuple(tracks)

    def _continues(self, before: Face, face: Face) -> bool:
        """A face elsewhere, or of another size, is somebody else until proved otherwise."""
        near = overlap(before, face) >= self._rule.least_overlap
        return near and moved(before, face) <= self._rule.most_moved  # NaN compares false

    def _inside(self, size: Size) -> tuple[Track, ...]:
        """Who is in the zone and no farther away than a neighbour would be."""
        inside = [track for track in self._tracks if not zone_misses(track.face, size, self._rule)]
        tallest = max((track.face.box_in_image.height for track in inside), default=0.0)
        return tuple(track for track in inside if track.face.box_in_image.height >= self._ratio * tallest)

    def _note_presence(self, inside: Sequence[Track], at_s: float) -> None:
        if inside:
            stood_s = max(track.seen_at_s - track.since_s for track in inside)
            self._arrived = self._arrived or stood_s >= self._rule.arrived_after_s
            self._empty_since_s = None
        elif self._empty_since_s is None:
            self._empty_since_s = at_s

    def _has_left(self, at_s: float) -> bool:
        if not self._arrived or self._empty_since_s is None:
            return False
        return at_s - self._empty_since_s > self._rule.left_after_s


def zone_misses(face: Face, size: Size, rule: ZoneRule) -> tuple[Miss, ...]:
    """On which sides a face misses the capture zone; none for a face inside.

    The head's height tells how near it is: unlike the distance of the eyes it stays where a head turns.
    """
    width, height = size
    box = face.box_in_image
    x, y = (box.x + box.width / 2) / width, (box.y + box.height / 2) / height
    missed = {
        Miss.FAR: box.height < rule.least_head * height,
        Miss.LEFT: x < rule.left,
        Miss.RIGHT: x > rule.right,
        Miss.HIGH: y < rule.top,
        Miss.LOW: y > rule.bottom,
    }
    return tuple(miss for miss, holds in missed.items() if holds)


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of two faces' boxes, 0 to 1."""
    a, b = one.box_in_image, other.box_in_image
    shared = _shared(a.x, a.width, b.x, b.width) * _shared(a.y, a.height, b.y, b.height)
    union = a.width * a.height + b.width * b.height - shared
    return shared / union if union > 0 else 0.0


def moved(before: Face, face: Face) -> float:
    """The mean way of the five landmarks, in heights of the head before."""
    ways = np.linalg.norm(face.landmarks - before.landmarks, axis=1)
    height = before.box_in_image.height
    return float(ways.mean()) / height if height > 0 else float("inf")


def _shared(start: float, length: float, other_start: float, other_length: float) -> float:
    return max(0.0, min(start + length, other_start + other_length) - max(start, other_start))
