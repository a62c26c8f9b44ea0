"""`peers`: beside what a user would otherwise pick."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.harness import result_file
from benchmarks.harness.options import Bf16, Json
from benchmarks.harness.output import tell

QUICK, THOROUGH = 20, 200


def peers(
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} frames: a first look.")] = False,
    frames: Annotated[
        int | None, typer.Option(min=2, help=f"Frames for each peer; {THOROUGH} if not given.")
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, help="Threads of ours, and cores for all; most libraries use one."),
    ] = 1,
    bf16: Bf16 = False,
) -> None:
    """Time the same frames by a lane and by what a user would otherwise pick, frame by frame in turns.

    Told is how many times as long as ours their work takes: above 1 we are faster. Ours is the whole of what
    a lane does to a frame; and the peer's job alone, with as many crops as the peer embeds. Each answer is
    checked: who does not recognise the holder is not timed. dlib's network is timed alone, too, by the
    lane's runtime and by dlib. Weights are never fetched: what is not there is skipped, with the reason. With
    `make bench-peers BENCH=peers` face_recognition and dlib are there.

    Example: python -m benchmarks peers --quick
    """
    from benchmarks.peers.measure import measure  # noqa: PLC0415  --help loads no network's library

    result_file.must_be_writable(json_out)
    tell(measure(frames or (QUICK if quick else THOROUGH), threads, bf16=bf16), json_out, show_peers)


def show_peers(console: Console, result: dict[str, Any]) -> None:
    """For each peer a line for each of our jobs; then what each of them does."""
    from benchmarks.report.tables import show_stamp  # noqa: PLC0415  --help loads no network's library

    show_stamp(console, result["stamp"])
    table = Table("beside", "ours", "times as fast", "", "ours ms", "theirs ms", box=None, pad_edge=False)
    for name, peer in result["peers"].items():
        for job, one in peer.get("ours", {}).items():
            low, high = one["interval"]
            mark = " *" if job == peer["against"] else ""
            times = (f"{one['ratio']:.2f}{mark}", f"{low:.2f} to {high:.2f}")
            both = (f"{one['time']['p50_ms']:.1f}", f"{peer['time']['p50_ms']:.1f}")
            table.add_row(name, job.replace("_", " "), *times, *both)
    console.print(table)
    _show_embedding(console, result["embedding"]["dlib"])
    for name, peer in result["peers"].items():
        console.print(f"{name}: {peer.get('does') or 'skipped, ' + peer['skipped']}", markup=False)
    jobs = {
        job: one["does"] for peer in result["peers"].values() for job, one in peer.get("ours", {}).items()
    }
    for job, does in jobs.items():
        console.print(f"{job.replace('_', ' ')}: {does}", markup=False)


def _show_embedding(console: Console, told: dict[str, Any]) -> None:
    for point in told.get("points", ()):
        low, high = point["interval"]
        console.print(
            f"dlib's network, {point['batch']} at once on {point['threads']} threads: {point['ratio']:.1f} "
            f"times as fast as dlib ({low:.1f} to {high:.1f}; {point['ours']['p50_ms']:.1f} ms against "
            f"{point['time']['p50_ms']:.1f} ms)",
            markup=False,
        )
    if "skipped" in told:
        console.print(f"dlib's network beside dlib: skipped, {told['skipped']}", markup=False)
