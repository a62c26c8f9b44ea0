"""How many lanes one machine carries, each as a site runs it, before decisions are late.

Tried are more and more lanes, then the middle between what was carried and what was not. What is late is
measured from a frame's capture, by the camera's reader, until the decision that rests on it as the last one.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer

from benchmarks.capacity import bisection
from benchmarks.capacity.bisection import Step, most_carried, steps
from benchmarks.capacity.lane_processes import LaneProcess, Lanes, Passage, running
from benchmarks.errors import BenchmarkError
from benchmarks.harness import noted_camera
from benchmarks.harness.command_line import Bf16, Json, deliver, quantiles, say, value_with_interval
from benchmarks.harness.desk_site import site
from benchmarks.harness.drawn_frames import STANDING_FROM_S, cast_as_holder, write_film
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.plots import WIDTH_IN, Drawing, canvas, finish, from_zero, line, ring
from benchmarks.harness.result import SHARE, Figure, Result, counts
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import times
from lane.cameras.simulated import HEIGHT, WIDTH, Scene, render
from lane.decision.reason_codes import Code
from lane.demo import photos
from lane.document.travel_document import TravelDocument
from models.runtime.threads import available_cores
from models.values.face import ImageBGR

QUICK_S, THOROUGH_S = 6.0, 60.0
WAY_S = 4.0
"""So long the film is there; it goes back the same way, without a jump, longer than any capture lasts."""
SEED = 1
MOST_LANES = 128
GOOD_FRAMES = 3
"""On so many a passage is decided at least."""
ANOTHER = "biden.jpg"
"""On the document of somebody whom the film does not show."""
FOR_LACK_OF_TIME = frozenset(
    {
        Code.TIMEOUT,
        Code.CAMERA_DRIFT,
        Code.OVERLOAD,
        Code.STREAM_INJECTED,
        Code.DESK_LOST,
        Code.NETWORK_LOST,
    }
)
"""For these a passenger is referred where frames or the desk's answers come too late, or by jerks.

The desk is on the same machine: one that is not reached or does not answer is a machine that is too slow."""
COMPARED = frozenset({Code.NO_MATCH, Code.BORDERLINE})
"""Only these say that a face was compared with the document's."""
LANE = "supervisor, lane, reader, kiosk with its page open, journal, desk; between passengers it rests"
MOST_PASSED_OVER = 0.1
"""A lane that looks at less than nine frames of ten does not follow faces at the rate that was asked for."""

SHARES = {"cores": "cpu share", "frames passed over": "passed over share"}
"""Drawn below the times."""

Work: TypeAlias = Callable[[int, float], list[dict[str, Any]]]
"""So many lanes at once, for so many seconds: what each came to."""


