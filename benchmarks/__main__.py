"""The benchmarks' command line."""

import ast
import importlib
import logging
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from benchmarks.errors import BenchmarkError
from lane.platform.errors import LaneError
from models.command_line.broken_pipe import quiet_on_closed_pipe
from models.command_line.foreign_packages import refuse_foreign_packages
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
    "attacks": "attacks",
    "capacity": "capacity",
    "desk": "desk",
    "soak": "capacity",
    "film": "capacity",
    "compare": "report",
    "report": "report",
    "gate": "latency",
}
"""Each in `FOLDER/NAME_command.py`, in the order in which help lists them. Loaded when it is called: help
needs no network's library."""


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
    module = importlib.import_module(f"benchmarks.{COMMANDS[name]}.{name}_command")
    alone = typer.Typer(rich_markup_mode="markdown", add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(getattr(module, name))
    return get_command(alone)


def _first_line(name: str) -> str:
    source = Path(__file__).parent / COMMANDS[name] / f"{name}_command.py"
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

STOPPED = 130
"""The exit code after Ctrl-C, as a shell has it."""


def main() -> None:
    """Run the command line: clear errors, exit 2 for bad input, 130 for Ctrl-C, never a traceback."""
    signal.signal(signal.SIGTERM, _end)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        refuse_foreign_packages()
        with quiet_on_closed_pipe():
            app()
    except (BenchmarkError, LaneError, ModelError, ImportError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while a compiled library is loaded
            _stopped()
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:
        if ended.code == STOPPED:  # typer makes this of Ctrl-C, and says nothing
            _stopped()
        raise


def _end(*_: object) -> NoReturn:
    """SIGTERM ends as Ctrl-C does: no folder, no process and no checked out commit is left."""
    raise SystemExit(143)


def _stopped() -> NoReturn:
    print("\nstopped", file=sys.stderr)
    raise SystemExit(STOPPED) from None


if __name__ == "__main__":
    main()
