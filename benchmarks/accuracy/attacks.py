"""How well liveness cues separate people from what is held up in their place, on people not fitted on.

Each sequence of frames is cut into runs of `LOOKS` looks, as a lane takes them. Of every person in turn all
runs are scored by weights that were fitted on all others. Reported as ISO/IEC 30107-3 asks: bona fide
presentations rejected (BPCER), and attacks accepted (APCER) of each species, never a mean over species.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.accuracy.score_plots import det_of_attacks
from benchmarks.acquisition.lists import LIVE, folder_and_subject, frames_in, images, read_rows
from benchmarks.acquisition.recorded_camera import Replay
from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import FrameInterval, Json, Root, deliver
from benchmarks.harness.measurer import build_measurer, shipped_policy
from benchmarks.harness.plots import Drawing
from benchmarks.harness.progress import follow
from benchmarks.harness.result import SHARE, Figure, Interval, Name, Result, counts, must_be_writable, write
from benchmarks.harness.stamp import sha256_of, sha256_of_all, stamp
from lane.capture.measuring import Measurer, Stopwatch
from lane.capture.stream_check import StreamWatch
from lane.decision.evidence import Check
from lane.decision.policy import StreamRule
from lane.evaluation.intervals import CONFIDENCE, rate
from models.liveness.frames import Look
from models.liveness.score import CUES, FARTHEST, FEWEST_LOOKS, FORMAT, Weight, Weights, measure
from models.values.measurement import Measure, Measured

Numbers: TypeAlias = NDArray[np.float64]

LOOKS = 5
BPCER = 0.02
"""BSI TR-03121-3: false alarms of at most 2 %."""
PENALTY = 4.0
"""Of large weights, for each unit of weight of the data: few people, many cues."""
DRAWS, SEED = 1000, 20260101


def attacks(
    root: Root,
    sequences: Annotated[
        Path,
        typer.Option(
            help="CSV with the columns sequence,subject,kind, and species if any: folders of frames, `live` "
            "or what was held up."
        ),
    ],
    json_out: Json = None,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Also fit weights on everybody, and write them to this file."),
    ] = None,
    frame_interval: FrameInterval = 0.2,
) -> None:
    """Measure how many attacks liveness cues accept (APCER, by species) at 2 % of live people rejected.

    Nobody is scored by weights that were fitted on them: each person in turn is left out. Beside OUT, the DET
    curve of each species is drawn as SVG.

    Example: python -m benchmarks attacks --root DATA --sequences DATA/nuaa_sequences.csv --json attacks.json
    """
    must_be_writable(fit)
    rules = shipped_policy()
    listed = read_attacks(sequences, root)
    measuring = build_measurer(rules, threads=1)
    data = data_of(sequences, root, listed)
    about = stamp(rules, measuring.networks, threads=1)
    found = list(runs(listed, root, measuring, frame_interval))
    scores = by_others(found)
    result = Result(
        benchmark="attacks",
        stamp=about,
        conditions={**about.same_lane, **data},
        figures=(
            *figures(found, scores),
            *streams(listed, root, rules.stream, frame_interval),
        ),
    )
    if fit is not None:
        stamped = about.model_dump(mode="json")
        made = {key: stamped[key] for key in ("date_utc", "commit", "libraries")}
        weights = as_file(fitted(found), data, made)
        write(json.dumps(weights, indent=2, allow_nan=False) + "\n", fit)
    deliver(result, json_out, lambda: draw(found, scores))


@dataclass(frozen=True, slots=True)
class Sequenced:
    """A folder of frames: of whom, and of what kind."""

    folder: str
    subject: str
    species: str
    """`live`, or what was held up and how."""


@dataclass(frozen=True, slots=True)
class Run:
    """Some looks one after the other, and the cues that they gave."""

    sequence: Sequenced
    cues: Mapping[str, Measure]
    cost_ms: float = 0.0
    """Of one core, to take them."""


def read_attacks(path: Path, root: Path) -> tuple[Sequenced, ...]:
    """Rows of a CSV with the columns `sequence,subject,kind`, and `species` if any. BenchmarkError for none.

    Without `species`, an attack's is its kind and the last two numbers of its folder's name: how NUAA counts
    the ways in which a print was held, and the sessions.
    """
    found = []
    for line, row in read_rows(path, "sequence,subject,kind"):
        folder, subject = folder_and_subject(row, root, where := f"{path}, line {line}")
        if not (kind := row["kind"]):
            raise BenchmarkError(f"{where}: needs its kind")
        numbers = "_".join(PurePosixPath(folder).name.split("_")[-2:])
        species = LIVE if kind == LIVE else row.get("species") or f"{kind} {numbers}"
        found.append(Sequenced(folder, subject, species))
    if len({one.subject for one in found}) < 2 or len({one.species == LIVE for one in found}) < 2:
        raise BenchmarkError(f"{path}: needs two people at least, live and attacked")
    return tuple(found)


def runs(sequences: Sequence[Sequenced], root: Path, measurer: Measurer, interval_s: float) -> Iterator[Run]:
    for one in follow(sequences, "sequences"):
        looks = list(_looks(root / one.folder, measurer, interval_s))
        for start in range(0, len(looks), LOOKS):
            if len(part := looks[start : start + LOOKS]) >= FEWEST_LOOKS:
                began = time.thread_time()
                cues = measure(part)
                yield Run(one, cues, (time.thread_time() - began) * 1e3)


def _looks(folder: Path, measurer: Measurer, interval_s: float) -> Iterator[Look]:
    """Of frames with a face; the largest is the passenger's."""
    for number, image_bgr in enumerate(images(folder)):
        face = measurer.look(image_bgr, Stopwatch()).face
        if face is not None:
            yield Look(image_bgr, face, number * interval_s)


