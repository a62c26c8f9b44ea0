"""What every command of the benchmarks keeps."""

import pytest

from benchmarks.__main__ import COMMANDS, loaded
from tests.support.benchmarks.command_line import ROOT


def test_every_command_module_is_listed() -> None:
    files = {(path.parent.name, path.stem) for path in (ROOT / "benchmarks").glob("*/*_command.py")}
    assert files == {(folder, f"{name}_command") for name, folder in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name: str) -> None:
    assert f"Example: python -m benchmarks {name} " in (loaded(name).help or "")
