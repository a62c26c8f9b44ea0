"""Everything that `make test` proves, cheapest first; arguments go to pytest."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

STEPS = (
    ("who may import whom", [str(BIN / "lint-imports"), "--no-cache"]),
    ("style", [str(BIN / "ruff"), "check", "--quiet"]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet"]),
    ("types", [str(BIN / "mypy")]),
    ("tests", [sys.executable, "-m", "pytest", "--quiet", *sys.argv[1:]]),
)


def main() -> int:
    for name, command in STEPS:
        print(f"--- {name}", file=sys.stderr, flush=True)
        started = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            print(f"--- {name} failed", file=sys.stderr)
            return status
        print(f"--- {name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