def fitted(found: Sequence[Run]) -> Weights:
    """Logistic regression by Newton's method with a penalty on large weights; both kinds weigh the same.

    The constant is moved so that `BPCER` of these people score below a half.
    """
    table, live = _table(found), _live(found)
    mean, deviation = np.nanmean(table, 0), np.maximum(np.nanstd(table, 0), 1e-9)
    scaled = np.clip(np.nan_to_num((table - mean) / deviation), -FARTHEST, FARTHEST)
    columns = np.column_stack([scaled, np.ones(len(scaled))])
    weight = np.where(live, 0.5 / live.sum(), 0.5 / (~live).sum()) * len(live)
    solution = _newton(columns, live.astype(np.float64), weight)
    sums = scaled @ solution[:-1]
    constant = -_lowest_but(np.sort(sums[live]))
    parts = zip(CUES, mean, deviation, solution[:-1], strict=True)
    return Weights(constant, {name: Weight(float(m), float(d), float(w)) for name, m, d, w in parts})


def _newton(columns: Numbers, wanted: Numbers, weight: Numbers) -> Numbers:
    solution = np.zeros(columns.shape[1])
    penalty = np.diag([*[PENALTY] * (columns.shape[1] - 1), 1e-6])
    for _ in range(30):
        live_share = 1 / (1 + np.exp(-columns @ solution))
        slope = columns.T @ (weight * (wanted - live_share)) - penalty @ solution
        curve = (columns * (weight * live_share * (1 - live_share))[:, None]).T @ columns + penalty
        solution = solution + np.linalg.solve(curve, slope)
    return solution


def _lowest_but(scores: Numbers) -> float:
    """Where at most `BPCER` of these ascending scores lie below."""
    return float(scores[math.floor(BPCER * len(scores))])


def by_others(found: Sequence[Run]) -> Numbers:
    """The score of each run by weights that were fitted without its person; NaN where there is none."""
    scores = np.full(len(found), np.nan)
    for subject in sorted({run.sequence.subject for run in found}):
        weights = fitted([run for run in found if run.sequence.subject != subject])
        for place, run in enumerate(found):
            if run.sequence.subject == subject and isinstance(score := weights.score(run.cues), Measured):
                scores[place] = score.value
    return scores


def figures(found: Sequence[Run], scores: Numbers) -> Iterator[Figure]:
    """APCER by species where BPCER is 2 %, each with its exact interval and that over people."""
    live, subjects = _live(found), np.array([run.sequence.subject for run in found])
    scored = ~np.isnan(scores)
    threshold = _lowest_but(np.sort(scores[live & scored]))
    kinds = np.array([run.sequence.species for run in found])
    data = {
        "people": len(set(subjects)),
        "looks per run": LOOKS,
        "not assessed": int((~scored).sum()),
        "threshold": round(threshold, 6),
    }
    yield from counts(("data",), data)
    yield _share((LIVE, "rejected", "BPCER"), scores[live & scored] < threshold)
    yield _share((LIVE, "rejected at 0.5", "BPCER"), scores[live & scored] < 0.5)
    for name in sorted(set(kinds) - {LIVE}):
        of_it = (kinds == name) & scored
        by_people = _by_people(scores, live, of_it, subjects)
        yield _share(("attacks accepted", name, "APCER"), scores[of_it] >= threshold, by_people)
    for name in CUES:
        yield from counts(("each cue alone", name), _alone(found, name))
    yield from _cost("cues of a run", [run.cost_ms for run in found])


