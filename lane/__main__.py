"""The lane's command line."""

import json
import logging
import re
import sys
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from lane.ledger.entry import Head
from lane.platform.errors import LaneError, SettingsError
from models.command_line import run_program
from models.errors import ModelError

if TYPE_CHECKING:
    from lane.ledger.journal import SqliteJournal
    from lane.service.settings import Settings

log = logging.getLogger(__name__)

app = typer.Typer(
    name="python -m lane",
    help="A border lane: camera frames and a travel document in, admit or refer to an officer out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

REFERRED = 10
"""How `verify --exit-code` ends where an officer would decide. Not 1 or 2: those tell of a fault."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


@app.command()
def demo(
    as_json: Json = False,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless",
            help="A scripted officer decides over HTTP, simulated time does not wait, the program ends.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Keep ledger and desk in this folder, to look at afterwards; it must be new or empty."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The desk's port on this machine; 0 takes a free one.")
    ] = 0,
) -> None:
    """Send nine passengers through a lane, with a desk beside it where you decide what the machine refers.

    Without a terminal to sit at (standard input is not one) it runs as with --headless.
    """
    from lane.demo.run import run  # noqa: PLC0415  --help must not load the networks' libraries
    from lane.demo.terminal import Terminal  # noqa: PLC0415

    headless = headless or sys.stdin is None or not sys.stdin.isatty()
    if data is not None:
        _make_empty(data)
    terminal = Terminal(Console(stderr=as_json), headless=headless)
    summary = run(terminal, headless=headless, data=data, port=port)
    terminal.ended(summary)
    if as_json:
        print(json.dumps(summary, indent=2))
    if not summary["ledger"]["verified"]:
        raise typer.Exit(1)


@app.command()
def verify(
    document: Annotated[Path, typer.Option(help="The document photo.")],
    live: Annotated[list[Path], typer.Option(help="A picture of the person; more may follow after it.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[LIVE]...", help="More live pictures.")
    ] = None,
    as_json: Json = False,
    policy: Annotated[Path | None, typer.Option(help="A policy file; the shipped one if not given.")] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 10 for refer, so that a script can tell.")
    ] = False,
) -> None:
    """Compare one document photo with live pictures, by the same measuring and policy as a lane.

    Exit code 0 for admit and for refer, with --exit-code 10 for refer; 2 for a picture that cannot be used.
    Without a good live picture the reasons hold F03, as in a lane whose time ran out.

    Example: python -m lane verify --document passport.jpg --live first.jpg second.jpg --json
    """
    from lane.passage.picture_comparison import compare_pictures  # noqa: PLC0415
    from lane.platform.clock import SystemClock  # noqa: PLC0415
    from lane.service.build import build_measurer, build_policy  # noqa: PLC0415
    from lane.service.terminal import show_comparison  # noqa: PLC0415

    settings = _settings(policy=policy) if policy else _settings()
    rules = build_policy(settings)
    measurer = build_measurer(settings, rules)
    found = compare_pictures(document, [*live, *(more or [])], measurer, rules, SystemClock()).plain()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show_comparison(Console(), found)
    if exit_code and found["outcome"] != "admit":
        raise typer.Exit(REFERRED)


@app.command("prepare-case")
def prepare_case(
    document: Annotated[Path, typer.Option(help="The document photo.")],
    live: Annotated[list[Path], typer.Option(help="A live picture; give it again for more.")],
    truth: Annotated[str, typer.Option(help="Who is on them: same or different.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    training: Annotated[bool, typer.Option("--training", help="For training alone.")] = False,
) -> None:
    """Write a case whose truth is known, for `python -m api case add`: pictures, eyes, evidence."""
    from lane.passage import prepared_case  # noqa: PLC0415
    from lane.platform.clock import SystemClock  # noqa: PLC0415
    from lane.service.build import build_measurer, build_policy  # noqa: PLC0415

    if truth not in ("same", "different"):
        raise typer.BadParameter("--truth is same or different")
    known: Literal["same", "different"] = "same" if truth == "same" else "different"
    settings = _settings()
    rules = build_policy(settings)
    measurer = build_measurer(settings, rules)
    case = prepared_case.prepare(document, live, known, measurer, rules, SystemClock(), training=training)
    out.touch(mode=0o600)  # faces lie in it
    out.write_text(json.dumps(case), encoding="utf-8")
    print(f"{out} is written; `python -m api case add {out}` keeps it at the desk, sealed")


SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="A TOML file with the lane's settings.")
]


@app.command()
def check(settings: SettingsFile = None, as_json: Json = False) -> None:
    """Try each thing that the lane needs, and print what was found; exit code 1 where something is wrong.

    No door moves, and nobody is served. Stop a lane that runs first: it has camera, gate and port.
    """
    from lane.service.inspection import inspect  # noqa: PLC0415
    from lane.service.terminal import show_findings  # noqa: PLC0415

    read = _settings(settings)
    if as_json:
        found = list(inspect(read))
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        well = all(one.ok for one in found)
    else:
        well = show_findings(Console(), inspect(read))
    if not well:
        raise typer.Exit(1)


@app.command()
def run(
    settings: SettingsFile = None,
    beat: Annotated[int | None, typer.Option(hidden=True, help="Where signs of life go.")] = None,
) -> None:
    """Serve passengers until Ctrl-C or SIGTERM; the gate is shut then, and whenever the lane does not run.

    A lane that ends or hangs is started again, after longer and longer pauses. A passage that was under way
    ends as interrupted: the passenger presents the document again, or an officer comes.
    """
    from lane.service.run import open_lane, while_down  # noqa: PLC0415
    from lane.service.watchdog import lane_supervisor  # noqa: PLC0415

    read = _settings(settings)
    if beat is None:
        command = [sys.executable, "-m", "lane", "run", *(["--settings", str(settings)] if settings else [])]
        raise typer.Exit(lane_supervisor(command, partial(while_down, read)).run_until_signal())
    with open_lane(read, beat=beat) as lane:
        log.warning("the lane serves")
        for report in lane.reports():
            log.info("passage %s: %s", report.passage, report.outcome)


@app.command()
def record(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where recordings go; for you alone.")],
    settings: SettingsFile = None,
    passages: Annotated[int, typer.Option(min=1, max=1000, help="End after so many.")] = 1,
    most_mb: Annotated[int, typer.Option(min=1, max=16_000, help="For one recording.")] = 1024,
) -> None:
    """Serve passengers as `run` does, and record what each decision rests on: faces and documents, encrypted.

    For whoever investigates a fault, by their order; the passengers must be told. The key is in
    PASSENGER_LANE_RECORDING_KEY (64 hexadecimal digits), the ledger says which passages were recorded.
    After `recordings_for_days` under [retention] the lane erases them.

    Example: python -m lane record recordings --settings lane.toml
    """
    from lane.recording.record import (  # noqa: PLC0415
        Recorder,
        RecordingJudge,
        folder_for_faces,
        key_of_environment,
    )
    from lane.service.run import open_lane  # noqa: PLC0415

    key = key_of_environment()
    judge = partial(RecordingJudge, recorder=Recorder(folder_for_faces(folder), key, most_mb << 20))
    with open_lane(_settings(settings), judge=judge) as lane:
        lane.note_recordings(folder)
        print(f"faces and documents of {passages} passages are recorded in {folder}", file=sys.stderr)
        for report in islice(lane.reports(), passages):
            print(f"{report.passage}: {report.outcome}", file=sys.stderr)


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="A recording, or a folder of them.")],
    settings: SettingsFile = None,
    as_json: Json = False,
) -> None:
    """Make recorded decisions once more; exit code 1 where evidence or decision come out otherwise."""
    from lane.recording.record import key_of_environment  # noqa: PLC0415
    from lane.recording.replay import recording_files, replay_file  # noqa: PLC0415
    from lane.service.build import build_measurer, build_policy  # noqa: PLC0415
    from lane.service.terminal import show_replayed  # noqa: PLC0415

    key, files, read = key_of_environment(), recording_files(path), _settings(settings)
    rules = build_policy(read)
    measurer = build_measurer(read, rules)
    found = [replay_file(file, key, measurer, rules) for file in files]
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        show_replayed(Console(), found)
    if not all(one.identical for one in found):
        raise typer.Exit(1)


@app.command("settings")
def show_settings(as_json: Json = False) -> None:
    """Print every setting of a lane: its default, its variable in the environment, what it means."""
    from lane.platform.settings import listing  # noqa: PLC0415
    from lane.service.settings import PREFIX, Settings  # noqa: PLC0415

    print(listing(Settings, PREFIX, as_json=as_json))


@app.command("accept-desk")
def accept_desk(
    head: Annotated[str, typer.Argument(metavar="SEQ:HASH", help="As `python -m api restore` printed it.")],
    journal: Annotated[
        Path | None, typer.Option(help="The lane's journal; without it, from the settings.")
    ] = None,
    lane: Annotated[str | None, typer.Option(help="The lane's name; without it, from the settings.")] = None,
    settings: Annotated[Path | None, typer.Option(help="A TOML file with the lane's settings.")] = None,
) -> None:
    """Say, at a lane that is stopped, that its desk was restored from a backup and stands at this head.

    Until a person says so, a lane refuses a desk whose ledger went back: it cannot tell a backup from a
    fraud. Ask whoever restored it, not the desk itself. The lane's ledger keeps the head that is accepted and
    the one that it replaces; the lane then tells the desk again what that has lost.
    """
    from lane.platform.clock import SystemClock  # noqa: PLC0415

    given = {key: value for key, value in {"journal": journal, "lane": lane}.items() if value is not None}
    read = _settings(settings, **given)
    with _journal(read) as opened:
        last = opened.accept_desk(_head(head), at=SystemClock().now())
    print(f"accepted: the desk stands at {head}; this lane had seen it at {last}")


@app.command("trust-clock")
def trust_clock(settings: SettingsFile = None) -> None:
    """Say, at a lane that is stopped, that its clock is right now.

    After its clock was set a lane refers everybody (S06), also once it was started again, until the desk's
    clock agrees. At a lane that hears no desk a person looks at another clock, sets this machine's, and says
    so; the ledger keeps it.

    Example: python -m lane trust-clock --settings lane.toml
    """
    from lane.ledger.clock_check import clock_fact  # noqa: PLC0415
    from lane.platform.clock import SystemClock  # noqa: PLC0415

    read, clock = _settings(settings), SystemClock()
    with _journal(read) as opened:
        opened.record([clock_fact(trusted=True, by="person")], at=clock.now())
    print(f"from now on {read.lane} goes by {clock.now():%Y-%m-%d %H:%M:%S} UTC")


@app.command()
def photos() -> None:
    """Fetch the photographs of the demo and the tests, once, by hash, into the cache."""
    from lane.demo.photos import fetch, folder, ready  # noqa: PLC0415

    if not ready():
        print("Fetching the photographs (3 MB, once)", file=sys.stderr)
        fetch()
    print(folder())


def _settings(path: Path | None = None, **given: object) -> "Settings":
    from lane.service.settings import read  # noqa: PLC0415

    return read(path, **given)


def _journal(read: "Settings") -> "SqliteJournal":
    """Of a lane that is stopped. Raises SettingsError where there is none."""
    from lane.ledger.journal import SqliteJournal  # noqa: PLC0415

    if not read.journal.is_file():
        raise SettingsError(f"{read.journal}: there is no lane's journal there")
    return SqliteJournal(read.journal, read.lane)


def _head(text: str) -> Head:
    seq, _, hash_ = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise typer.BadParameter(f"{text!r} is not SEQ:HASH as the desk prints it", param_hint="SEQ:HASH")
    return Head(int(seq), hash_)


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise typer.BadParameter(f"{folder}: {error.strerror}", param_hint="--data") from error
    if not empty:
        raise typer.BadParameter(f"{folder} is not empty: a demo keeps its own ledger", param_hint="--data")


def main() -> None:
    run_program(app, (LaneError, ModelError, ImportError))


if __name__ == "__main__":
    main()
