"""Is this code slower than an earlier commit's, by more than the noise? `gate` says how that is judged.

One stage alone is enough where it is slower beyond doubt: noise in another one must not hide it. The earlier
code lies in a folder of its own beside this one.
"""

import json
import math
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.harness.command_line import Json, deliver, say
from benchmarks.harness.progress import follow
from benchmarks.harness.result import STDOUT, Figure, Result, counts, not_available, parse, printable, read
from benchmarks.harness.stamp import stamp
from models.runtime import machine

WORSE = 1
"""The exit code that a gate ends with."""
QUICK, THOROUGH = 3, 8
USUAL = ("python", "-m", "benchmarks", "latency", "--quick", "--json", "-")
OF_A_FRAME = ("detect", "quality", "align", "embed", "compare", "decide")
"""What is done on every frame; each version of `latency` has it under these names."""
CPU = "CPUExecutionProvider"
ORDERS = ("EEN", "ENE", "NEE")
"""In turns: the earlier code (E) and this code, the new (N)."""
LONGEST_S = 900.0
"""No run of `latency --quick` takes so long."""
DRAWS, SEED = 4000, 20260101
SURE = 0.975
SURELY = 2.0
"""So many times the noise, as logarithms, for a stage alone: of several, one lies above it by chance."""
FELT = 0.02
"""So much of a frame's time must that cost: nobody waits for a tenth of a millisecond."""
MOST_FLIPPED = 12
"""Of so many rounds, every way to swap the two earlier runs is counted; beyond, some are drawn."""

Logs = NDArray[np.float64]
Times = Mapping[str, float]
"""Median milliseconds of each stage."""
QUIET = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "advice.detachedHead=false")
"""A repository's own settings must not make git start a program."""
ALSO_HALF_MADE = ("--force", "--force")
"""git locks a tree until it is made; somebody may stop us before."""


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
        measuring = in_rounds(count, partial(measured, run, tree), partial(measured, run, machine.ROOT))
        done = [next(measuring) for _ in follow(range(count), "Both codes in turns")]
    verdict = judge(done)
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


@dataclass(frozen=True, slots=True)
class Round:
    earlier: tuple[Times, Times]
    new: Times

    def ratio(self, stages: Sequence[str]) -> float:
        """This code's time over the mean of both earlier ones, as a logarithm."""
        first, second = (_sum(times, stages) for times in self.earlier)
        return math.log(_sum(self.new, stages)) - (math.log(first) + math.log(second)) / 2

    def noise(self, stages: Sequence[str]) -> float:
        """The earlier code's time over its own, as a logarithm."""
        first, second = (_sum(times, stages) for times in self.earlier)
        return math.log(second / first)


@dataclass(frozen=True, slots=True)
class Judged:
    """A ratio above 1: this code takes longer."""

    ratio: float
    low: float
    high: float
    noise: float
    """What the same code reaches against itself in so many rounds, 39 times of 40."""

    @property
    def worse(self) -> bool:
        return self.low > self.noise


def commit_of(stored: Result) -> str:
    """The commit that a stored result was measured on. BenchmarkError where that is not known exactly."""
    if stored.benchmark != "latency":
        raise BenchmarkError(f"the result is of {stored.benchmark}: wanted is a result of latency")
    commit = stored.stamp.commit
    if commit.id is None:
        raise BenchmarkError("the result names no commit: name one yourself with --against")
    if commit.dirty is not False:
        raise BenchmarkError(
            "the result was measured on changed files, which no commit holds: measure it again on a clean "
            "checkout, or name a commit with --against"
        )
    return commit.id


def measured(command: Sequence[str], tree: Path) -> Times:
    """The medians of what is done on a frame, by a command that prints a result of `latency` as JSON.

    BenchmarkError where it fails, or prints anything else. Stopped, it leaves no process and no file.
    """
    try:
        done = _done(command, tree)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"{' '.join(command)} in {tree}: {error}") from error
    if done.returncode != 0:
        why = printable(" ".join(done.stderr.decode("utf-8", "replace").split())[-500:])
        raise BenchmarkError(f"{' '.join(command)} in {tree} ended with {done.returncode}: {why}")
    return _medians(done.stdout, tree)