def streams(
    sequences: Sequence[Sequenced], root: Path, rule: StreamRule, interval_s: float
) -> Iterator[Figure]:
    """How many live sequences would be taken for a lie about the stream, and what each frame costs."""
    live, costs, suspected = [one for one in sequences if one.species == LIVE], [], 0
    for one in live:
        watch = StreamWatch(rule)
        for frame in Replay(images(root / one.folder), interval_s).frames():
            began = time.thread_time()
            watch.see(frame)
            costs.append((time.thread_time() - began) * 1e3)
        suspected += watch.verdict(somebody=True).genuine is not Check.SUCCESSFUL
    yield from counts(("streams",), {"live sequences": len(live), "suspected": suspected})
    yield from _cost("stream check of a frame", costs)


def _cost(what: str, costs_ms: Sequence[float]) -> Iterator[Figure]:
    quantiles = {name: round(float(np.quantile(costs_ms, q)), 2) for name, q in (("p50", 0.5), ("p95", 0.95))}
    return counts(("ms of one core", what), quantiles)


def _share(name: Name, errors: NDArray[np.bool_], by_people: Interval | None = None) -> Figure:
    one = rate(int(errors.sum()), len(errors))
    return Figure(
        name=name,
        value=round(one.rate, 4),
        unit=SHARE,
        better="lower",
        interval=(round(one.low, 4), round(one.high, 4)),
        by_people=by_people,
        errors=one.errors,
        n=one.n,
    )


def _by_people(
    scores: Numbers, live: NDArray[np.bool_], which: NDArray[np.bool_], subjects: Any
) -> Interval | None:
    """The same where people are drawn again, the threshold with them."""
    people, rng, rates = sorted(set(subjects)), np.random.default_rng(SEED), []
    genuine = {one: scores[(subjects == one) & live & ~np.isnan(scores)] for one in people}
    attacks = {one: scores[(subjects == one) & which] for one in people}
    for _ in range(DRAWS):
        drawn = [people[place] for place in rng.integers(len(people), size=len(people))]
        bona_fide = np.sort(np.concatenate([genuine[one] for one in drawn]))
        held_up = np.concatenate([attacks[one] for one in drawn])
        if len(bona_fide) and len(held_up):
            rates.append(float((held_up >= _lowest_but(bona_fide)).mean()))
    if not rates:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(rates, (tail, 1 - tail))
    return round(float(low), 4), round(float(high), 4)


def _alone(found: Sequence[Run], name: str) -> dict[str, float]:
    """Of one cue by itself: how often a live run has more of it than an attack (area under ROC)."""
    column, live = _table(found)[:, list(CUES).index(name)], _live(found)
    bona_fide, attacks = column[live & ~np.isnan(column)], column[~live & ~np.isnan(column)]
    more = (
        (bona_fide[:, None] > attacks).mean() + (bona_fide[:, None] == attacks).mean() / 2
        if len(bona_fide) * len(attacks)
        else 0
    )
    return {"more in live": round(float(more), 3), "assessed": round(float((~np.isnan(column)).mean()), 3)}


def _table(found: Sequence[Run]) -> Numbers:
    """Runs by cues; NaN where one was not assessed."""
    return np.array([[_value(run.cues[name]) for name in CUES] for run in found])


def _value(measure_: Measure) -> float:
    return measure_.value if isinstance(measure_, Measured) else math.nan


def _live(found: Sequence[Run]) -> NDArray[np.bool_]:
    return np.array([run.sequence.species == LIVE for run in found])


def data_of(path: Path, root: Path, sequences: Sequence[Sequenced]) -> dict[str, Any]:
    """Which pictures: a hash over the names and contents of all."""
    paths = [path for one in sequences for path in frames_in(root / one.folder)]
    names = [path.relative_to(root).as_posix() for path in paths]
    return {
        "sequences": path.name,
        "sequences_sha256": sha256_of(path),
        "pictures": len(names),
        "pictures_sha256": sha256_of_all(names, root),
        "people": len({one.subject for one in sequences}),
    }


def as_file(weights: Weights, data: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "data": dict(data),
        "made": dict(made),
        "constant": round(weights.constant, 6),
        "cues": {
            name: {part: round(value, 6) for part, value in asdict(one).items()}
            for name, one in weights.cues.items()
        },
    }


def draw(found: Sequence[Run], scores: Numbers) -> dict[str, Drawing]:
    scored, live = ~np.isnan(scores), _live(found)
    kinds = np.array([run.sequence.species for run in found])
    species = sorted(set(kinds) - {LIVE})
    curves = {name: (scores[live & scored], scores[(kinds == name) & scored]) for name in species}
    return {"det": det_of_attacks(curves, "Liveness cues: DET by species")}
