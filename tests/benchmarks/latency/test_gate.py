"""A slower code is found out beside an earlier one, and noise is not taken for it; with made-up times."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.runtime.machine
from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import NotAvailable, Result, read
from benchmarks.latency import gate
from benchmarks.latency.gate import ORDERS, USUAL, Round, Times, judge, judged, measured
from tests.support.benchmarks.command_line import ROOT, run_here
from tests.support.benchmarks.made_up_results import CPU, capacity, latency, result, spread, write
from tests.support.processes import command_of, heeds_ctrl_c, until

FAST = {"detect": 9.0, "embed": 13.0, "decide": 0.3}
SLOW = FAST | {"embed": 19.0}
COMMAND = [sys.executable, "bench.py"]


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def printing(base: Times) -> str:
    """A program that prints these times as a result of latency."""
    figures = [spread((CPU, stage), ms) for stage, ms in base.items()]
    return f"print({result('latency', *figures).text()!r})"


def printing_earlier_form(base: Times) -> str:
    """The same as before all results had one form."""
    stages = {stage: {"p50_ms": ms, "p99_ms": 2 * ms} for stage, ms in base.items()}
    return f"print({json.dumps({'providers': {CPU: {'stages': stages}}})!r})"


def commit(root: Path, base: dict[str, float]) -> str:
    (root / "bench.py").write_text(printing(base), encoding="utf-8")
    git(root, "add", "bench.py")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "made up")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (root := tmp_path / "repository").mkdir()
    git(root, "init", "--quiet")
    monkeypatch.setattr(models.runtime.machine, "ROOT", root)
    return root


def run_gate(*arguments: str) -> tuple[int, str]:
    done = run_here("gate", "--command", " ".join(COMMAND), *arguments)
    return done.returncode, done.stdout + done.stderr


def simulated(count: int, times: float, noise: float, seed: int) -> list[Round]:
    rng = np.random.default_rng(seed)

    def one(slower: float) -> Times:
        return {"embed": 10 * slower * float(np.exp(rng.normal(0, noise)))}

    return [Round((one(1), one(1)), one(times)) for _ in range(count)]


def test_slower_commit_ends_with_1(repository: Path, tmp_path: Path) -> None:
    commit(repository, FAST)
    commit(repository, SLOW)
    out = tmp_path / "out.json"
    code, output = run_gate("--against", "HEAD~1", "--rounds", "3", "--json", str(out))
    assert code == 1, output
    assert "This code is slower than" in output
    assert "Slower by itself, far beyond its noise: embed." in output
    found = read(out)
    assert found["verdict", "worse"].number == 1
    assert found["stages", "embed", "ratio"].number == pytest.approx(19 / 13, rel=0.05)
    worse = {one.name[1]: one.number for one in found.under("stages") if one.name[-1] == "worse"}
    assert worse == {"detect": 0, "embed": 1, "decide": 0, "all of a frame": 1}
    assert found["stages", "decide", "ratio"].number == pytest.approx(1, rel=0.05)
    assert found.benchmark == "gate"


@pytest.mark.parametrize("times", [1.0, 0.5], ids=["as fast", "faster"])
def test_no_slower_code_ends_with_0(repository: Path, times: float) -> None:
    commit(repository, FAST)
    commit(repository, {name: ms * times for name, ms in FAST.items()})
    code, output = run_gate("--against", "HEAD~1", "--rounds", "4")
    assert code == 0, output
    assert "not slower" in output
    assert "less than 0.0% longer cannot be distinguished from noise" in output
    assert "by itself" not in output
    assert "Not compared" not in output


def test_stored_times_are_not_believed_and_uncommitted_work_is_measured(
    repository: Path, tmp_path: Path
) -> None:
    earlier = commit(repository, FAST)
    (repository / "bench.py").write_text(printing(SLOW), encoding="utf-8")
    stored = write(latency(1000.0, commit={"id": earlier, "dirty": False}), tmp_path / "stored.json")
    assert run_gate(str(stored), "--rounds", "3")[0] == 1
    assert git(repository, "status", "--porcelain") == "M bench.py"
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_result_names_no_path_of_measurer(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sequence[str]] = []

    def noting(command: Sequence[str], _tree: Path) -> Times:
        seen.append(command)
        return FAST

    monkeypatch.setattr("benchmarks.latency.gate.measured", noting)
    commit(repository, FAST)
    out = tmp_path / "out.json"
    assert run_here("gate", "--against", "HEAD", "--rounds", "3", "--json", str(out)).returncode == 0
    assert {tuple(one) for one in seen} == {(sys.executable, *USUAL[1:])}
    assert str(Path(sys.executable).parent) not in out.read_text()


def test_no_folder_left_no_hook_run(repository: Path, tmp_path: Path) -> None:
    earlier = commit(repository, FAST)
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    with pytest.raises(KeyboardInterrupt), gate.checked_out(repository, earlier) as tree:  # noqa: PT012
        assert (tree / "bench.py").exists()
        raise KeyboardInterrupt
    assert not tree.exists()
    assert not (tmp_path / "ran").exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


LINGERS = """import subprocess, tempfile, time
from pathlib import Path
tempfile.mkdtemp(prefix="left-")
child = subprocess.Popen(["sleep", "600"])
Path({started!r}).write_text(str(child.pid))
time.sleep(600)
"""
DRIVEN = """import sys
from pathlib import Path
import models.runtime.machine
models.runtime.machine.ROOT = Path(sys.argv.pop(1))
from benchmarks.__main__ import main
main()
"""


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_run_leaves_nothing(
    stop: signal.Signals, code: int, repository: Path, tmp_path: Path
) -> None:
    commit(repository, FAST)
    started, temporary = tmp_path / "started", tmp_path / "temporary"
    temporary.mkdir()
    (repository / "bench.py").write_text(LINGERS.format(started=str(started)), encoding="utf-8")
    git(repository, "commit", "--quiet", "-am", "lingers")
    asked = [str(repository), "gate", "--against", "HEAD", "--command", " ".join(COMMAND)]
    with subprocess.Popen(
        [sys.executable, "-c", DRIVEN, *asked],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
        preexec_fn=heeds_ctrl_c,  # noqa: PLW1509  no thread runs between fork and exec that it could disturb
    ) as process:
        while process.poll() is None and not (started.exists() and started.read_text()):
            time.sleep(0.05)
        process.send_signal(stop)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert list(temporary.iterdir()) == []
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    until(lambda: "sleep" not in command_of(int(started.read_text())))


@pytest.mark.parametrize("named", ["nothing", "--help", "", "HEAD:bench.py", "a" * 40])
def test_unknown_commit_is_named(repository: Path, named: str) -> None:
    commit(repository, FAST)
    with pytest.raises(BenchmarkError, match="no commit"):
        gate.resolved(repository, named)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (capacity(), "wanted is a result of latency"),
        (latency(commit={"id": None, "dirty": None}), "names no commit"),
        (latency(commit={"id": "a" * 40, "dirty": True}), "measured on changed files"),
    ],
)
def test_stored_result_without_code_is_refused(stored: Result, why: str) -> None:
    with pytest.raises(BenchmarkError, match=why):
        gate.commit_of(stored)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit('it broke')", "ended with 1: it broke"),
        ("print('no json')", "no JSON"),
        ("print('{}')", "is no result"),
        ("print(7)", "is no result"),
        (printing({"decode": 1.0}), "has no times"),
        (printing_earlier_form({"decode": 1.0}), "has no times"),
        ("print('{\"providers\": {}}')", "is no result"),
    ],
)
def test_failed_measurement_is_no_verdict(script: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(script)
    with pytest.raises(BenchmarkError, match=why):
        measured(COMMAND, tmp_path)
    with pytest.raises(BenchmarkError, match="No such file"):
        measured([str(tmp_path / "none")], tmp_path)


@pytest.mark.parametrize("form", [printing, printing_earlier_form])
def test_times_of_a_frame_are_read_in_each_form(form: Callable[[Times], str], tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(form(FAST | {"decode": 1.0}))
    assert measured(COMMAND, tmp_path) == FAST


def test_order_alternates_and_warmup_is_uncounted() -> None:
    order: list[str] = []

    def runs(name: str) -> Iterator[Times]:
        while True:
            order.append(name)
            yield {"embed": float(len(order))}

    earlier, new = runs("E"), runs("N")
    done = list(gate.in_rounds(3, lambda: next(earlier), lambda: next(new)))
    assert "".join(order) == "EN" + "".join(ORDERS)
    assert [one.new["embed"] for one in done] == [5, 7, 9]


@given(st.integers(3, 20), st.floats(0.01, 0.2), st.integers(0, 10_000))
def test_same_runs_are_never_worse(count: int, noise: float, seed: int) -> None:
    alike = [Round(one.earlier, one.earlier[0]) for one in simulated(count, 1.0, noise, seed)]
    assert not judged(alike, ["embed"]).worse


def test_noise_rarely_alarms_fifth_rarely_missed() -> None:
    for count in (3, 8):
        alarms = sum(judged(simulated(count, 1.0, 0.04, seed), ["embed"]).worse for seed in range(200))
        assert alarms <= 8
    found = sum(judged(simulated(8, 1.2, 0.04, seed), ["embed"]).worse for seed in range(200))
    assert found >= 190


OF_A_FRAME = {"detect": 11.0, "quality": 1.8, "embed": 30.0, "decide": 0.2}


def busy(count: int, seed: int, **slower_ms: float) -> list[Round]:
    """On a machine where nothing takes as long twice."""
    rng = np.random.default_rng(seed)

    def one(**more_ms: float) -> Times:
        all_of_it = rng.normal(0, 0.1)
        return {
            stage: (ms + more_ms.get(stage, 0.0)) * float(np.exp(all_of_it + rng.normal(0, 0.1)))
            for stage, ms in OF_A_FRAME.items()
        }

    return [Round((one(), one()), one(**slower_ms)) for _ in range(count)]


def test_noisy_stage_hides_no_slower_stage() -> None:
    """And one that nobody feels is no verdict."""
    slow = [judge(busy(3, seed, quality=10.0)) for seed in range(40)]
    assert sum(one.worse and "quality" in one.slower for one in slow) >= 38
    assert sum(judge(busy(3, seed)).worse for seed in range(100)) <= 5
    assert not any("decide" in judge(busy(3, seed, decide=0.4)).slower for seed in range(20))


def test_unshared_stages_are_left_out_and_named() -> None:
    done = [Round(({"embed": 10.0, "quality": 5.0}, {"embed": 10.0}), {"embed": 10.0, "align": 1.0})] * 3
    verdict = judge(done)
    assert set(verdict.stages) == {"embed"}
    assert verdict.in_words("HEAD").endswith(" Not compared: quality, align.")
    lacking = [one.name for one in verdict.figures() if isinstance(one.value, NotAvailable)]
    assert lacking == [("stages", "quality"), ("stages", "align")]
    with pytest.raises(BenchmarkError, match="none of the same stage"):
        judge([Round(({"embed": 1.0}, {"embed": 1.0}), {"align": 1.0})] * 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        *((("--against", "HEAD", "--command", one), "Invalid value for --command") for one in ("", " ", '"')),
        ((), "one of STORED.json and --against"),
    ],
)
def test_invalid_request_refused_before_measuring(arguments: tuple[str, ...], says: str) -> None:
    done = run_here("gate", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "measuring" not in done.stderr