def _done(command: Sequence[str], tree: Path) -> "subprocess.CompletedProcess[bytes]":
    """The command, with all that it starts, in a session of its own; its temporary files in our folder."""
    with tempfile.TemporaryDirectory(prefix="passenger-lane-run-", ignore_cleanup_errors=True) as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with subprocess.Popen(
            list(command),
            cwd=tree,
            env=environment | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                printed, complained = process.communicate(timeout=LONGEST_S)
            except BaseException:  # Ctrl-C, too: an earlier commit may not end what it started
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, printed, complained)


def _medians(printed: bytes, tree: Path) -> Times:
    where = f"what was printed in {tree}"
    if not (found := _before_figures(printed)):
        figures = parse(printed, where).under(CPU)
        found = {one.name[1]: one.number or 0.0 for one in figures if len(one.name) == 2}
    times = {stage: ms for stage, ms in found.items() if stage in OF_A_FRAME and ms > 0}
    if not times:
        raise BenchmarkError(f"{where} has no times of {', '.join(OF_A_FRAME)}")
    return times


def _before_figures(printed: bytes) -> dict[str, float]:
    """Of commits before all results had one form, which stored results name; else empty."""
    try:
        stages = json.loads(printed)["providers"][CPU]["stages"]
        return {stage: float(one["p50_ms"]) for stage, one in stages.items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def in_rounds(count: int, earlier: Callable[[], Times], new: Callable[[], Times]) -> Iterator[Round]:
    """So many; which run comes first changes, and a run of each beforehand is not counted."""
    earlier(), new()
    for number in range(count):
        runs: dict[str, list[Times]] = {"E": [], "N": []}
        for one in ORDERS[number % len(ORDERS)]:
            runs[one].append(earlier() if one == "E" else new())
        first, second = runs["E"]
        yield Round((first, second), runs["N"][0])


def common(done: Sequence[Round]) -> tuple[str, ...]:
    """The stages that every run has. BenchmarkError if there is none."""
    found = tuple(stage for stage in OF_A_FRAME if all(stage in times for times in _runs(done)))
    if not found:
        raise BenchmarkError("both codes have times, but none of the same stage")
    return found


def _runs(done: Sequence[Round]) -> list[Times]:
    return [times for one in done for times in (*one.earlier, one.new)]


def judged(done: Sequence[Round], stages: Sequence[str]) -> Judged:
    """The ratio over these stages together, its 95 % interval by drawing rounds anew, and the noise."""
    ratios = np.array([one.ratio(stages) for one in done])
    drawn = np.random.default_rng(SEED).integers(0, len(ratios), (DRAWS, len(ratios)))
    low, high = np.quantile(ratios[drawn].mean(1), (1 - SURE, SURE))
    noise = _noise(np.array([one.noise(stages) for one in done]))
    return Judged(*(math.exp(one) for one in (float(ratios.mean()), float(low), float(high), noise)))


def _noise(logs: Logs) -> float:
    """How far the mean would lie from 0 if each round's two equal runs were swapped by chance."""
    if len(logs) <= MOST_FLIPPED:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(logs))))
    else:
        signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (DRAWS, len(logs)))
    return float(np.quantile(np.abs(signs @ logs) / len(logs), SURE, method="higher"))


