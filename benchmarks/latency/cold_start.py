"""A lane that has just been started: from a fresh process to its first decision, and what that waits for.

The process is a real one, started again each time; run as a module, this file is that process. Files that it
reads (networks, film) are in the system's cache already, as after an upgrade and unlike after a cold boot.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Walk
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure
from benchmarks.harness.timing import times
from benchmarks.latency.passages import lane_for
from lane.decision.evidence import DocumentKind
from lane.document.travel_document import TravelDocument
from lane.platform.clock import SystemClock
from models.runtime.machine import ROOT

FILM, PHOTO = "film.npy", "photo"
PASSAGE = ("first frame to gate", "end to end")
PARTS = ("process", "networks", "lane", "first passage", "first decision", *PASSAGE)
"""Interpreter and imports; networks loaded, warmed up and tested; journal opened and lane started; from the
document until the gate is commanded; all of these; and the last two as of every passage."""
LONGEST_S = 300


def measure(
    walk: Walk,
    known: float,
    provider: str,
    threads: int,
    count: int,
    folder: Path,
    *,
    bf16: bool = False,
) -> list[Figure]:
    np.save(folder / FILM, np.stack(walk.frames))
    (folder / PHOTO).write_bytes(walk.document.photo)
    request = {"folder": str(folder), "provider": provider, "threads": threads, "known": known, "bf16": bf16}
    started = [_start_process(request) for _ in follow(range(count), f"Starting a lane on {provider}")]
    return [times((provider, "cold", part), [one[part] for one in started], better=None) for part in PARTS]


def _start_process(request: dict[str, Any]) -> dict[str, int]:
    """One start. BenchmarkError where it does not come to the right decision."""
    values = json.dumps({**request, "began_ns": time.monotonic_ns()})
    command = [sys.executable, "-m", "benchmarks.latency.cold_start", values]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BenchmarkError(f"a lane that was started afresh came to no decision: {why}")
    took_ns: dict[str, int] = json.loads(done.stdout)
    return took_ns


def start(
    folder: Path, provider: str, threads: int, known: float, began_ns: int, *, bf16: bool = False
) -> dict[str, int]:
    """What each part of this process's start took, in nanoseconds since it was asked for."""
    marks = [began_ns, time.monotonic_ns()]
    rules = shipped_policy()
    measurer = build_measurer(rules, provider=provider, threads=threads, bf16=bf16)
    marks.append(time.monotonic_ns())
    walk = Walk(_document((folder / PHOTO).read_bytes()), tuple(np.load(folder / FILM, mmap_mode="r")))
    with lane_for(walk, known, measurer, rules, folder / f"lane-{began_ns}", SystemClock()) as lane:
        marks.append(time.monotonic_ns())
        passed = lane.passage()
        marks.append(round(lane.gate.commanded_s * 1e9))
    return {
        **{part: after - before for part, (before, after) in zip(PARTS, pairwise(marks), strict=False)},
        "first decision": marks[-1] - began_ns,
        "first frame to gate": passed.first_frame_ns,
        "end to end": passed.last_frame_ns,
    }


def _document(photo: bytes) -> TravelDocument:
    """Of a grown-up, and valid."""
    today = datetime.now(UTC).date()
    born, expires = today - timedelta(days=15_000), today + timedelta(days=900)
    return TravelDocument(photo, expires, born_on=born, kind=DocumentKind.ORDINARY)


def main() -> None:
    """The process that is started: it takes one JSON object, and answers with another."""
    request = json.loads(sys.argv[1])
    print(json.dumps(start(**{**request, "folder": Path(request["folder"])})))


if __name__ == "__main__":
    main()
