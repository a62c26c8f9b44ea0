"""The benchmarks' command line."""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console

from benchmarks import results
from benchmarks.errors import BenchmarkError
from lane.errors import LaneError
from models.ending import with_a_reader
from models.errors import ModelError
from models.guard import refuse_strangers

if TYPE_CHECKING:
    from benchmarks.acquire import Take
    from benchmarks.pairs import Pair

app = typer.Typer(
    name="python -m benchmarks",
    help="Measure Passenger Lane on this machine: how fast, how accurate. Tables, or JSON.\n\n"
    "Nothing here says good or bad: figures, how sure they are, and a stamp of what they were measured on.",
    epilog="Start here: python -m benchmarks latency --quick",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="OUT", help="Also write the result to this file; - prints JSON only."),
]
QUICK, THOROUGH = 30, 200
STOPPED = 130
"""The exit code after Ctrl-C, as a shell has it."""

Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of each network; the cores of this process if not given.")
]


@app.command()
def latency(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} frames: a first look.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Frames to time on each provider; {THOROUGH} if not given.")
    ] = None,
    threads: Threads = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Beside the CPU, an onnxruntime provider; may be repeated. CUDA is tried if none."),
    ] = None,
) -> None:
    """Time every step from camera frame to decision at 640×480, and the whole, on this machine.

    Frames are drawn before, networks are warm, and each answer is checked: a wrong one ends the run. Where
    the extra `peers` is installed, the same frames go through face_recognition, frame by frame in turns.

    Example: python -m benchmarks latency --quick --json -
    """
    from benchmarks.latency import measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.tables import show_latency  # noqa: PLC0415

    results.must_be_writable(json_out)
    count = frames or (QUICK if quick else THOROUGH)
    result = measure(count, threads, tuple(provider or ("CUDAExecutionProvider",)))
    _tell(result, json_out, show_latency)


Root = Annotated[Path, typer.Option(help="The folder that the lists' paths are relative to.")]
Matchers = Annotated[
    list[str] | None,
    typer.Option(
        "--matcher",
        metavar="NAME",
        help="A matcher of the catalogue (python -m models list), or face_recognition; may be repeated. "
        "If none: the lane's own, and face_recognition where it is installed.",
    ),
]
Which = Annotated[
    Literal["prominent", "largest", "central"],
    typer.Option(
        help="Which face of a picture is meant: large and central, as LFW means it; the largest, as a "
        "lane takes it; the one nearest to the centre."
    ),
]
GroupBy = Annotated[
    str, typer.Option(help="The CSV column, or columns with commas between, that name a pair's group.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Pictures looked at at once; the cores of this process if not given."),
]


@app.command()
def accuracy(
    root: Root,
    pairs: Annotated[
        Path | None, typer.Option(help="CSV with the columns a,b,same (1 or 0), and groups if any.")
    ] = None,
    sequences: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns sequence,subject, and session, kind or groups if any: each folder of "
            "frames is one live capture, scored as in a lane. Of one person, captures in two sessions are "
            "compared; of two people, all."
        ),
    ] = None,
    json_out: Json = None,
    impostors: Annotated[
        Literal["listed", "within-group", "all"],
        typer.Option(
            help="Which strangers are compared: the listed pairs; each two pictures of different people of "
            "one group; each two of the whole list. File names, or columns identity_a,identity_b, must tell "
            "who is who."
        ),
    ] = "listed",
    genuine: Annotated[
        Literal["listed", "all"],
        typer.Option(help="Which genuine pairs: the listed ones, or each two pictures of one person."),
    ] = "listed",
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB",
            help="Pictures under root that no pair lists, such as `lfw/*/*.jpg`; wants --impostors all.",
        ),
    ] = None,
    matcher: Matchers = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    thresholds: Annotated[
        str | None, typer.Option(help="Similarities to report, such as 0.4,0.5; else 0.30 to 0.60.")
    ] = None,
    frame_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")
    ] = 0.2,
    workers: Workers = None,
) -> None:
    """Measure how often strangers match (FMR) and holders do not (FNMR), with 95 % intervals.

    Pictures without a face are failures to acquire: counted by cause, never dropped. So are captures without
    enough good frames.

    Beside OUT, the DET curves and the histograms of scores are drawn as SVG.

    Example: python -m benchmarks accuracy --root faces --pairs faces/pairs.csv --json result.json
    """
    from benchmarks.accuracy import THRESHOLDS, Asked, measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.drawing import draw  # noqa: PLC0415
    from benchmarks.machine import policy  # noqa: PLC0415
    from benchmarks.matchers import bench  # noqa: PLC0415
    from benchmarks.stamp import networks, sha256_of, stamp  # noqa: PLC0415
    from benchmarks.tables import show_accuracy  # noqa: PLC0415
    from models.ort import available_cores  # noqa: PLC0415

    results.must_be_writable(json_out)
    wanted = _numbers(thresholds) if thresholds else THRESHOLDS
    data, listed, take = _listed(pairs, sequences, root, group_by, frame_interval)
    more = _more(pictures, root, impostors)
    _say_groupless(listed, impostors)
    rules = policy()
    built = bench(_names(matcher), rules, face, workers or available_cores())
    _say_skipped(built.skipped)
    asked = Asked(impostors, genuine, more, wanted)
    told, scored = measure(listed, root, built, asked, take)
    how = {"pairs": data.name, "pairs_sha256": sha256_of(data), "face": face, "group_by": group_by}
    chosen = {"impostors": impostors, "genuine": genuine, "pictures": pictures, "captures": pairs is None}
    stamped = {**stamp(rules), "networks": networks(built.networks), **how, **chosen}
    result: dict[str, Any] = {"stamp": stamped, "matchers": told, "skipped": built.skipped}
    if json_out is not None and json_out != results.STDOUT:
        result["drawings"] = draw(json_out, scored, {one.name: one.threshold for one in built.subjects})
    _tell(result, json_out, show_accuracy)