def capacity(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK_S:g} s a step: a first look.")] = False,
    rate: Annotated[int, typer.Option(min=5, max=60, help="Frames a second of each lane's camera.")] = 15,
    limit_ms: Annotated[
        float, typer.Option(min=1, help="The p99 from a frame's capture to the decision may be so long.")
    ] = 100,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=2,
            help=f"How long each step lasts; {THOROUGH_S:g} if not given. Of few passages p99 is the latest.",
        ),
    ] = None,
    every_s: Annotated[
        float, typer.Option(min=0, help="So often a passenger comes to each lane; 0: one after another.")
    ] = 2,
    bf16: Bf16 = False,
) -> None:
    """Measure how many lanes this machine carries before decisions come too late.

    Each lane is one as a site runs it: its supervisor, its camera's reader, the traveller's screen with a
    page open, its journal on disk, and one desk for all on this machine. Its gate is simulated, its networks
    have one thread, and its camera is a film of the demo's holder at 640×480. Passengers present a document
    in the folder for documents, and are decided on three good frames at least. Between two of them the lane
    rests, as it is shipped, and looks at no frame. Twice as many lanes are tried until it breaks, then the
    middle between.

    Reported for each number of lanes are p50 to p99 from the capture of the last frame (and of the first)
    to the decision, frames of a capture that were passed over since the lane was busy (the newest wins), and
    the share of the cores that all processes of all lanes take; desk and browsers take theirs beside it.
    Broken is a step whose p99 is above the limit, with a passenger who was referred for lack of time (frames
    came too late, or the desk could not be reached or did not answer in time: it runs on this machine, too),
    with more than a tenth of the frames passed over, or with a camera that gave less than nine of ten. A lane
    that fails, or answers wrongly, ends the run: the holder must be admitted, and nobody by another person's
    document.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends all lanes. How much of a site the officers' desk
    carries is measured by `python -m benchmarks desk`, which searches in the same way.

    Example: python -m benchmarks capacity --rate 15 --limit-ms 100 --json capacity.json
    """
    load = Load(rate, limit_ms, seconds or (QUICK_S if quick else THOROUGH_S))
    rules = shipped_policy()
    measurer = build_measurer(rules, threads=1, bf16=bf16)
    admission_band(rules, measurer)
    with (
        tempfile.TemporaryDirectory(prefix="passenger-lane-capacity-") as folder,
        site(None, lanes=MOST_LANES, officers=0, workers=1) as desk,
    ):
        holder = cast_as_holder(measurer)
        say(f"drawing a film at {rate} frames a second …")
        film = write_film(_swaying(holder.scene, rate), Path(folder) / "film.mkv", rate)
        shared = Lanes(Path(folder), film, desk, good_frames=GOOD_FRAMES, bf16=bf16)
        taken = list(steps_of(partial(work, shared, holder.document, every_s), load, say))
    about = stamp(rules, measurer.networks, threads=1)
    result = Result(
        benchmark="capacity",
        stamp=about,
        conditions={
            **about.same_lane,
            "film": f"{WIDTH}x{HEIGHT}, MJPEG, seed {SEED}",
            "frames_per_second": rate,
            "good_frames": GOOD_FRAMES,
            "passenger_every_s": every_s,
            "limit_ms": limit_ms,
            "lane": LANE,
        },
        settings={"seconds": load.seconds},
        figures=(carried(taken), *(figure for step in taken for figure in step.figures)),
    )
    deliver(result, json_out, lambda: {"lanes": draw(result)})


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried, and how it is measured."""

    frames_per_second: int
    limit_ms: float
    """Of the decision's p99."""
    seconds: float
    """How long each step lasts."""


def _swaying(scene: Scene, rate: int) -> Sequence[ImageBGR]:
    """Somebody who stands before the camera, there and back; no picture is that of the moment before."""
    rng = np.random.default_rng(SEED)
    there = [render(scene, STANDING_FROM_S + at / rate, rng) for at in range(round(WAY_S * rate))]
    return [*there, *there[-2:0:-1]]


def work(
    shared: Lanes, document: TravelDocument, every_s: float, count: int, seconds: float
) -> list[dict[str, Any]]:
    """What each of so many lanes came to, at once; BenchmarkError for one that fails. No lane is left."""
    # whoever waits for a lane hears at once that it was ended
    with ThreadPoolExecutor(count) as pool, running(shared, count) as lanes:
        came = [pool.submit(worked, lane, document, seconds, every_s) for lane in lanes]
        wait(came, return_when=FIRST_EXCEPTION)
        failed = [one for one in came if one.done() and one.exception()]
        return [one.result() for one in failed or came]


