"""A film as a lane's camera, at its own speed: is whoever walks up decided on before they leave the picture?

Each document is presented as the film begins, and the lane judges by what it can look at in that time.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.result import Figure, NotAvailable, Result, counts
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


def measure(film: Path, documents: Sequence[Path], rate: float | None, threads: int | None) -> Result:
    """CameraError where the film gives no frame."""
    rules = shipped_policy()
    measurer = build_measurer(rules, threads=threads)
    rules.check(measurer.networks.embedder.identity)
    settings = CameraSettings(source=str(film), at_end=AtEnd.END, frames_per_second=rate, open_s=30.0)
    figures: list[Figure] = []
    for path in documents:
        with RealCamera(settings, "film") as camera:
            camera.wait()
            began_s = time.monotonic()
            judged = Judge(camera, measurer, rules, SystemClock()).judge(_document(path), DeskContact.REACHED)
            seconds = time.monotonic() - began_s
            figures += _judged(path.name, judged)
            figures += _frames(path.name, camera, seconds)
    about = stamp(rules, measurer.networks, threads=threads)
    return Result(
        benchmark="film",
        stamp=about,
        conditions={
            **about.same_lane,
            "film": film.name,
            "film_sha256": sha256_of(film) if film.is_file() else None,
            "threads": about.threads,
        },
        figures=tuple(figures),
    )


def _document(photo: Path) -> TravelDocument:
    today: date = datetime.now(UTC).date()
    return TravelDocument(
        photo.read_bytes(), today + _LIVES, born_on=today - _ADULT, kind=DocumentKind.ORDINARY
    )


def _judged(document: str, judged: JudgedPassage) -> Iterator[Figure]:
    evidence, outcome, row = judged.evidence, judged.outcome, ("documents", document)
    reasons = [reason.code.value for reason in outcome.reasons] if isinstance(outcome, Refer) else []
    yield Figure(
        name=(*row, "admitted"),
        value=int(isinstance(outcome, Admit)),
        note="; ".join((" ".join(("refer", *reasons)) if reasons else "admit", evidence.capture.ended.value)),
    )
    similarity = evidence.similarity
    if isinstance(similarity, Measured):
        yield Figure(name=(*row, "similarity"), value=round(similarity.value, 4))
    else:
        yield Figure(name=(*row, "similarity"), value=NotAvailable(not_available=similarity.reason))
    yield from counts(row, {"looked at": evidence.capture.frames_seen})
    yield from counts(("missed limits", document), evidence.capture.rejections)


def _frames(document: str, camera: RealCamera, seconds: float) -> Iterator[Figure]:
    numbers = {
        "seconds": round(seconds, 2),
        "film was over": int(camera.has_ended),
        "came": camera.counts.frames,
        "passed over": camera.missed,
        "spoilt": camera.counts.spoilt,
    }
    yield from counts(("documents", document), numbers)