@app.command()
def calibrate(
    root: Root,
    pairs: Annotated[
        list[Path],
        typer.Option(help="CSV as for `accuracy`; may be repeated, and each list's groups are kept apart."),
    ],
    out: Annotated[Path, typer.Option(help="The calibration file to write, such as sface-2021dec.json.")],
    matcher: Annotated[
        str | None, typer.Option(metavar="NAME", help="A matcher of the catalogue; the lane's own if none.")
    ] = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    workers: Workers = None,
) -> None:
    """Measure what a matcher's scores are worth, and write it as a file that a policy names.

    Every two pictures of different people are compared. What a score achieves is told by two people of one
    group, in the group of 20 people or more where it is worst. The file holds rates, counts and hashes: no
    face, no embedding, no name.

    Example: python -m benchmarks calibrate --root faces --pairs faces/pairs.csv --out own.json
    """
    from benchmarks import calibrate as calibration  # noqa: PLC0415  --help loads no network's library
    from benchmarks.machine import policy  # noqa: PLC0415
    from benchmarks.matchers import bench, own  # noqa: PLC0415
    from benchmarks.pairs import grouping  # noqa: PLC0415
    from benchmarks.stamp import networks, stamp  # noqa: PLC0415
    from benchmarks.tables import show_calibration  # noqa: PLC0415
    from lane.calibration import parse  # noqa: PLC0415
    from models.ort import available_cores  # noqa: PLC0415

    results.must_be_writable(out)
    lists = calibration.read_lists(pairs, root, grouping(group_by, pairs))
    rules = policy()
    built = bench([matcher or own()], rules, face, workers or available_cores())
    told = calibration.calibrate(lists, root, built)
    stamped = stamp(rules)
    told["networks"] = [
        {key: one[key] for key in ("role", "name", "sha256")}
        for one in networks(built.networks)
        if one["role"] != "matcher" or one["name"] == told["matcher"]["name"]
    ]
    told["made"] = {key: stamped[key] for key in ("date_utc", "commit", "libraries", "cpu")}
    parse(json.dumps(told, allow_nan=False).encode(), out.name)  # CalibrationError: no lane would take it
    _tell(
        told, out, lambda console, made: show_calibration(console, made, calibration.wanted(made["points"]))
    )


