"""How many lanes one machine carries, each a process of its own with its camera, before decisions are late.

Tried are more and more lanes, then the middle between what was carried and what was not. What is late is
measured from a frame's capture, by the camera's reader, until the decision that rests on it as the last one.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from benchmarks.capacity.lane_process import GOOD_FRAMES
from benchmarks.capacity.lane_processes import lanes
from benchmarks.capacity.soak import draw
from benchmarks.harness import measurer as machine
from benchmarks.harness.bisection import search, tell
from benchmarks.harness.drawn_frames import STANDING_FROM_S, cast_as_holder
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import spread
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from models.runtime.threads import available_cores
from models.values.face import ImageBGR

WAY_S = 4.0
"""So long the film is there; it goes back the same way, without a jump, longer than any capture lasts."""
SEED = 1
MOST_LANES = 128
MOST_PASSED_OVER = 0.1
"""A lane that looks at less than nine frames of ten does not follow faces at the rate that was asked for."""

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be carried, and how it is measured."""

    frames_per_second: int
    limit_ms: float
    """Of the decision's p99."""
    seconds: float
    """How long each step lasts."""
    every_s: float
    """So often a passenger comes to each lane."""
    bf16: bool = False
    """Whether the lanes' matcher computes in bfloat16."""


def measure(asked: Asked, say: Say) -> dict[str, Any]:
    """As JSON values."""
    rules = machine.policy()
    measurer = machine.measurer(rules, threads=1, bf16=asked.bf16)
    machine.band(rules, measurer)
    with tempfile.TemporaryDirectory(prefix="passenger-lane-capacity-") as folder:
        say(f"drawing a film at {asked.frames_per_second} frames a second …")
        rate = asked.frames_per_second
        film = draw(_swaying(cast_as_holder(measurer).scene, rate), Path(folder) / "film.mkv", rate)
        with lanes(film, asked.every_s, bf16=asked.bf16) as running:
            steps = list(steps_of(running, asked, say))
    about = {**stamp(rules, measurer.networks, threads=1), "film": f"{WIDTH}x{HEIGHT}, MJPEG, seed {SEED}"}
    return {
        "benchmark": "capacity",
        "stamp": about,
        "threads": 1,
        "frames_per_second": rate,
        "good_frames": GOOD_FRAMES,
        "passenger_every_s": asked.every_s,
        "seconds": asked.seconds,
        "limit_ms": asked.limit_ms,
        "lanes": max((step["lanes"] for step in steps if not step["broken"]), default=0),
        "ended_at_most": not any(step["broken"] for step in steps),
        "steps": steps,
    }


def _swaying(scene: Scene, rate: int) -> Sequence[ImageBGR]:
    """Somebody who stands before the camera, there and back; no picture is that of the moment before."""
    rng = np.random.default_rng(SEED)
    there = [render(scene, STANDING_FROM_S + at / rate, rng) for at in range(round(WAY_S * rate))]
    return [*there, *there[-2:0:-1]]


class Working(Protocol):
    """Lanes; see `benchmarks.capacity.lane_processes.Lanes`."""

    def work(self, count: int, seconds: float, /) -> list[dict[str, Any]]:
        """What each of so many, at once, came to."""
        ...


def steps_of(running: Working, asked: Asked, say: Say) -> Iterator[dict[str, Any]]:
    """Each number of lanes that is tried, in order, as JSON values."""
    trying = search(1, lambda _: 1, MOST_LANES)
    count: float | None = next(trying)
    while count is not None:
        say(f"{_lanes(round(count))} for {asked.seconds:g} s …")
        step = told(asked, running.work(round(count), asked.seconds))
        say(in_words(step))
        yield step
        count = tell(trying, carried=not step["broken"])


def told(asked: Asked, worked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One step as JSON values, of what each lane came to."""
    decided = [one for lane in worked for one in lane["decided_ns"]]
    referred = sum((Counter(lane["referred"]) for lane in worked), Counter[str]())
    came, looked_at = (sum(lane[f"frames_{what}"] for lane in worked) for what in ("came", "looked_at"))
    seconds = max(lane["seconds"] for lane in worked)
    found: dict[str, Any] = {
        "lanes": len(worked),
        "passages": len(decided) + referred.total(),
        "referred": dict(referred),
        "decision": dict(spread([last for last, _ in decided])) if decided else None,
        "first_frame_to_decision": dict(spread([first for _, first in decided])) if decided else None,
        "frames": {
            "came": came,
            "looked_at": looked_at,
            "passed_over": max(0, came - looked_at),
            "passed_over_share": round(max(0.0, 1 - looked_at / came), 4) if came else 0.0,
            "per_second_and_lane": round(came / seconds / len(worked), 2),
        },
        "cpu_share": round(sum(lane["cpu_s"] for lane in worked) / seconds / available_cores(), 4),
    }
    return found | {"broken": _broken(asked, found)}


def _broken(asked: Asked, found: dict[str, Any]) -> list[str]:
    """Why these are more lanes than are carried; empty where they are."""
    decision, frames = found["decision"], found["frames"]
    slow = frames["per_second_and_lane"] < (1 - MOST_PASSED_OVER) * asked.frames_per_second
    why = {
        "no passage was decided": decision is None,
        f"decided later than {asked.limit_ms:g} ms (p99)": bool(
            decision and decision["p99_ms"] > asked.limit_ms
        ),
        "passengers were referred for lack of time": bool(found["referred"]),
        "more than a tenth of the frames were passed over": frames["passed_over_share"] > MOST_PASSED_OVER,
        "cameras gave less than nine frames of ten": slow,
    }
    return [reason for reason, holds in why.items() if holds]


def in_words(step: dict[str, Any]) -> str:
    """One step in a line."""
    last, first = step["decision"], step["first_frame_to_decision"]
    return "; ".join(
        (
            f"{_lanes(step['lanes'])}, {step['passages']} passages",
            f"last frame to decision {_told(last, 'p50', 'p95', 'p99')} ms",
            f"first frame to decision {_told(first, 'p95')} ms",
            f"{step['frames']['passed_over_share']:.1%} of the frames passed over",
            f"{step['cpu_share']:.0%} of the cores",
            ", ".join(step["broken"]) or "carried",
        )
    )


def _told(found: dict[str, Any] | None, *quantiles: str) -> str:
    return ", ".join(f"{name} {found[f'{name}_ms']:.1f}" for name in quantiles) if found else "none"


def _lanes(count: int) -> str:
    return "1 lane" if count == 1 else f"{count} lanes"
