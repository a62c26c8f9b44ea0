"""What every command of the benchmarks keeps."""

from benchmarks.__main__ import COMMANDS
from tests.support.benchmarks.command_line import ROOT


def test_every_module_of_a_command_is_on_the_command_line() -> None:
    files = {path.stem for path in (ROOT / "benchmarks").glob("*/*_command.py")}
    assert files == {command.__module__.rpartition(".")[2] for command in COMMANDS}


def test_every_command_teaches_with_an_example() -> None:
    for command in COMMANDS:
        assert f"Example: python -m benchmarks {command.__name__} " in (command.__doc__ or ""), command
