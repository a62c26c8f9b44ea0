"""How long a lane takes, by stage and from a frame's capture to the gate's command, on this machine.

By frame size, number of threads, batch and provider, as a plan says; cold and warm apart.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from benchmarks.harness import drawn_frames
from benchmarks.harness.command_line import Bf16, Json, deliver
from benchmarks.harness.desk_site import site
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Size
from benchmarks.harness.measurer import (
    LanePass,
    Sample,
    admission_band,
    build_measurer,
    runtime_settings,
    shipped_policy,
    warm_up,
)
from benchmarks.harness.noted_camera import Noted, rate
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure, Name, Network, Result, counts, not_available
from benchmarks.harness.stamp import networks, stamp
from benchmarks.harness.timing import bound, times
from benchmarks.latency import cold_start, energy, single_steps
from benchmarks.latency.passages import (
    Film,
    Lane,
    PassageTimes,
    camera_for,
    film_for,
    known_similarity,
    lane_for,
    lanes_at,
    settings_for,
)
from benchmarks.latency.plan import QUICK, THOROUGH, Counts, Plan, Point, plan
from benchmarks.peers import peers
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.platform.garbage_collection import settled_garbage
from lane.service.run import open_desk
from models.errors import ProviderError
from models.runtime.providers import CPU, KNOWN, named
from models.runtime.threads import available_cores

MOST_PIXELS = 50_000_000
WARM_UP, WARM_UP_PASSAGES = 10, 2
NOT_LATE = 0.9
"""A camera is late that gives less than so much of its frames a second during a capture."""
STAGES = ("decode", "detect", "align", "quality", "liveness", "embed", "compare", "decide", "ledger", "gate")
"""In the order of the flow. Cues of liveness, ledger and gate are once a passage, the others once a frame."""
MEANING = {
    "end to end": "from the capture of the frame that the decision ended on until the gate is commanded",
    "first frame to gate": "from the capture of the first frame of the passage until the gate is commanded",
    "frame to decision": "one frame through all that decides, both of its crops embedded, without a camera",
    "own account": "by the lane's own account, summed over the frames of a passage; decode is the document's",
    "cold": "a fresh process: imports, networks loaded and tested, lane started, first passage; the time in "
    "which the kiosk and a browser open the page is left out",
    "threads": "cores, too: lane, camera's reader, kiosk and page share so many",
    "frames per second": "of the camera during captures; its reader dates a frame once it is decoded and "
    "due, so that a late reader shows in fewer frames alone",
    "captures with a late camera": f"with less than {NOT_LATE:.0%} of {FRAMES_PER_SECOND} frames a second",
}


def latency(
    json_out: Json = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A first look, in under a minute: one size, all cores, few samples."),
    ] = False,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WxH", help="Of the camera's frames; may be repeated. 640x480 to 1920x1080 if none."
        ),
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Threads, and cores that they may use; may be repeated. One to all if none."
        ),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=256, help="Pictures at once, without a lane; may be repeated. 1 to 16 if none."
        ),
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Beside the CPU, an onnxruntime provider; may be repeated. All are tried if none."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=2, help="Frames to time by themselves, at the first size and threads.")
    ] = None,
    passages: Annotated[
        int | None, typer.Option(min=1, help="Passages to time, at the first size and threads.")
    ] = None,
    bf16: Bf16 = False,
) -> None:
    """Time a lane from a frame's capture to the gate's command, and every step of it, on this machine.

    A holder stands before a camera of 30 frames a second (a film, read by a process of its own as any camera
    is), and passes again and again through a real lane: networks, policy, journal on disk, the traveller's
    screen with a page open, a desk on this machine; document and gate are simulated. Each size is measured at
    the first number of threads, and each number of threads at the first size. Beside it: single frames by
    stage, batches, and a lane that is started afresh (cold). Each answer is checked: a wrong one ends it all.

    Threads are cores, too: on one thread the lane, its camera's reader, the kiosk and the page share a core.
    A frame's time is when the reader has decoded it and it is due: a reader that is late shows in the frames
    a second that came during captures.

    Where the extra `peers` is installed, the same frames go through what else there is, in turns. Joules are
    reported where the machine counts them.

    With --bf16 no batches of the matcher are timed: `rounding` does that.

    Example: python -m benchmarks latency --quick --json -
    """
    usual = QUICK if quick else THOROUGH
    planned = plan(
        available_cores(),
        counts=Counts(frames or usual.frames, passages or usual.passages, usual.batches, usual.cold),
        quick=quick,
        sizes=[size_of(one) for one in size or ()],
        threads=threads or (),
        batches=batch or (),
        bf16=bf16,
    )
    deliver(measure(planned, provider), json_out)


def size_of(text: str) -> tuple[int, int]:
    """Width and height; typer.BadParameter where that is none, or too few pixels for a face, or too many."""
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    width, height = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if min(width, height) < 240 or width * height > MOST_PIXELS:
        raise typer.BadParameter(f"{text!r}: wanted is a size such as 1280x720", param_hint="--size")
    return width, height


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    plan: Plan
    rules: Policy
    films: Mapping[Size, Film]
    lanes: Iterator[dict[str, Any]]
    """Settings of lanes that the desk knows; each lane that is opened takes the next."""
    meters: Mapping[str, energy.Meter | str]
    folder: Path
    """On the disk that a lane's journal would be on."""


