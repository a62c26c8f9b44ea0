"""Time to decision against error: when the lane stops looking, beside fixed numbers of frames.

Each live sequence gives its good frames, as a lane takes them. From each of several beginnings on they are
compared with one picture of the same person in another session, and with pictures of strangers, by each rule
for when to stop. The same frames, the same scores: rules differ in nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.accuracy.error_rates import rate_figure
from benchmarks.acquisition.acquire import acquire
from benchmarks.acquisition.identities import identify
from benchmarks.acquisition.lists import Pair, Recording, grouping, images, read_pairs, read_sequences
from benchmarks.acquisition.matchers import Bench, bench, own
from benchmarks.acquisition.recorded_camera import Replay
from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import FrameInterval, Json, Root, Workers, deliver, similarities
from benchmarks.harness.drawn_frames import FRAMES_PER_SECOND, Walk, holder
from benchmarks.harness.measurer import admission_band, build_measurer, shipped_policy
from benchmarks.harness.noted_camera import NotedCamera
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Figure, Result, counts
from benchmarks.harness.stamp import sha256_of, stamp
from benchmarks.harness.timing import StageWatch, timed, times
from lane.capture.capture import Capture, CaptureSetup, run_capture
from lane.capture.measuring import Measurer, Question, Stopwatch
from lane.capture.reference import examine, unexamined
from lane.capture.stop_rule import agreed, settled
from lane.decision.policy import CaptureRule, Policy
from lane.evaluation.intervals import rate
from lane.platform.garbage_collection import settled_garbage
from models.values.face import ImageBGR

Vectors: TypeAlias = NDArray[np.float32]
Scores: TypeAlias = NDArray[np.floating[Any]]
Stop: TypeAlias = Callable[[Sequence[float], Scores, float], tuple[bool, int]]
"""The scores of good frames in order, how alike the frames are, the threshold; admitted, and by how many."""

BEGINNINGS_APART = 3
"""Good frames between two beginnings in one sequence."""
EVERY = 10_000
FAST = 30
"""Frames a second at which the work on a frame is timed."""


def decision(
    root: Root,
    sequences: Annotated[Path, typer.Option(help="CSV as for `accuracy --sequences`.")],
    strangers: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV as for `accuracy --pairs`, of people who are on no sequence; may be repeated."
        ),
    ] = None,
    json_out: Json = None,
    thresholds: Annotated[
        str, typer.Option(help="Similarities at which rules are compared, beside the policy's own.")
    ] = "0.3,0.35,0.55,0.62",
    frame_interval: FrameInterval = 0.2,
    captures: Annotated[int, typer.Option(min=1, help="Captures whose work is timed frame by frame.")] = 60,
    workers: Workers = None,
) -> None:
    """Measure when a lane stops looking: frames and time to decision against error, beside fixed numbers.

    Each sequence is taken from several beginnings on. Rules see the same frames and scores: the lane's, fixed
    numbers of frames, and the first score that admits, which is no rule for a lane. Few strangers score as
    high as the policy's threshold, so lower ones are reported beside it, and higher ones for holders. Then
    the work on each frame at 30 a second, on one thread.

    Example: python -m benchmarks decision --root DATA --sequences nuaa.csv --strangers pairs.csv --json -
    """
    rules, lists = shipped_policy(), strangers or []
    own_networks = build_measurer(rules, threads=1)
    frames_timed = list(work(own_networks, rules, holder(own_networks), captures))
    figures = measure(
        read_sequences(sequences, root, grouping("group", [sequences])),
        [pair for one in lists for pair in read_pairs(one, root, grouping("group", [one]))],
        root,
        bench([own()], rules, "prominent", workers),
        rules,
        own_networks,
        interval_s=frame_interval,
        thresholds=similarities(thresholds),
    )
    about = stamp(rules, own_networks.networks, threads=1)
    result = Result(
        benchmark="decision",
        stamp=about,
        conditions={
            **about.same_lane,
            "data_sha256": {one.name: sha256_of(one) for one in (sequences, *lists)},
            "frame_interval_s": frame_interval,
            "frames_per_second": FAST,
        },
        settings={"capture": rules.capture.model_dump(mode="json"), "captures": captures},
        figures=(*frames_timed, *figures),
    )
    deliver(result, json_out)


@dataclass(frozen=True, slots=True, eq=False)
class Filmed:
    recording: Recording
    numbers: tuple[int, ...]
    """Which frames of the sequence they are, from 0."""
    probes: Vectors


@dataclass(slots=True)
class Tally:
    """What one rule did at one threshold."""

    missed: int = 0
    holders: int = 0
    accepted: int = 0
    strangers: int = 0
    frames: list[int] = field(default_factory=list)


def stops(rule: CaptureRule) -> dict[str, Stop]:
    """The lane's rule, and what it is held against; the last must not be done at a gate."""
    least, most = rule.good_frames, rule.most_good_frames

    def is_settled(scores: Sequence[float], among: Scores, admit: float, n: int) -> bool:
        return settled(scores[:n], _pairs(among, n), rule, admit)

    return {
        "lane": _until(is_settled, least, most),
        **{f"fixed {n}": _fixed(n) for n in sorted({least, 3, most})},
        "first that admits": _until(_admits, least, most),
    }