@app.command()
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
    frame_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")
    ] = 0.2,
    captures: Annotated[int, typer.Option(min=1, help="Captures whose work is timed frame by frame.")] = 60,
    workers: Workers = None,
) -> None:
    """Measure when a lane stops looking: frames and time to decision against error, beside fixed numbers.

    Each sequence is taken from several beginnings on. Rules see the same frames and scores: the lane's, fixed
    numbers of frames, and the first score that admits, which is no rule for a lane. Few strangers score as
    high as the policy's threshold, so lower ones are told beside it, and higher ones for holders. Then the
    work on each frame at 30 a second, on one thread.

    Example: python -m benchmarks decision --root DATA --sequences nuaa.csv --strangers pairs.csv --json -
    """
    from benchmarks.decision import measure, work  # noqa: PLC0415  --help loads no network's library
    from benchmarks.frames import holder  # noqa: PLC0415
    from benchmarks.machine import measurer, policy  # noqa: PLC0415
    from benchmarks.matchers import bench, own  # noqa: PLC0415
    from benchmarks.pairs import grouping, read_pairs  # noqa: PLC0415
    from benchmarks.sequences import read_sequences  # noqa: PLC0415
    from benchmarks.stamp import networks, sha256_of, stamp  # noqa: PLC0415
    from benchmarks.tables import show_decision  # noqa: PLC0415
    from models.ort import available_cores  # noqa: PLC0415

    results.must_be_writable(json_out)
    rules, lists = policy(), strangers or []
    own_networks = measurer(rules, threads=1)
    timed = work(own_networks, rules, holder(own_networks), captures)
    told = measure(
        read_sequences(sequences, root, grouping("group", [sequences])),
        [pair for one in lists for pair in read_pairs(one, root, grouping("group", [one]))],
        root,
        bench([own()], rules, "prominent", workers or available_cores()),
        rules,
        own_networks,
        interval_s=frame_interval,
        thresholds=_numbers(thresholds),
    )
    data = {one.name: sha256_of(one) for one in (sequences, *lists)}
    how = {"data_sha256": data, "frame_interval_s": frame_interval, "capture": rules.capture.model_dump()}
    stamped = {**stamp(rules), "networks": networks(own_networks.networks), **how}
    _tell({"stamp": stamped, "work": timed, **told}, json_out, show_decision)


@app.command()
def ingredients(
    root: Root,
    pairs: Annotated[Path, typer.Option(help="CSV as for `accuracy`, with groups.")],
    json_out: Json = None,
    face: Which = "prominent",
    group_by: GroupBy = "group",
    workers: Workers = None,
) -> None:
    """Measure what each ingredient of a template is worth, and what it costs.

    The same pictures by several recipes: landmarks of the first look, of the close-up, of the mesh; one crop,
    its mirror image, both sources. Errors are told where the worst group has FMR 1e-3, with milliseconds.

    Example: python -m benchmarks ingredients --root faces --pairs faces/pairs.csv --json result.json
    """
    from benchmarks.ingredients import compare  # noqa: PLC0415  --help loads no network's library
    from benchmarks.machine import policy  # noqa: PLC0415
    from benchmarks.pairs import grouping, read_pairs  # noqa: PLC0415
    from benchmarks.stamp import networks, sha256_of, stamp  # noqa: PLC0415
    from benchmarks.tables import show_ingredients  # noqa: PLC0415
    from models.ort import available_cores  # noqa: PLC0415

    results.must_be_writable(json_out)
    rules = policy()
    listed = read_pairs(pairs, root, grouping(group_by, [pairs]))
    told, built = compare(listed, root, rules, face=face, threads=workers or available_cores())
    how = {"pairs": pairs.name, "pairs_sha256": sha256_of(pairs), "face": face, "group_by": group_by}
    _tell(
        {"stamp": {**stamp(rules), "networks": networks(built), **how}, "recipes": told},
        json_out,
        show_ingredients,
    )


@app.command()
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
    frame_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames of a sequence.")
    ] = 0.2,
) -> None:
    """Measure how many attacks liveness cues accept (APCER, by species) at 2 % of live people rejected.

    Nobody is scored by weights that were fitted on them: each person in turn is left out. Beside OUT, the DET
    curve of each species is drawn as SVG.

    Example: python -m benchmarks attacks --root DATA --sequences DATA/nuaa_sequences.csv --json attacks.json
    """
    from benchmarks import attacks as measured  # noqa: PLC0415  --help loads no network's library
    from benchmarks.machine import measurer, policy  # noqa: PLC0415
    from benchmarks.stamp import networks, stamp  # noqa: PLC0415
    from benchmarks.tables import show_attacks  # noqa: PLC0415

    for out in (json_out, fit):
        results.must_be_writable(out)
    rules = policy()
    listed = measured.read_attacks(sequences, root)
    measuring = measurer(rules, threads=1)
    data = measured.data_of(sequences, root, listed)
    stamped = {**stamp(rules), "networks": networks(measuring.networks), **data}
    found = measured.runs(listed, root, measuring, frame_interval)
    scores = measured.by_others(found)
    result: dict[str, Any] = {"stamp": stamped, **measured.report(found, scores)}
    result["streams"] = measured.streams(listed, root, rules.stream, frame_interval)
    if json_out is not None and json_out != results.STDOUT:
        result["drawings"] = measured.draw(json_out, found, scores)
    if fit is not None:
        made = {key: stamped[key] for key in ("date_utc", "commit", "libraries")}
        results.write(measured.as_file(measured.fit(found), data, made), fit)
    _tell(result, json_out, show_attacks)