@dataclass(frozen=True, slots=True)
class Verdict:
    done: Sequence[Round]
    whole: Judged
    stages: Mapping[str, Judged]
    slower: frozenset[str]
    """The stages that make this code worse by themselves."""
    not_compared: tuple[str, ...]
    """The stages that some runs have, and others lack."""

    @property
    def worse(self) -> bool:
        return self.whole.worse or bool(self.slower)

    def figures(self) -> Iterator[Figure]:
        stages = tuple(self.stages)
        yield from counts(("verdict",), {"rounds": len(self.done), "worse": int(self.worse)})
        for stage, one in self.stages.items():
            yield from self._row(stage, [stage], one, worse=stage in self.slower)
        yield from self._row("all of a frame", stages, self.whole, worse=self.worse)
        why = dict.fromkeys(self.not_compared, "not measured by both codes")
        yield from not_available(why, "stages")

    def _row(self, name: str, stages: Sequence[str], one: Judged, *, worse: bool) -> Iterator[Figure]:
        row = ("stages", name)
        new_ms = float(np.median([_sum(round_of.new, stages) for round_of in self.done]))
        earlier_ms = _earlier_ms(self.done, stages)
        yield from counts(row, {"earlier ms": round(earlier_ms, 4), "now ms": round(new_ms, 4)})
        interval = (round(one.low, 4), round(one.high, 4))
        yield Figure(name=(*row, "ratio"), value=round(one.ratio, 4), unit="×", interval=interval)
        yield from counts(row, {"noise": round(one.noise, 4), "worse": int(worse)})

    def in_words(self, against: str) -> str:
        slower = ", ".join(name for name in self.stages if name in self.slower)
        where = f" Slower by itself, far beyond its noise: {slower}." if slower else ""
        lacking = f" Not compared: {', '.join(self.not_compared)}." if self.not_compared else ""
        return (
            f"This code is {'slower' if self.worse else 'not slower'} than {against}, {len(self.done)} "
            f"rounds.{where} A frame that takes less than {self.whole.noise - 1:.1%} longer cannot be "
            f"distinguished from noise.{lacking}"
        )


def judge(done: Sequence[Round]) -> Verdict:
    """The verdict. BenchmarkError where both codes have no stage in common."""
    stages = common(done)
    whole, each = judged(done, stages), {stage: judged(done, [stage]) for stage in stages}
    slower = frozenset(stage for stage, one in each.items() if _surely_slower(one, stage, done, stages))
    measured_once = {stage for times in _runs(done) for stage in times}
    not_compared = tuple(one for one in OF_A_FRAME if one in measured_once and one not in stages)
    return Verdict(done, whole, each, slower, not_compared)


def _surely_slower(one: Judged, stage: str, done: Sequence[Round], stages: Sequence[str]) -> bool:
    """Whether a stage alone makes this code worse."""
    costs_ms = (one.low - 1) * _earlier_ms(done, [stage])
    felt = costs_ms >= FELT * _earlier_ms(done, stages)
    return felt and math.log(one.low) > SURELY * math.log(one.noise)


def _earlier_ms(done: Sequence[Round], stages: Sequence[str]) -> float:
    return float(np.median([_sum(times, stages) for one in done for times in one.earlier]))


def _sum(times: Times, stages: Sequence[str]) -> float:
    return sum(times[stage] for stage in stages)


def resolved(root: Path, named: str) -> str:
    """The commit's full id. BenchmarkError where the repository has none of that name."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{named}^{{commit}}")
    if found.returncode != 0:
        raise BenchmarkError(
            f"no commit {named!r} in {root}: name one that `git log` lists, or fetch it "
            "(git fetch --unshallow)"
        )
    return found.stdout.strip()


@contextmanager
def checked_out(root: Path, commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that is gone afterwards; `root` is left as it is."""
    with tempfile.TemporaryDirectory(prefix="passenger-lane-earlier-") as folder:
        tree = Path(folder) / "tree"
        try:
            made = _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            if made.returncode != 0:
                raise BenchmarkError(f"{commit[:12]} cannot be checked out: {made.stderr.strip()}")
            yield tree
        finally:
            _git(root, "worktree", "remove", *ALSO_HALF_MADE, str(tree))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *(part for setting in QUIET for part in ("-c", setting)), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise BenchmarkError(f"git does not start: {error.strerror}") from error