def _until(ends: Callable[[Sequence[float], Scores, float, int], bool], least: int, most: int) -> Stop:
    """Ends at the first number of frames where `ends` holds, and at the most without an admission."""

    def stop(scores: Sequence[float], among: Scores, admit: float) -> tuple[bool, int]:
        for n in range(least, most + 1):
            if ends(scores, among, admit, n):
                return _admits(scores, among, admit, n), n
        return False, most

    return stop


def _fixed(n: int) -> Stop:
    return lambda scores, among, admit: (_admits(scores, among, admit, n), n)


def _admits(scores: Sequence[float], among: Scores, admit: float, n: int) -> bool:
    return agreed(scores[:n], _pairs(among, n)) >= admit


def _pairs(among: Scores, n: int) -> list[float]:
    found: list[float] = among[:n, :n][np.triu_indices(n, 1)].tolist()
    return found


def measure(
    recordings: Sequence[Recording],
    strangers: Sequence[Pair],
    root: Path,
    bench: Bench,
    rules: Policy,
    measurer: Measurer,
    *,
    interval_s: float,
    thresholds: Sequence[float],
) -> Iterator[Figure]:
    """By threshold and rule; and what each rule takes of a sequence from its start on."""
    every = [film(one, root, measurer, rules, interval_s) for one in follow(recordings, "Filming")]
    filmed = [one for one in every if len(one.numbers) >= rules.capture.most_good_frames]
    if not filmed:
        raise BenchmarkError("no sequence has as many good frames as the policy may look at")
    others = _others(strangers, root, bench)
    named = stops(rules.capture)
    admit = admission_band(rules, measurer).admit
    data = {
        "sequences": len(recordings),
        "too short": len(recordings) - len(filmed),
        "people": len({one.recording.subject for one in filmed}),
        "pictures of strangers": len(others),
        "shipped threshold": admit,
    }
    yield from counts(("data",), data)
    for threshold in sorted({*thresholds, admit}):
        yield from _compared(filmed, others, named, threshold, rules.capture.most_good_frames)
    for name, stop in named.items():
        yield from _from_start(name, filmed, stop, admit, interval_s, rules.capture)


def film(recording: Recording, root: Path, measurer: Measurer, rules: Policy, interval_s: float) -> Filmed:
    """Every good frame of a sequence, as a lane finds it."""
    patient = {"good_frames": EVERY, "most_good_frames": EVERY, "timeout_s": EVERY, "max_span_s": EVERY}
    rule = rules.capture.model_copy(update=patient)
    capture, replay = Capture(), Replay(images(root / recording.folder), interval_s)
    setup = CaptureSetup(replay, measurer, rules.model_copy(update={"capture": rule}), replay)
    run_capture(capture, setup, Question(rule), Stopwatch())
    numbers = tuple(good.assessed.frame.sequence for good in capture.good)
    return Filmed(recording, numbers, np.array([good.probe.vector for good in capture.good], np.float32))


def _others(strangers: Sequence[Pair], root: Path, bench: Bench) -> Vectors:
    """One vector for each picture of the lists: nobody on them is on a sequence."""
    names = tuple(identify(strangers, ()).number) if strangers else ()
    if not names:
        return np.empty((0, 0), np.float32)
    (acquired,) = acquire(names, root, bench.workers).values()
    return np.stack(list(acquired.vectors.values()))


def _compared(
    filmed: Sequence[Filmed], others: Vectors, named: Mapping[str, Stop], admit: float, most: int
) -> Iterator[Figure]:
    tallies = {name: Tally() for name in named}
    for one in filmed:
        holders, strangers = _references(one, filmed, others)
        for first in range(0, len(one.probes) - most + 1, BEGINNINGS_APART):
            probes = one.probes[first : first + most]
            among = probes @ probes.T
            for name, stop in named.items():
                _count(tallies[name], stop, (holders @ probes.T, strangers @ probes.T), among, admit)
    for name, tally in tallies.items():
        row = (f"threshold {admit:g}", name)
        yield rate_figure((*row, "FNMR"), rate(tally.missed, tally.holders))
        yield rate_figure((*row, "FMR"), rate(tally.accepted, tally.strangers))
        yield from counts(row, _quantiles("frames", tally.frames))


