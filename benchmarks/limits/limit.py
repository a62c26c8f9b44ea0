"""How near each graph and each stage comes to what this machine can do, and what a lane adds to its graphs.

A graph's limit is the longer of two times: its multiplications and additions at the rate of this machine's
fastest matrix product, and its weights, input and outputs once at the speed at which memory is copied. What
lies between its nodes is not in it, since a runtime may keep that in a cache: a program that multiplies and
adds as the graph says cannot be faster. All is timed in turns, and compared within a turn.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Annotated

import numpy as np
import typer

from benchmarks.errors import BenchmarkError
from benchmarks.harness import drawn_frames
from benchmarks.harness.command_line import Json, Threads, deliver
from benchmarks.harness.measurer import (
    STAGES,
    LanePass,
    Sample,
    admission_band,
    build_measurer,
    runtime_settings,
    shipped_policy,
    warm_up,
)
from benchmarks.harness.result import SHARE, Figure, Result, counts, not_available
from benchmarks.harness.stamp import stamp
from benchmarks.harness.timing import in_turns, ratio, timed, times
from benchmarks.limits.ceilings import Ceiling, Ceilings, ceilings
from benchmarks.limits.operation_count import Work, count
from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.policy import Policy
from models.catalogue import weights
from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.detect.face_mesh import FaceMesh
from models.embed.template import FaceEmbedder
from models.networks.build import Networks, closer_graph, closer_of, session_of
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings
from models.runtime.providers import named
from models.runtime.session import Session, Tensor
from models.runtime.threads import available_cores

QUICK, THOROUGH = 20, 150
WARM_UP = 5
KEPT = 10
"""Frames whose prepared inputs are kept: 7 MB each."""
STAGE_OF = {"detector": "detect", "landmarks": "detect", "matcher": "embed"}
"""In which of a lane's stages a network of this role runs."""
CLOSER = ", close-up"
"""Behind the detector's name: the part of it that looks closely."""
CLOSE = 1e-3
"""How far an answer may lie from the one before, over its largest number."""
MEANING = {
    "gflop": "a multiplication and an addition are two; the limit counts those of convolutions and matrix "
    "products alone",
    "least mb": "weights, input and outputs once: what the limit counts",
    "moved mb": "each node reads its inputs and weights and writes its outputs once; a runtime that fuses "
    "nodes, or keeps what lies between them in a cache, moves less",
    "share of peak": "of the fastest float32 matrix product in the same turn",
    "share of limit": "the longer of both times at the ceilings over the time measured in the same turn",
    "overhead": "a lane's whole work on a frame over the runtime's own runs on the same prepared inputs",
}

Answer = Mapping[str, Tensor]
Key = tuple[str, tuple[int, ...]]
"""The name of a network, and the shape of its input."""
LANE, BARE = "lane", "bare networks"
Samples = Mapping[Hashable, Sequence[Sample]]
"""Turn by turn, by the name of a ceiling, the key of a graph, and of these two."""


