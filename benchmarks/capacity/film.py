"""A film as a lane's camera, at its own speed: is whoever walks up decided on before they leave the picture?

Each document is presented as the film begins, and the lane judges by what it can look at in that time.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness.command_line import Json, Threads, deliver
from benchmarks.harness.drawn_frames import adults_document
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.result import Figure, NotAvailable, Result, counts
from benchmarks.harness.stamp import sha256_of, stamp
from lane.cameras.live_camera import RealCamera
from lane.cameras.settings import CameraSettings
from lane.cameras.source import AtEnd
from lane.decision.decide import Admit, Refer
from lane.decision.evidence import DeskContact
from lane.passage.judge import Judge, JudgedPassage
from lane.platform.clock import SystemClock
from models.values.measurement import Measured


def film(
    film: Annotated[Path, typer.Argument(help="A video file, or a folder of pictures, by name in order.")],
    document: Annotated[
        list[Path], typer.Option(help="A document photo; each is judged by the film. May be repeated.")
    ],
    json_out: Json = None,
    rate: Annotated[
        float | None, typer.Option(min=1, max=240, help="Frames a second of a folder; 25 if not given.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Let a film be a lane's camera, at its own speed: is who walks up decided on before they leave it?

    Each document is presented as the film begins. Frames that come while the lane is busy are passed over, as
    in a hall: the result depends on how fast this machine is.

    Example: python -m benchmarks film walking.mp4 --document portrait.jpg --threads 1
    """
    if missing := [str(path) for path in (film, *document) if not path.exists()]:
        raise typer.BadParameter(f"not there: {', '.join(missing)}")
    rules = shipped_policy()
    measurer = build_measurer(rules, threads=threads)
    admission_band(rules, measurer)
    settings = CameraSettings(source=str(film), at_end=AtEnd.END, frames_per_second=rate, open_s=30.0)
    figures: list[Figure] = []
    for path in document:
        with RealCamera(settings, "film") as camera:
            camera.wait()
            began_s = time.monotonic()
            judge = Judge(camera, measurer, rules, SystemClock())
            judged = judge.judge(adults_document(path.read_bytes()), DeskContact.REACHED)
            seconds = time.monotonic() - began_s
            figures += _judged(path.name, judged)
            figures += _frames(path.name, camera, seconds)
    about = stamp(rules, measurer.networks, threads=threads)
    result = Result(
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
    deliver(result, json_out)


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
    return counts(("documents", document), numbers)
