"""The benchmarks' command line."""

import ast
import importlib
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from benchmarks.errors import BenchmarkError
from lane.platform.errors import LaneError
from models.command_line import run_program
from models.errors import ModelError

COMMANDS = {
    "latency": "latency",
    "limit": "limits",
    "rounding": "limits",
    "peers": "peers",
    "accuracy": "accuracy",
    "calibrate": "accuracy",
    "decision": "accuracy",
    "ingredients": "accuracy",
    "attacks": "accuracy",
    "capacity": "capacity",
    "desk": "capacity",
    "soak": "capacity",
    "film": "capacity",
    "compare": "report",
    "report": "report",
    "gate": "latency",
}
"""Each in `FOLDER/NAME.py`, in the order in which help lists them. Loaded when it is called: help needs no
network's library."""


class Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  as typer calls it
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return TyperCommand(cmd_name, help=_first_line(cmd_name)) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, loaded(name) if name in COMMANDS else found, rest


def loaded(name: str) -> Any:
    """The command of this name, with its libraries."""
    module = importlib.import_module(f"benchmarks.{COMMANDS[name]}.{name}")
    alone = typer.Typer(rich_markup_mode="markdown", add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(getattr(module, name))
    return get_command(alone)


def _first_line(name: str) -> str:
    source = Path(__file__).parent / COMMANDS[name] / f"{name}.py"
    functions = (one for one in ast.parse(source.read_bytes()).body if isinstance(one, ast.FunctionDef))
    command = next(one for one in functions if one.name == name)
    return (ast.get_docstring(command) or "").partition("\n")[0]


app = typer.Typer(
    cls=Commands,
    name="python -m benchmarks",
    help="Measure Passenger Lane on this machine: how fast, how accurate. Tables, or JSON.\n\n"
    "Nothing here says good or bad: figures, how sure they are, and a stamp of what they were measured on.",
    epilog="Start here: python -m benchmarks latency --quick",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)


def main() -> None:
    run_program(app, (BenchmarkError, LaneError, ModelError, ImportError))


if __name__ == "__main__":
    main()
