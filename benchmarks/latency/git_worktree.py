"""An earlier state of the code, in a folder of its own beside this one."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import BenchmarkError

QUIET = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "advice.detachedHead=false")
"""A repository's own settings must not make git start a program."""

ALSO_HALF_MADE = ("--force", "--force")
"""git locks a tree until it is made; somebody may stop us before."""


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
