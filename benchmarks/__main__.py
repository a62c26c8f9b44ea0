"""The benchmarks' command line."""

import logging
import signal
import sys
from typing import NoReturn

import typer

from benchmarks.commands.accuracy import accuracy
from benchmarks.commands.attacks import attacks
from benchmarks.commands.calibrate import calibrate
from benchmarks.commands.capacity import capacity
from benchmarks.commands.compare import compare
from benchmarks.commands.decision import decision
from benchmarks.commands.desk import desk
from benchmarks.commands.film import film
from benchmarks.commands.gate import gate
from benchmarks.commands.ingredients import ingredients
from benchmarks.commands.latency import latency
from benchmarks.commands.limit import limit
from benchmarks.commands.peers import peers
from benchmarks.commands.report import report
from benchmarks.commands.rounding import rounding
from benchmarks.commands.soak import soak
from benchmarks.errors import BenchmarkError
from lane.errors import LaneError
from models.ending import with_a_reader
from models.errors import ModelError
from models.guard import refuse_strangers

app = typer.Typer(
    name="python -m benchmarks",
    help="Measure Passenger Lane on this machine: how fast, how accurate. Tables, or JSON.\n\n"
    "Nothing here says good or bad: figures, how sure they are, and a stamp of what they were measured on.",
    epilog="Start here: python -m benchmarks latency --quick",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
COMMANDS = (
    latency,
    limit,
    rounding,
    peers,
    accuracy,
    calibrate,
    decision,
    ingredients,
    attacks,
    capacity,
    desk,
    soak,
    film,
    compare,
    report,
    gate,
)
"""In the order in which help lists them."""
for command in COMMANDS:
    app.command()(command)

STOPPED = 130
"""The exit code after Ctrl-C, as a shell has it."""


def main() -> None:
    """Run the command line: clear errors, exit 2 for bad input, 130 for Ctrl-C, never a traceback."""
    signal.signal(signal.SIGTERM, _end)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        refuse_strangers()
        with with_a_reader():
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