def _tell(
    result: dict[str, Any], json_out: Path | None, show: Callable[[Console, dict[str, Any]], None]
) -> None:
    if json_out is not None:
        results.write(result, json_out)
    if json_out != results.STDOUT:
        show(_console(), result)


def _console() -> Console:
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = 140  # a file has no width, and a table that is cut says less
    return console


def _listed(
    pairs: Path | None, sequences: Path | None, root: Path, group_by: str, interval_s: float
) -> "tuple[Path, tuple[Pair, ...], Take]":
    """The list that was given, what it compares, and how each of its paths is taken."""
    from benchmarks.acquire import one_picture  # noqa: PLC0415  --help loads no network's library
    from benchmarks.pairs import grouping, read_pairs  # noqa: PLC0415
    from benchmarks.sequences import compared, read_sequences, taken_as_capture  # noqa: PLC0415

    if pairs is not None and sequences is None:
        return pairs, read_pairs(pairs, root, grouping(group_by, [pairs])), one_picture
    if sequences is not None and pairs is None:
        listed = compared(read_sequences(sequences, root, grouping(group_by, [sequences])))
        return sequences, listed, taken_as_capture(interval_s)
    raise typer.BadParameter("wanted is one of --pairs and --sequences", param_hint="--pairs")


@app.command()
def desk(
    json_out: Json = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="PATH|URL", help="An empty database; an SQLite file if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the desk.")] = 1,
    lanes: Annotated[int, typer.Option(min=1, help="Lanes that refer passengers.")] = 10,
    per_hour: Annotated[float, typer.Option(min=1, help="Passages an hour, of each lane.")] = 360,
    referred: Annotated[float, typer.Option(min=0, max=1, help="The share that an officer decides.")] = 0.1,
    officers: Annotated[int, typer.Option(min=1, help="Officers who decide; one more watches.")] = 4,
    officer_s: Annotated[float, typer.Option(min=0, help="How long each looks at a case.")] = 1.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long each step lasts.")] = 30,
    search: Annotated[bool, typer.Option(help="Double the passages until the desk breaks.")] = True,
) -> None:
    """Measure a desk with simulated lanes and scripted officers, over HTTP, up to where it breaks.

    Each lane uploads two pictures of a referred passenger and tells the rest; officers follow the queue's
    page, claim, look, judge and decide. Told are p50, p95 and p99 from the lane's first byte until the case
    is on the page of an officer who watches, and until the lane has the decision.

    Broken is a step with a failed request, with a referral that was lost or not decided, later on screen than
    500 ms (p95), or where lanes are told to wait longer than a second. Everything runs on this machine and
    takes time from the desk: the figures are from below.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends the desk, too.

    Example: python -m benchmarks desk --lanes 20 --officers 8 --workers 2 --json desk.json
    """
    from benchmarks.desk import measure  # noqa: PLC0415
    from benchmarks.drawing import draw_steps  # noqa: PLC0415
    from benchmarks.shift import Load  # noqa: PLC0415
    from benchmarks.site import site  # noqa: PLC0415
    from benchmarks.stamp import stamp_of  # noqa: PLC0415

    results.must_be_writable(json_out)
    load = Load(per_hour, referred, seconds, officer_s)
    kind = "postgresql" if database and "://" in database else "sqlite"
    _say(f"starting a desk on {kind}, with {lanes} lanes and {officers} officers …")
    steps = []
    with site(database, lanes=lanes, officers=officers + 1, workers=workers) as running:
        for step in measure(running, load, search=search, say=_say):
            steps.append(step)
            _say(_step(step))
    asked = {"database": kind, "workers": workers, "officers": officers, "officer_s": officer_s}
    libraries = ("fastapi", "uvicorn", "sqlalchemy", "psycopg", "httpx")
    found: dict[str, Any] = {"benchmark": "desk", "stamp": stamp_of(libraries), **asked, "referred": referred}
    found["steps"] = steps
    if json_out is not None and json_out != results.STDOUT:
        found["drawing"] = draw_steps(json_out, steps, f"desk on {kind}, {workers} worker(s), {lanes} lanes")
    _tell(found, json_out, _show_steps)


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long.")] = 30,
    json_out: Json = None,
    rate: Annotated[int, typer.Option(min=1, max=120, help="The camera's frames a second.")] = 30,
    threads: Threads = None,
) -> None:
    """Let a lane look at a camera for a while: does memory grow, are frames lost, how long does each take?

    The camera is a film of the demo's holder walking up, 640×480, at its own speed, again and again, read by
    a process of its own as any camera is. The lane judges one passenger after another.

    Told are the memory of both processes with its slope (MB an hour, and a 95 % interval), frames that were
    passed over while the lane was busy (the newest wins) and those that were lost though it waited, and the
    time that each frame took.

    Example: python -m benchmarks soak --minutes 2 --threads 1
    """
    from benchmarks.soak import measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.tables import show_soak  # noqa: PLC0415

    results.must_be_writable(json_out)
    _tell(measure(minutes, rate, threads, _say), json_out, show_soak)