def _references(one: Filmed, filmed: Sequence[Filmed], others: Vectors) -> tuple[Vectors, Vectors]:
    """Pictures of the same person in another session, and of other people."""
    me, here = one.recording.subject, one.recording.session
    nobody = np.empty((0, one.probes.shape[1]), np.float32)
    same = [o.probes for o in filmed if o.recording.subject == me and o.recording.session != here]
    strangers = [o.probes for o in filmed if o.recording.subject != me]
    strangers += [others] if others.size else []
    return np.concatenate([nobody, *same]), np.concatenate([nobody, *strangers])


def _count(tally: Tally, stop: Stop, scores: tuple[Scores, Scores], among: Scores, admit: float) -> None:
    holders, strangers = scores
    for row in holders.tolist():
        admitted, n = stop(row, among, admit)
        tally.missed += not admitted
        tally.frames.append(n)
    tally.holders += len(holders)
    near = strangers[strangers.max(axis=1) >= admit]  # an agreed score is never above the highest
    tally.accepted += sum(stop(row, among, admit)[0] for row in near.tolist())
    tally.strangers += len(strangers)


def _from_start(
    name: str, filmed: Sequence[Filmed], stop: Stop, admit: float, interval_s: float, rule: CaptureRule
) -> Iterator[Figure]:
    """Each person against the first good frame of each other session, from the sequence's first frame on."""
    admitted, frames, times_ms = 0, [], []
    for one in filmed:
        among = one.probes @ one.probes.T
        for other in filmed:
            same = one.recording.subject == other.recording.subject
            if not same or one.recording.session == other.recording.session:
                continue
            passed, n = stop((one.probes @ other.probes[0]).tolist(), among, admit)
            time_s = one.numbers[n - 1] * interval_s
            admitted += passed and time_s <= rule.timeout_s
            frames.append(one.numbers[n - 1] + 1)
            times_ms.append(1e3 * time_s)
    row = ("from the first frame on", name)
    yield from counts(row, {"captures": len(frames), "admitted": admitted})
    yield from counts(row, _quantiles("frames", frames) | _quantiles("ms", times_ms))


def _quantiles(what: str, numbers: Sequence[float]) -> dict[str, float]:
    """Empty where there are none."""
    if not numbers:
        return {}
    p50, p95 = np.quantile(numbers, (0.5, 0.95), method="inverted_cdf")
    return {
        f"{what} mean": round(float(np.mean(numbers)), 3),
        f"{what} p50": float(p50),
        f"{what} p95": float(p95),
    }


def work(measurer: Measurer, rules: Policy, walk: Walk, captures: int) -> Iterator[Figure]:
    """The time that frames of a holder who stands there take, 640×480 at 30 a second, one after the other.

    In turns with the same frames through every step at once, at full scale: what each frame took before the
    first look was halved and an embedding went in parts.
    """
    unread = unexamined(walk.document, Replay([], 1).today(), rules.person.capture_from_age)
    reference = examine(walk.document, unread, measurer, Stopwatch())
    admit = admission_band(rules, measurer).admit
    question = Question(rules.capture, reference.embedding, admit)
    work_ns, whole_ns, per_capture, decided_ns = [], [], [], []

    def every_step(image_bgr: ImageBGR) -> None:
        watch = StageWatch()
        measurer.embed(measurer.look(image_bgr, watch), watch)

    with settled_garbage():
        for number in follow(range(captures), "Timing frames"):
            replay = Replay(walk.first(FRAMES_PER_SECOND + number)[number:], 1 / FAST)
            camera = NotedCamera(replay)
            run_capture(Capture(), CaptureSetup(camera, measurer, rules, replay), question, Stopwatch())
            took_ns = camera.noted.work_ns
            work_ns += took_ns
            per_capture.append(len(took_ns))
            decided_ns.append(round(1e9 * (len(took_ns) - 1) / FAST) + took_ns[-1])
            whole_ns += [timed(partial(every_step, image))[1] for image in walk.first(len(took_ns))]
    yield times(("work", "a frame"), work_ns)
    yield times(("work", "a frame with every step"), whole_ns, better=None)
    yield times(("work", "first frame to decision"), decided_ns, better=None)
    yield from counts(("frames", "of a capture"), _quantiles("frames", per_capture))
