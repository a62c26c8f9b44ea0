"""Everything that was found out about one passage, in plain values: what a policy decides on.

No arrays, no faces, no names. A decision can be replayed from this and the policy version it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from lane.decision.reason_codes import Code
from models.values.identity import MatcherIdentity, NetworkIdentity
from models.values.measurement import Measure, Measured, NotAssessed


class Check(StrEnum):
    """The five results of a document check (BSI TR-03135)."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    UNDETERMINED = "undetermined"
    NOT_SUPPORTED = "not_supported"
    ABORTED = "aborted"


class CaptureEnd(StrEnum):
    ENOUGH = "enough"
    TIMEOUT = "timeout"
    CAMERA_LOST = "camera_lost"
    TURNED_BACK = "turned_back"
    NOT_TAKEN = "not_taken"
    """An officer checks by hand: see `lane.decision.decide.straight_to_officer`."""
    ABORTED = "aborted"


class DeskContact(StrEnum):
    """Whether officers can be reached, as far as the lane knows."""

    REACHED = "reached"
    NETWORK_LOST = "network_lost"
    DESK_LOST = "desk_lost"


class DocumentKind(StrEnum):
    """For whom a document was issued, as far as a lane must know it."""

    ORDINARY = "ordinary"
    DIPLOMATIC = "diplomatic"
    OFFICIAL = "official"
    UNITED_NATIONS = "united_nations"


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    expiry: Check
    expires_on: date | None
    photo_faces: Measure
    """How many faces the document photo shows."""
    photo_quality: Mapping[str, Measure]
    photo_fault: str | None = None
    """The code of the fault where the photo could not be decoded."""
    kind: DocumentKind | None = None
    """None where the document does not tell."""
    age: Check = Check.UNDETERMINED
    """Whether the holder is as old as the policy asks of who is captured; the age itself is not kept."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """What the reader checked of the document itself, by the check's name."""


@dataclass(frozen=True, slots=True)
class CaptureEvidence:
    ended: CaptureEnd
    frames_seen: int
    faces_in_view: Measure
    """The most faces in any frame that counts: those used, or all where there were not enough."""
    good_frames: int
    rejections: Mapping[str, int]
    """How many frames were not good, by the component that failed; one frame may count several times."""


@dataclass(frozen=True, slots=True)
class StreamEvidence:
    """Whether the frames came from the camera, now."""

    genuine: Check = Check.UNDETERMINED
    signs: tuple[str, ...] = ()
    """The signs of a forged stream, where there are some."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The hand-over from measuring to deciding."""

    document: DocumentEvidence
    capture: CaptureEvidence
    quality: Mapping[str, Measure]
    """Of the best frame, by component."""
    similarity: Measure
    """Of the good frames to the document photo (`lane.capture.measuring.agreed_similarity`)."""
    achieved_fmr: Measure
    """Of the strangers in the worst group, the share that score this high or higher: a fraction in (0, 1].

    What the similarity is worth, from the calibration of `matcher`.
    """
    liveness: Measure
    """0 (attack) to 1 (live)."""
    matcher: MatcherIdentity
    networks: tuple[NetworkIdentity, ...]
    desk: DeskContact
    models_unchanged: bool
    engine_fault: str | None = None
    """What failed where a network did not run."""
    liveness_cues: Mapping[str, Measure] = field(default_factory=dict)
    """For officers; nothing is decided by them: `score`, 0 to 1 as `liveness`, and its parts."""
    stream: StreamEvidence = StreamEvidence()
    wishes: tuple[Code, ...] = ()
    """What the passenger or an officer asked for before the capture: P03, P04, P05, P08."""
    events: tuple[Code, ...] = ()
    """What sensors and tracking saw in the lane: L01 to L06."""
    clock: Check = Check.UNDETERMINED
    """Whether the wall clock was not set, and agrees with the desk's."""


LEFT_OUT_IF_EMPTY = frozenset({"checks"})
"""Fields that are written only where they hold something."""


def to_plain(value: Any) -> Any:
    """Evidence, or any part of it, as JSON values: a measure is {"value": x} or {"not_assessed": why}."""
    match value:
        case Measured():
            return {"value": value.value}
        case NotAssessed():
            return {"not_assessed": value.reason}
        case Mapping():
            return {str(key): to_plain(one) for key, one in value.items()}
        case tuple() | list():
            return [to_plain(one) for one in value]
        case date():
            return value.isoformat()
        case Enum():
            return value.value
    if is_dataclass(value):
        found = {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
        return {name: one for name, one in found.items() if one or name not in LEFT_OUT_IF_EMPTY}
    return value


def from_plain(plain: Mapping[str, Any]) -> Evidence:
    """The evidence that `to_plain` wrote, for replay. Raises KeyError, TypeError or ValueError else."""
    found: Evidence = read_plain(Evidence, plain)
    return found


def read_plain(kind: Any, plain: Any) -> Any:
    """The value of this type that `to_plain` wrote: each field of a dataclass, by its annotation."""
    if kind == Measure:
        return Measured(plain["value"]) if "value" in plain else NotAssessed(plain["not_assessed"])
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        there = [name for name in kinds if name in plain or name not in LEFT_OUT_IF_EMPTY]
        return kind(**{name: read_plain(kinds[name], plain[name]) for name in there})
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        return tuple(read_plain(inner[0], one) for one in plain)
    if get_origin(kind) is Mapping:
        return {name: read_plain(inner[1], one) for name, one in plain.items()}
    if get_origin(kind) is UnionType:  # of something and None
        return None if plain is None else read_plain(inner[0], plain)
    if kind is date:
        return date.fromisoformat(plain)
    if kind is bool:
        return plain is True  # nothing else proves anything
    return kind(plain) if issubclass(kind, Enum) else plain