def measure(plan: Plan, providers: Sequence[str] | None) -> Result:
    """The CPU and, where they run every node, these other providers or all; then the peers."""
    rules, beside_cpu = shipped_policy(), others(providers)
    failed: dict[str, str] = {}
    each = sum(len(plan.points(threads)) for threads in plan.threads) + plan.counts.cold
    with (
        tempfile.TemporaryDirectory(prefix="passenger-lane-latency-") as folder,
        site(None, lanes=each * (1 + len(beside_cpu)), officers=0, workers=1) as desk,
    ):
        films, arithmetic = _films(plan, rules, Path(folder))
        bench = Bench(plan, rules, films, lanes_at(desk), energy.meters(), Path(folder))
        built, figures = _on(CPU, bench)
        meaning, beside = _peers(bench)
        for provider in beside_cpu:
            try:
                more, measured = _on(provider, bench)
            except ProviderError as error:
                failed[provider] = str(error)
            else:
                built, figures = (*built, *more), figures + measured
        disk = filesystem(Path(folder))
    # all cores is the same question on every machine, a number of them is another one
    about = stamp(rules, threads=None if plan.threads[0] == available_cores() else plan.threads[0])
    about = about.model_copy(update={"networks": built, "arithmetic": arithmetic})
    sizes = [size_name(size) for size in plan.sizes]
    return Result(
        benchmark="latency",
        stamp=about,
        conditions={
            **about.same_lane,
            "frames": drawn_frames.description(f"{', '.join(sizes)};"),
            "sizes": [*sizes],
            "frames_per_second": FRAMES_PER_SECOND,
            "lane": "reader, kiosk with its page open, journal, desk",
            "threads": about.threads,
        },
        settings={
            "garbage_collection": "on; set-up frozen",
            "journal": f"synchronous FULL on {disk or 'a disk'}",
        },
        figures=(*figures, *not_available(failed), *beside),
        meaning=MEANING | meaning,
    )


def others(named_ones: Sequence[str] | None) -> tuple[str, ...]:
    """Beside the CPU, each once by its long name. ProviderError for a name that nobody knows."""
    wanted = dict.fromkeys(named(name).name for name in (KNOWN if named_ones is None else named_ones))
    return tuple(name for name in wanted if name != CPU)


def _films(plan: Plan, rules: Policy, folder: Path) -> tuple[dict[Size, Film], str]:
    """By size; and the arithmetic in which the matcher knows their holder."""
    measurer, films = build_measurer(rules, bf16=plan.bf16), {}
    admission_band(rules, measurer)
    for size in follow(plan.sizes, "Drawing frames"):
        walk = drawn_frames.holder(measurer, size)
        known = known_similarity(walk, measurer)
        films[size] = film_for(walk, known, folder / f"{size_name(size)}.mkv")
    return films, measurer.networks.embedder.arithmetic


def _on(provider: str, bench: Bench) -> tuple[tuple[Network, ...], list[Figure]]:
    """One provider: the networks that ran there, and what was measured at each point."""
    built: tuple[Network, ...] = ()
    figures: list[Figure] = []
    batched: list[Figure] = []
    for threads in bench.plan.threads:
        with bound(threads):
            measurer = build_measurer(bench.rules, provider=provider, threads=threads, bf16=bench.plan.bf16)
            for point in bench.plan.points(threads):
                figures += _point(provider, point, measurer, bench)
            batched += _batches(provider, threads, measurer, bench)
            built = networks(measurer.networks)
    return built, [*figures, *batched, *_cold(provider, bench)]


def _point(provider: str, point: Point, measurer: Measurer, bench: Bench) -> Iterator[Figure]:
    film, count = bench.films[point.size], point.counts
    samples = _samples(point, measurer, bench)
    passed, used = _passages(point, measurer, bench)
    stages = {
        "decode": single_steps.decode(film.walk, count.frames),
        "liveness": single_steps.liveness(measurer, film.walk, count.passages),
        "ledger": [one.ledger_ns for one in passed],
        "gate": [one.gate_ns for one in passed],
        **{stage: [sample.stages_ns[stage] for sample in samples] for stage in samples[0].stages_ns},
    }
    first = point == bench.plan.points(bench.plan.threads[0])[0]
    place = () if first else (f"{size_name(point.size)} on {point.threads}",)
    yield times((provider, "end to end", *place), [one.last_frame_ns for one in passed])
    wholes = {
        "first frame to gate": [one.first_frame_ns for one in passed],
        "frame to decision": [sample.whole_ns for sample in samples],
    }
    for name, took_ns in (wholes | {stage: stages[stage] for stage in STAGES}).items():
        yield times((provider, name, *place), took_ns, detail=not first)
    yield from _account((f"{provider}, passages", *place), passed, film.known, detail=not first)
    yield from (
        one.model_copy(update={"detail": not first})
        for one in used.figures((provider, "energy", *place), len(passed))
    )