@app.command()
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
    in a hall: what is told depends on how fast this machine is.

    Example: python -m benchmarks film walking.mp4 --document portrait.jpg --threads 1
    """
    from benchmarks.film import measure  # noqa: PLC0415  --help loads no network's library
    from benchmarks.tables import show_film  # noqa: PLC0415

    results.must_be_writable(json_out)
    if missing := [str(path) for path in (film, *document) if not path.exists()]:
        raise typer.BadParameter(f"not there: {', '.join(missing)}")
    _tell(measure(film, document, rate, threads), json_out, show_film)


def _say(text: str) -> None:
    """Progress, beside the result."""
    print(text, file=sys.stderr, flush=True)


def _show_steps(console: Console, told: dict[str, Any]) -> None:
    for step in told["steps"]:
        console.print(_step(step))


def _step(step: dict[str, Any]) -> str:
    """One step in a line."""
    on_screen, decided = step["on_screen"] or {}, step["decided"] or {}
    quantiles = ", ".join(f"{name} {on_screen.get(f'{name}_ms', '-')} ms" for name in ("p50", "p95", "p99"))
    return (
        f"{step['passages_per_second']:.2f} passages/s, {step['referrals']} referred: on screen {quantiles}; "
        f"decided p95 {decided.get('p95_ms', '-')} ms; {'; '.join(step['broken']) or 'carried'}"
    )


def _more(pattern: str | None, root: Path, impostors: str) -> tuple[str, ...]:
    """The pictures of a pattern, relative to the root."""
    if pattern is None:
        return ()
    if impostors != "all":
        raise typer.BadParameter("pictures of no group want --impostors all", param_hint="--pictures")
    if not pattern or PurePath(pattern).is_absolute() or ".." in PurePath(pattern).parts:
        raise typer.BadParameter("wanted is a pattern below the root", param_hint="--pictures")
    found = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file())
    if not found:
        raise typer.BadParameter(f"no picture {pattern} under {root}", param_hint="--pictures")
    return tuple(found)


def _names(given: list[str] | None) -> list[str]:
    return [name for one in given or () for name in one.split(",") if name]


def _say_groupless(listed: "tuple[Pair, ...]", impostors: str) -> None:
    from benchmarks.pairs import ALL, groups  # noqa: PLC0415  --help loads no network's library

    if impostors == "within-group" and groups(listed) == (ALL,):
        print("the list names no groups: every two of all its people are compared", file=sys.stderr)


def _say_skipped(skipped: dict[str, str]) -> None:
    for name, why in skipped.items():
        print(f"{name} is skipped: {why}", file=sys.stderr)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(-1 <= number <= 1 for number in numbers):  # NaN compares false
        raise typer.BadParameter(
            f"{text!r}: wanted similarities from -1 to 1 with commas between", param_hint="--thresholds"
        )
    return numbers


def main() -> None:
    """Run the command line: clear errors, exit 2 for bad input, 130 for Ctrl-C, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        refuse_strangers()
        with with_a_reader():
            app()
    except (BenchmarkError, LaneError, ModelError, ImportError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while a compiled library is loaded
            _stopped()
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:
        if ended.code == STOPPED:  # typer makes this of Ctrl-C, and says nothing
            _stopped()
        raise


def _stopped() -> NoReturn:
    print("\nstopped", file=sys.stderr)
    raise SystemExit(STOPPED) from None


if __name__ == "__main__":
    main()
