"""Everything that was found out about one passage, in plain values: what a policy decides on.

No arrays, no faces, no names. A decision can be replayed from this and the policy version it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.identity import MatcherIdentity, NetworkIdentity
from models.measurement import Measure


class Check(StrEnum):
    """The five results of a document check (BSI TR-03135)."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    UNDETERMINED = "undetermined"
    NOT_SUPPORTED = "not_supported"
    ABORTED = "aborted"


class CaptureEnd(StrEnum):
    """Why the capture ended."""

    ENOUGH = "enough"
    TIMEOUT = "timeout"
    CAMERA_LOST = "camera_lost"


class DeskContact(StrEnum):
    """Whether officers can be reached, as far as the lane knows."""

    REACHED = "reached"
    NETWORK_LOST = "network_lost"
    DESK_LOST = "desk_lost"


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    """What the travel document gave."""

    expiry: Check
    expires_on: date | None
    photo_faces: Measure
    """How many faces the document photo shows."""
    photo_quality: Mapping[str, Measure]
    photo_fault: str | None = None
    """The code of the fault where the photo could not be decoded."""


@dataclass(frozen=True, slots=True)
class CaptureEvidence:
    """What the camera gave."""

    ended: CaptureEnd
    frames_seen: int
    faces_in_view: Measure
    """The most faces in any frame that counts: those used, or all where there were not enough."""
    good_frames: int
    rejections: Mapping[str, int]
    """How many frames were not good, by the component that failed; one frame may count several times."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The hand-over from measuring to deciding."""

    document: DocumentEvidence
    capture: CaptureEvidence
    quality: Mapping[str, Measure]
    """Of the best frame, by component."""
    similarity: Measure
    """The lowest similarity of the good frames to the document photo: each must be the holder."""
    liveness: Measure
    """0 (attack) to 1 (live)."""
    matcher: MatcherIdentity
    networks: tuple[NetworkIdentity, ...]
    desk: DeskContact
    models_unchanged: bool
    engine_fault: str | None = None
    """What failed where a network did not run."""
