"""A lane that has just been started: from a fresh process to its first decision, and what that waits for.

The process is a real one, started again each time; run as a module, this file is that process. As in service
the camera opens while the networks load. Files that it reads (networks, film) are in the system's cache
already, as after an upgrade and unlike after a cold boot.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.harness.drawn_frames import Size, adults_document
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure
from benchmarks.harness.timing import times
from benchmarks.latency.passages import Film, camera_for, lane_for, settings_for
from lane.service.run import open_desk
from models.runtime.machine import ROOT

PHOTO = "photo"
PASSAGE = ("first frame to gate", "end to end")
PARTS = ("process", "networks", "lane", "first passage", "first decision", *PASSAGE)
"""Interpreter and imports; networks loaded, warmed up and tested; journal opened and lane started; from the
document until the gate is commanded; all of these; and the last two as of every passage. The page is opened
before the document is presented; how long the kiosk and a browser take for that is in none of them."""
LONGEST_S = 300


def measure(
    film: Film,
    provider: str,
    threads: int,
    lanes: Sequence[dict[str, Any]],
    folder: Path,
    *,
    bf16: bool = False,
) -> list[Figure]:
    """Each part's times over the starts of these lanes, by their settings."""
    (folder / PHOTO).write_bytes(film.walk.document.photo)
    request = {
        "folder": str(folder),
        "film": str(film.path),
        "size": film.size,
        "provider": provider,
        "threads": threads,
        "known": film.known,
        "bf16": bf16,
    }
    starts = follow(lanes, f"Starting a lane on {provider}")
    started = [_start_process({**request, "lane": lane}) for lane in starts]
    return [times((provider, "cold", part), [one[part] for one in started], better=None) for part in PARTS]


def _start_process(request: dict[str, Any]) -> dict[str, int]:
    """One start. BenchmarkError where it does not come to the right decision."""
    values = json.dumps({**request, "began_ns": time.monotonic_ns()})
    command = [sys.executable, "-m", "benchmarks.latency.cold_start", values]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(
            f"a lane that was started afresh came to no decision in {LONGEST_S:g} s"
        ) from error
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BenchmarkError(f"a lane that was started afresh came to no decision: {why}")
    took_ns: dict[str, int] = json.loads(done.stdout)
    return took_ns


def start(
    folder: Path,
    film: Path,
    size: Size,
    provider: str,
    threads: int,
    known: float,
    lane: dict[str, Any],
    began_ns: int,
    *,
    bf16: bool = False,
) -> dict[str, int]:
    """What each part of this process's start took, in nanoseconds since it was asked for."""
    marks = [began_ns, time.monotonic_ns()]
    journals = folder / str(lane["lane"])
    journals.mkdir()
    rules, settings = shipped_policy(), settings_for(journals, film, size, **lane)
    document = adults_document((folder / PHOTO).read_bytes())
    with camera_for(settings, rules) as camera, open_desk(settings) as desk:
        measurer = build_measurer(rules, provider=provider, threads=threads, bf16=bf16)
        marks.append(time.monotonic_ns())
        with lane_for(settings, camera, desk, document, known, measurer, rules) as opened:
            marks.append(time.monotonic_ns())
            with opened.open_page():
                page_ns = time.monotonic_ns() - marks[-1]
                passed = opened.passage()
            marks.append(round(opened.gate.commanded_s * 1e9) - page_ns)
    return {
        **{part: after - before for part, (before, after) in zip(PARTS, pairwise(marks), strict=False)},
        "first decision": marks[-1] - began_ns,
        "first frame to gate": passed.first_frame_ns,
        "end to end": passed.last_frame_ns,
    }


def main() -> None:
    """The process that is started: it takes one JSON object, and answers with another."""
    request = json.loads(sys.argv[1])
    paths = {name: Path(request[name]) for name in ("folder", "film")}
    print(json.dumps(start(**{**request, **paths})))


if __name__ == "__main__":
    main()
