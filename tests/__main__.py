"""Everything that `make test` proves, or, with `--thorough`, the rest; further arguments go to pytest.

Contracts and types are checked beside the tests, many of which wait more than they compute.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

STYLE = (
    ("style", [str(BIN / "ruff"), "check", "--quiet"]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet"]),
)
BESIDE = (
    ("types", [str(BIN / "mypy")]),
    ("who may import whom", [str(BIN / "lint-imports"), "--no-cache"]),
)
WORKERS = ("-n", str((os.cpu_count() or 1) + 2), "--dist", "loadfile")
QUICK = ("-m", "not thorough", "--hypothesis-profile", "quick")
THOROUGH = ("-m", "thorough or hypothesis")
"""Properties are in both tiers: here with all their examples."""


def main(arguments: list[str]) -> int:
    # Hundreds of processes are started: each would compile the whole project.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    thorough = "--thorough" in arguments
    tier = THOROUGH if thorough else QUICK
    given = [one for one in arguments if one != "--thorough"]
    tests = [sys.executable, "-m", "pytest", "--quiet", *WORKERS, *tier, *given]
    if thorough:
        return check("tests", tests)
    for name, command in STYLE:
        if status := check(name, command):
            return status
    with ThreadPoolExecutor() as pool:
        beside = [pool.submit(check, name, command, aside=True) for name, command in BESIDE]
        status = check("tests", tests)
        return status or max(one.result() for one in beside)


def check(name: str, command: list[str], *, aside: bool = False) -> int:
    """Exit status. What a check that runs aside has to say is shown at its end, and only where it failed."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=aside, text=True)
    if done.returncode and aside:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
    how = "failed" if done.returncode else f"{time.monotonic() - started:.0f} s"
    print(f"--- {name}: {how}", file=sys.stderr, flush=True)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
