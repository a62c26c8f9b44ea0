import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness.options import Json
from benchmarks.harness.output import deliver, say
from benchmarks.harness.progress import follow
from benchmarks.harness.result import Result
from benchmarks.harness.result_file import STDOUT, read
from benchmarks.harness.stamp import stamp
from benchmarks.latency import regression
from benchmarks.latency.git_worktree import checked_out, resolved
from benchmarks.latency.regression import commit_of
from models.runtime import machine

WORSE = 1
"""The exit code that a gate ends with."""
QUICK, THOROUGH = 3, 8
USUAL = ("python", "-m", "benchmarks", "latency", "--quick", "--json", "-")


def gate(
    stored: Annotated[
        Path | None,
        typer.Argument(metavar="STORED.json", help="A result of latency: its commit is compared."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Compare with this commit, such as HEAD~1.")
    ] = None,
    json_out: Json = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} rounds: a first look.")] = False,
    rounds: Annotated[
        int | None, typer.Option(min=3, help=f"How often all is measured; {THOROUGH} if not given.")
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(help="What is run in both folders; it prints a result of latency as JSON."),
    ] = None,
) -> None:
    """Exit 1 if this code takes longer on a frame than that of a stored result, by more than the noise.

    No stored time is believed: another machine, or the same on another day, says nothing of the code. The
    commit that the result names is checked out beside this one, and `latency --quick` is run in both, in
    turns: twice there, once here, again and again. What the earlier code differs from itself by is the
    noise. This code is worse if the whole 95 % interval of its ratio lies above that; or if that of one
    stage lies far above its own noise, and a frame takes 2 % longer by it at least: such stages are named.

    Each code is measured by its own benchmark, with its own networks: compare commits that measure alike.

    Exit status 0: not worse. 1: worse. 2: not measured, and it says why.

    Example: python -m benchmarks gate --against HEAD~1 --quick
    """
    if (stored is None) == (against is None):
        raise typer.BadParameter("wanted is one of STORED.json and --against", param_hint="--against")
    commit = resolved(machine.ROOT, against or commit_of(read(stored or Path())))
    run = [sys.executable, *USUAL[1:]] if command is None else _words(command)
    count = rounds or (QUICK if quick else THOROUGH)
    with checked_out(machine.ROOT, commit) as tree:
        say(f"measuring {commit[:12]} and this code, {3 * count + 2} runs …")
        measuring = regression.rounds(
            count, partial(regression.measured, run, tree), partial(regression.measured, run, machine.ROOT)
        )
        done = [next(measuring) for _ in follow(range(count), "Both codes in turns")]
    verdict = regression.judge(done)
    usual = shlex.join(USUAL)  # no path: it may name its user
    result = Result(
        benchmark="gate",
        stamp=stamp(),
        conditions={"against": commit, "command": usual if command is None else command},
        figures=tuple(verdict.figures()),
    )
    deliver(result, json_out)
    if json_out != STDOUT:
        print(f"{verdict.in_words(commit[:12])}")
    if verdict.worse:
        raise typer.Exit(WORSE)


def _words(command: str) -> list[str]:
    """As a shell reads them; typer.BadParameter where it would not, or where there are none."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise typer.BadParameter(f"{command!r}: {error}", param_hint="--command") from error
    if not words:
        raise typer.BadParameter("wanted is a command", param_hint="--command")
    return words
