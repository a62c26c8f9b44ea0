"""What every command of the benchmarks keeps."""

import pytest

from benchmarks.__main__ import COMMANDS, loaded
from tests.support.benchmarks.command_line import ROOT, run_here


def test_every_command_module_is_listed() -> None:
    modules = (ROOT / "benchmarks").glob("*/*.py")
    teaching = [path for path in modules if "    Example: python -m benchmarks" in path.read_text("utf-8")]
    assert {path.stem: path.parent.name for path in teaching} == COMMANDS
    text = run_here("--help").stdout
    assert all(name in text for name in (*COMMANDS, "Start here"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name: str) -> None:
    assert f"Example: python -m benchmarks {name} " in (loaded(name).help or "")