def worked(lane: LaneProcess, document: TravelDocument, seconds: float, every_s: float) -> dict[str, Any]:
    """What so many seconds came to at one lane; BenchmarkError for a wrong answer.

    One that referred somebody for lack of time serves nobody after that: an officer would have to come, and
    the step is broken already. At the others somebody presents another person's document at last, under the
    load that is timed, and is not timed. Referred for lack of time, they are counted and break the step, too.
    """
    began_s, worked_s = time.monotonic(), lane.cpu_s()
    next_s = began_s + np.random.default_rng(lane.number).uniform(0, every_s)  # no two lanes in step
    end_s, passed = began_s + seconds, list[Passage]()
    lane.wait()
    while next_s < end_s and not (passed and passed[-1].refer):
        lane.rest(next_s)
        passed.append(lane.present(document))
        _check_referral(lane, passed[-1], "the holder")
        if not passed[-1].refer:
            lane.wait()
        next_s = max(next_s + every_s, time.monotonic())
    lane.rest(end_s)
    lasted_s, worked_s = time.monotonic() - began_s, lane.cpu_s() - worked_s
    referred = [one.refer for one in passed if one.refer]
    if not referred and (unproven := _check_another_is_referred(lane, document)):
        referred.append(unproven)
    return {
        "seconds": lasted_s,
        "cpu_s": worked_s,
        "decided_ns": [_decided_ns(one) for one in passed if not one.refer],
        "referred": Counter(" ".join(sorted(codes)) for codes in referred),
        "frames_came": sum(one.noted.came for one in passed),
        "frames_looked_at": sum(len(one.noted.captured_s) for one in passed),
        "frames_per_second": noted_camera.rate([one.noted for one in passed]),
    }


def _check_referral(lane: LaneProcess, passed: Passage, who: str) -> None:
    if not FOR_LACK_OF_TIME.issuperset(passed.refer):
        codes = " ".join(sorted(passed.refer))
        raise BenchmarkError(
            f"lane {lane.number}: {who} was referred ({codes}): timing wrong answers is worth nothing"
        )


def _check_another_is_referred(lane: LaneProcess, document: TravelDocument) -> list[str]:
    """The codes where time was lacking to compare the faces; a lane that admits everybody is quick."""
    passed = lane.present(replace(document, photo=photos.load(ANOTHER)))
    if not passed.refer:
        raise BenchmarkError(
            f"lane {lane.number}: somebody was admitted by another person's document: timing wrong answers "
            "is worth nothing"
        )
    if not COMPARED.isdisjoint(passed.refer):
        return []
    _check_referral(lane, passed, "somebody with another person's document")
    return passed.refer


def _decided_ns(passed: Passage) -> tuple[int, int]:
    """From the capture of the last frame, and of the first, to the decision."""
    last_s, first_s = passed.noted.captured_s[-1], passed.noted.captured_s[0]
    return round((passed.decided_s - last_s) * 1e9), round((passed.decided_s - first_s) * 1e9)


def steps_of(work: Work, load: Load, say: Callable[[str], None]) -> Iterator[Step]:
    """Each number of lanes that is tried, in order."""

    def take(count: float) -> Step:
        say(f"{_lanes(count)} for {load.seconds:g} s …")
        step = summed_up(load, work(round(count), load.seconds))
        say(in_words(step))
        return step

    return steps(bisection.search(1, lambda _: 1, MOST_LANES), take)


def carried(taken: Sequence[Step]) -> Figure:
    """The most lanes that did not break."""
    more = "" if any(step.broken for step in taken) else "or more: no more were tried"
    return Figure(name=("lanes",), value=round(most_carried(taken)), better="higher", note=more)


