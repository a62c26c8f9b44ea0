"""A film as a lane's camera, at its own speed: is whoever walks up decided on before they leave the picture?

Each document is presented as the film begins, and the lane judges by what it can look at in that time.
"""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import measurer as machine
from benchmarks.harness.result_file import finite
from benchmarks.harness.stamp import sha256_of, stamp
from lane.cameras.live_camera import RealCamera
from lane.cameras.settings import CameraSettings
from lane.cameras.source import AtEnd
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import DeskContact, DocumentKind
from lane.document.travel_document import TravelDocument
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import SystemClock
from models.values.measurement import Measured

_LIVES = timedelta(days=365)
_ADULT = timedelta(days=40 * 365)


def measure(film: Path, documents: Sequence[Path], rate: float | None, threads: int | None) -> dict[str, Any]:
    """As JSON values. CameraError where the film gives no frame."""
    rules = machine.policy()
    measurer = machine.measurer(rules, threads=threads)
    rules.check(measurer.networks.embedder.identity)
    settings = CameraSettings(source=str(film), at_end=AtEnd.END, frames_per_second=rate, open_s=30.0)
    captures = []
    for path in documents:
        with RealCamera(settings, "film") as camera:
            camera.wait()
            began_s = time.monotonic()
            judged = Judge(camera, measurer, rules, SystemClock()).judge(_document(path), DeskContact.REACHED)
            seconds = time.monotonic() - began_s
            captures.append({"document": path.name} | _told(judged) | _frames(camera, seconds))
    about = {
        **stamp(rules, measurer.networks, threads=threads),
        "film": film.name,
        "sha256": sha256_of(film) if film.is_file() else None,
    }
    return {"benchmark": "film", "stamp": about, "threads": threads, "captures": captures}


def _document(photo: Path) -> TravelDocument:
    today: date = datetime.now(UTC).date()
    return TravelDocument(
        photo.read_bytes(), today + _LIVES, born_on=today - _ADULT, kind=DocumentKind.ORDINARY
    )


def _told(judged: JudgedPassage) -> dict[str, Any]:
    evidence, outcome = judged.evidence, judged.outcome
    similarity = evidence.similarity
    return {
        "outcome": "admit" if isinstance(outcome, Admit) else "refer",
        "reasons": [reason.code.value for reason in outcome.reasons] if isinstance(outcome, Refer) else [],
        "similarity": finite(similarity.value) if isinstance(similarity, Measured) else None,
        "capture": evidence.capture.ended.value,
        "looked_at": evidence.capture.frames_seen,
        "missed_limits": dict(evidence.capture.rejections),
    }


def _frames(camera: RealCamera, seconds: float) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 2),
        "film_was_over": camera.has_ended,
        "came": camera.counts.frames,
        "passed_over": camera.missed,
        "spoilt": camera.counts.spoilt,
    }