def limit(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} turns: a first look.")] = False,
    turns: Annotated[
        int | None, typer.Option(min=2, help=f"How often everything is timed; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
    provider: Annotated[str, typer.Option(help="Where the networks run.")] = "CPUExecutionProvider",
) -> None:
    """Measure how near each network comes to what this machine can do at all, and what the lane adds to it.

    The machine's ceilings are a large matrix product and a copy of memory, on as many threads. Of each graph
    the floating-point operations and the bytes are counted; at the ceilings they would take a certain time,
    and its share of the time really taken is reported: 100 % cannot be beaten. The overhead is a lane's whole
    work on a frame, without its networks. All in turns, so that a busy machine slows all of them.

    Example: python -m benchmarks limit --threads 1 --quick
    """
    rules = shipped_policy()
    measurer = build_measurer(rules, provider=provider, threads=threads)
    built = measurer.networks
    admission_band(rules, measurer)
    settings, used = runtime_settings(provider, threads), threads or available_cores()
    nets = _nets(built, settings)
    walk = drawn_frames.holder(measurer)
    runs, document = _recorded(built, nets, rules, walk)
    graphs = _graphs([*runs, document])
    sessions = {name: net.session for name, net in nets.items()}
    lane = LanePass(_measurer(built, sessions, rules), rules, walk)
    warm_up(lane, walk.first(WARM_UP))

    def place(number: int) -> int:
        return _there_and_back(number, len(runs))

    with ceilings(settings, used) as highest:
        alone: dict[Hashable, Callable[[], int]] = {one.name: one.time_ns for one in highest.every}
        alone |= {graph.run.key: graph.run.time_ns for graph in graphs}
        works: dict[Hashable, Callable[[int], Sample]] = {
            **{name: partial(_alone, time_ns) for name, time_ns in alone.items()},
            LANE: lambda number: lane.run(walk.frames[place(number)]),
            BARE: lambda number: _bare(runs[place(number)]),
        }
        often = turns or (QUICK if quick else THOROUGH)
        samples = in_turns(works, often, "Ceilings, graphs and lane in turns")
    about = stamp(rules, built, threads=threads)
    result = Result(
        benchmark="limit",
        stamp=about,
        conditions={**about.same_lane, "threads": used},
        settings={"provider": named(provider).name},
        figures=tuple(figures(graphs, runs, highest, samples)),
        meaning=MEANING,
    )
    deliver(result, json_out)


class RecordingSession:
    """A session that keeps its inputs and its answers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.calls: list[tuple[Tensor, Answer]] = []

    @property
    def provider(self) -> str:
        return self._session.provider

    def run(self, tensor: Tensor) -> Answer:
        answer = self._session.run(tensor)
        self.calls.append((tensor, answer))
        return answer


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    name: str
    spec: NetworkSpec
    graph: bytes
    session: OrtSession


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A graph on one shape of input, what it is fed, and what it answers."""

    net: Net
    tensor: Tensor
    answer: Answer

    def time_ns(self) -> int:
        """Of the runtime's own run; BenchmarkError unless its answer is the known one."""
        answer, took_ns = timed(lambda: self.net.session.bare(self.tensor))
        for name, known in self.answer.items():
            if not np.abs(answer[name] - known).max() <= CLOSE * np.abs(known).max():  # NaN compares false
                raise BenchmarkError(f"{self.net.name} answers otherwise than before: {name}")
        return took_ns

    @property
    def key(self) -> Key:
        return self.net.name, self.tensor.shape


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    run: Run
    work: Work

    @property
    def least_bytes(self) -> int:
        """What no program avoids reading or writing."""
        outputs_bytes = sum(one.nbytes for one in self.run.answer.values())
        return self.work.weights_bytes + self.run.tensor.nbytes + outputs_bytes


def _nets(built: Networks, settings: RuntimeSettings) -> dict[str, Net]:
    cache, nets = weights.cache_dir(), {}
    for spec in (built.catalogue.named(one.name) for one in built.identities):
        session = session_of(spec, cache, settings)
        nets[spec.name] = Net(spec.name, spec, weights.load(spec, cache), session)
        if spec.role == "detector" and (closer := closer_of(spec, session, cache, settings)):
            name = spec.name + CLOSER
            nets[name] = Net(name, spec, closer_graph(spec, cache), closer)
    return nets


def _measurer(built: Networks, sessions: Mapping[str, Session], rules: Policy) -> Measurer:
    """The lane's measuring on these sessions, so that what is timed alone is what the lane runs."""
    by_role = {one.role: built.catalogue.named(one.name) for one in built.identities}
    detector, matcher, mesh = by_role["detector"], by_role["matcher"], by_role.get("landmarks")
    networks = replace(
        built,
        detector=FaceDetector(detector, sessions[detector.name], sessions.get(detector.name + CLOSER)),
        mesh=FaceMesh(mesh, sessions[mesh.name]) if mesh else None,
        embedder=FaceEmbedder(matcher, sessions[matcher.name], built.embedder.identity.preprocessing),
    )
    return Measurer(networks, second_face_ratio=rules.capture.second_face_ratio)


def _recorded(
    built: Networks, nets: Mapping[str, Net], rules: Policy, walk: drawn_frames.Walk
) -> tuple[list[list[Run]], list[Run]]:
    """What the lane makes its networks do, frame by frame; and what for a document's picture."""
    sessions = {name: RecordingSession(net.session) for name, net in nets.items()}
    measurer = _measurer(built, sessions, rules)
    lane = LanePass(measurer, rules, walk)
    warm_up(lane, walk.first(WARM_UP))

    def recorded(work: Callable[[], object]) -> list[Run]:
        for one in sessions.values():
            one.calls.clear()
        work()
        return [
            Run(nets[name], tensor, answer) for name, one in sessions.items() for tensor, answer in one.calls
        ]

    of_frames = [recorded(partial(lane.run, frame)) for frame in walk.frames[:KEPT]]
    return of_frames, recorded(partial(measurer.look, walk.frames[0], Stopwatch()))


def _graphs(runs: Sequence[Sequence[Run]]) -> list[Graph]:
    """Each graph on each shape that it was fed."""
    first = {run.key: run for of_frame in reversed(runs) for run in reversed(of_frame)}
    return [
        Graph(run, count(run.net.graph, run.net.name, run.tensor.shape)) for _, run in sorted(first.items())
    ]


def _alone(time_ns: Callable[[], int], _: int) -> Sample:
    return Sample({}, time_ns())


def _bare(runs: Sequence[Run]) -> Sample:
    """The networks' part of a lane's work on a frame, by the runtime alone."""
    took = dict.fromkeys(STAGES, 0)
    for run in runs:
        took[STAGE_OF[run.net.spec.role]] += run.time_ns()
    return Sample(took, sum(took.values()))


def _there_and_back(number: int, count: int) -> int:
    """No jump between two frames: a jump would be a movement that refers."""
    place = number % (2 * count)
    return min(place, 2 * count - 1 - place)


def figures(
    graphs: Sequence[Graph], runs: Sequence[Sequence[Run]], highest: Ceilings, samples: Samples
) -> Iterator[Figure]:
    limits = Limits(highest, samples)
    by_key = {graph.run.key: graph for graph in graphs}
    places = [_there_and_back(number, len(runs)) for number in range(len(samples[LANE]))]
    needed = [
        _needed_ns(limits, turn, [by_key[run.key] for run in runs[at]]) for turn, at in enumerate(places)
    ]
    whole, bare = limits.took_ns(LANE), limits.took_ns(BARE)
    yield from limits.figures()
    for graph in graphs:
        yield from _graph(graph, limits)
    for stage in STAGES:
        yield from _stage(stage, samples, needed)
    yield ratio(("overhead", "lane over bare networks"), whole, bare, better="lower")
    yield times(("overhead", "lane"), whole)
    yield times(("overhead", "bare networks"), bare)


@dataclass(frozen=True, slots=True)
class Limits:
    """The ceilings of each turn."""

    highest: Ceilings
    samples: Samples

    def took_ns(self, name: Hashable) -> list[int]:
        return [one.whole_ns for one in self.samples[name]]

    def flop_per_ns(self, turn: int) -> float:
        """The fastest float32 product's, so GFLOP a second."""
        return max(one.amount / self.samples[one.name][turn].whole_ns for one in self.highest.products)

    def needed_ns(self, graph: Graph, turn: int) -> float:
        copy = self.highest.copy
        bytes_per_ns = copy.amount / self.samples[copy.name][turn].whole_ns
        return max(graph.work.products_flop / self.flop_per_ns(turn), graph.least_bytes / bytes_per_ns)

    def figures(self) -> Iterator[Figure]:
        highest = self.highest
        for one in highest.products:
            yield from self._rate(one, f"float32 product by {one.name}", "GFLOP/s")
        for one in highest.reduced:
            yield from self._rate(one, f"{one.name} product", "G operations/s")
        missing = {f"{name} product": why for name, why in highest.missing.items()}
        yield from not_available(missing, "ceilings")
        yield from self._rate(highest.copy, "copy, read and written", "GB/s")

    def _rate(self, ceiling: Ceiling, name: str, unit: str) -> Iterator[Figure]:
        """Bytes, or operations, in a nanosecond are gigabytes in a second."""
        rates = [ceiling.amount / took for took in self.took_ns(ceiling.name)]
        row = ("ceilings", name)
        yield Figure(name=(*row, "median"), value=round(median(rates), 2), unit=unit, better="higher")
        yield Figure(name=(*row, "best"), value=round(max(rates), 2), unit=unit)


def _graph(graph: Graph, limits: Limits) -> Iterator[Figure]:
    work, took_ns = graph.work, limits.took_ns(graph.run.key)
    turns = range(len(took_ns))
    peak = [work.products_flop / limits.flop_per_ns(turn) for turn in turns]
    limit = [limits.needed_ns(graph, turn) for turn in turns]
    arithmetic = sum(one >= other for one, other in zip(peak, limit, strict=True)) * 2 >= len(limit)
    shape = "×".join(map(str, graph.run.tensor.shape))
    row = ("graphs", f"{graph.run.net.name} {shape}")
    bound = f"bound by {'arithmetic' if arithmetic else 'memory'}"
    yield ratio((*row, "share of limit"), limit, took_ns, unit=SHARE, note=bound)
    yield ratio((*row, "share of peak"), peak, took_ns, unit=SHARE)
    yield times(row, took_ns, better=None)
    amounts = {
        "gflop": round(work.flop / 1e9, 5),
        "products gflop": round(work.products_flop / 1e9, 5),
        "gflop per s": round(work.products_flop / median(took_ns), 2),
        "weights mb": round(work.weights_bytes / 1e6, 3),
        "least mb": round(graph.least_bytes / 1e6, 3),
        "moved mb": round(work.moved_bytes / 1e6, 3),
    }
    yield from counts(("work", row[1]), amounts)
    yield from counts(("operations", row[1]), work.by_operator, detail=True)
    yield from counts(("operations not counted", row[1]), work.not_counted)


def _needed_ns(limits: Limits, turn: int, graphs: Sequence[Graph]) -> dict[str, float]:
    """By stage: its graphs' limits, one after the other."""
    needed = dict.fromkeys(STAGES, 0.0)
    for graph in graphs:
        needed[STAGE_OF[graph.run.net.spec.role]] += limits.needed_ns(graph, turn)
    return needed


def _stage(stage: str, samples: Samples, needed: Sequence[Mapping[str, float]]) -> Iterator[Figure]:
    """A stage without a graph has no limit that is known."""
    took, limit = [sample.stages_ns[stage] for sample in samples[LANE]], [one[stage] for one in needed]
    row = ("stages", stage)
    yield times(row, took, better=None)
    if all(limit):
        yield ratio((*row, "share of limit"), limit, took, unit=SHARE)
        bare_ms = median(sample.stages_ns[stage] for sample in samples[BARE]) / 1e6
        yield Figure(name=(*row, "bare ms"), value=round(bare_ms, 4))
        yield Figure(name=(*row, "limit ms"), value=round(median(limit) / 1e6, 4))