def summed_up(load: Load, worked: Sequence[dict[str, Any]]) -> Step:
    """One step, by what each lane came to."""
    decided = [one for lane in worked for one in lane["decided_ns"]]
    referred = sum((Counter(lane["referred"]) for lane in worked), Counter[str]())
    came, looked_at = (sum(lane[f"frames_{what}"] for lane in worked) for what in ("came", "looked_at"))
    seconds = max(lane["seconds"] for lane in worked)
    slowest = round(min(lane["frames_per_second"] for lane in worked), 2)
    row = ("lanes", f"{len(worked)}")
    passed_over = round(max(0.0, 1 - looked_at / came), 4) if came else 0.0
    last = times(("decision", *row), [last for last, _ in decided])
    first = times(("first frame to decision", *row), [first for _, first in decided], better=None)
    slow = slowest < (1 - MOST_PASSED_OVER) * load.frames_per_second
    reasons = {
        "no passage was decided": not decided,
        f"decided later than {load.limit_ms:g} ms (p99)": last.quantiles.get("p99", 0) > load.limit_ms,
        "passengers were referred for lack of time": referred.total() > 0,
        "more than a tenth of the frames were passed over": passed_over > MOST_PASSED_OVER,
        "a camera gave less than nine frames of ten": slow,
    }
    broken = tuple(reason for reason, holds in reasons.items() if holds)
    step = ("steps", *row)
    cores = sum(lane["cpu_s"] for lane in worked) / seconds / available_cores()
    figures = (
        last,
        first,
        Figure(name=(*step, "carried"), value=int(not broken), note="; ".join(broken)),
        *counts(step, {"passages": len(decided) + referred.total(), "referred": referred.total()}),
        *counts(step, {"frames": came, "looked at": looked_at, "passed over": max(0, came - looked_at)}),
        Figure(name=(*step, "passed over share"), value=passed_over, unit=SHARE),
        *counts(step, {"frames per second of the slowest lane": slowest}),
        Figure(name=(*step, "cpu share"), value=round(cores, 4), unit=SHARE),
        *counts(("referred", *row), referred),
    )
    return Step(len(worked), broken, figures)


def in_words(step: Step) -> str:
    """One step in a line."""
    last, first, *others = step.figures
    by_name = {one.name[-1]: value_with_interval(one) for one in others}
    return "; ".join(
        (
            f"{_lanes(step.load)}, {by_name['passages']} passages",
            f"last frame to decision {quantiles(last, 'p50', 'p95', 'p99')}",
            f"first frame to decision {quantiles(first, 'p95')}",
            f"{by_name['passed over share']} of the frames passed over",
            f"{by_name['cpu share']} of the cores",
            ", ".join(step.broken) or "carried",
        )
    )


def _lanes(count: float) -> str:
    return "1 lane" if count == 1 else f"{count:g} lanes"


def draw(result: Result) -> Drawing:
    """How late each number of lanes decides, and what that takes. A ring marks a step that broke."""
    page = canvas(WIDTH_IN, 5.6)
    late, shares = page.add_axes((0.1, 0.38, 0.54, 0.54)), page.add_axes((0.1, 0.09, 0.54, 0.22))
    times = sorted((one for one in result.under("decision") if one.quantiles), key=_lanes_of)
    for place, name in enumerate(("p50", "p95", "p99")):
        points = [(_lanes_of(one), one.quantiles[name]) for one in times]
        line(late, points, place, name, "last frame to decision", marker="o")
        for one, at in zip(times, points, strict=True):
            if not result["steps", *one.name[1:], "carried"].number:
                ring(late, at, place)
    for place, (name, column) in enumerate(SHARES.items(), start=3):
        steps = {one.name[1:3]: one.number or 0.0 for one in result.under("steps") if one.name[-1] == column}
        points = sorted((int(lanes), 100 * share) for (_, lanes), share in steps.items())
        line(shares, points, place, name, marker="o")
    late.axhline(float(str(result.conditions["limit_ms"])), color="#555555", linestyle=":")
    from_zero(late, "", "frame to decision, ms")
    from_zero(shares, "lanes", "share, %")
    for axes in (late, shares):
        axes.set_xticks([_lanes_of(one) for one in times])
    lanes, rate = result["lanes",].number, result.conditions["frames_per_second"]
    late.set_title(f"{lanes} lanes are carried at {rate} frames a second")
    finish(late, "ring: it broke there", "dots: the limit")
    return finish(shares)


def _lanes_of(figure: Figure) -> int:
    return int(figure.name[2])