def _samples(point: Point, measurer: Measurer, bench: Bench) -> list[Sample]:
    walk = bench.films[point.size].walk
    lane = LanePass(measurer, bench.rules, walk)
    warm_up(lane, walk.first(WARM_UP))
    title = f"{size_name(point.size)} on {point.threads}: frames"
    with settled_garbage():
        return [lane.run(frame) for frame in follow(walk.first(point.counts.frames), title)]


def _passages(point: Point, measurer: Measurer, bench: Bench) -> tuple[list[PassageTimes], energy.EnergyUse]:
    film, title = bench.films[point.size], f"{size_name(point.size)} on {point.threads}: passages"
    document, rules = film.walk.document, bench.rules
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        settings = settings_for(Path(folder), film.path, film.size, **next(bench.lanes))
        with (
            camera_for(settings, rules) as camera,
            open_desk(settings) as desk,
            lane_for(settings, camera, desk, document, film.known, measurer, rules) as lane,
            lane.open_page(),
        ):
            return _timed(lane, title, point.counts.passages, bench)


def _timed(lane: Lane, title: str, count: int, bench: Bench) -> tuple[list[PassageTimes], energy.EnergyUse]:
    for _ in range(WARM_UP_PASSAGES):
        lane.passage()
    with settled_garbage(), energy.counted(bench.meters) as used:
        passed = [lane.passage() for _ in follow(range(count), title)]
    return passed, used


def _account(row: Name, passed: Sequence[PassageTimes], known: float, *, detail: bool) -> Iterator[Figure]:
    """What passages looked like, and the lane's own account of them."""
    captures, similarities = [one.noted for one in passed], [one.similarity for one in passed]
    numbers = {
        "passages": len(passed),
        "passed over": sum(one.passed_over for one in captures),
        "frames per second": round(rate(captures), 2),
        "captures with a late camera": sum(is_late(one) for one in captures),
        "similarity known": round(known, 4),
        "least": round(min(similarities), 4),
        "most": round(max(similarities), 4),
    }
    yield from counts(row, numbers, detail=detail)
    looked_at = sorted(Counter(one.frames for one in passed).items())
    yield from counts(row, {f"looking at {frames} frames": n for frames, n in looked_at}, detail=detail)
    for stage in passed[0].stages_ms:
        own_ns = [round(one.stages_ms.get(stage, 0.0) * 1e6) for one in passed]
        yield times((row[0], "own account", *row[1:], stage), own_ns, better=None, detail=True)


def is_late(capture: Noted) -> bool:
    """Whether the camera gave too few frames; of a single frame no rate is known."""
    return capture.came - 1 < NOT_LATE * FRAMES_PER_SECOND * capture.lasted_s


def _batches(provider: str, threads: int, measurer: Measurer, bench: Bench) -> Iterator[Figure]:
    plan = bench.plan
    walk, runtime = bench.films[plan.sizes[0]].walk, runtime_settings(provider, threads)
    row = (f"{provider}, batches", f"{threads} threads")
    return single_steps.batches(measurer, walk, runtime, plan.batches, plan.counts.batches, row)


def _cold(provider: str, bench: Bench) -> list[Figure]:
    film, threads = bench.films[bench.plan.sizes[0]], bench.plan.threads[0]
    with bound(threads), tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        lanes = [*islice(bench.lanes, bench.plan.counts.cold)]
        return cold_start.measure(film, provider, threads, lanes, Path(folder), bf16=bench.plan.bf16)


def _peers(bench: Bench) -> tuple[dict[str, str], list[Figure]]:
    """After the lane alone: a peer between its frames would empty its caches."""
    walk, threads = bench.films[bench.plan.sizes[0]].walk, bench.plan.threads[0]
    with bound(threads):
        measurer = build_measurer(bench.rules, threads=threads, bf16=bench.plan.bf16)
        lane = LanePass(measurer, bench.rules, walk)
        warm_up(lane, walk.first(WARM_UP))
        return peers.compared(lane, walk, bench.plan.counts.frames)


def size_name(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def filesystem(folder: Path) -> str | None:
    """Which kind the folder is on: fsync costs nothing on tmpfs, and proves nothing. None where unknown."""
    above = [
        one for one in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(one.mountpoint)
    ]
    return max(above, key=lambda one: len(one.mountpoint)).fstype if above else None
