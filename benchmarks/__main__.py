"""The benchmarks' command line."""

import logging
import signal
import sys
from typing import NoReturn

import typer

from benchmarks.accuracy.accuracy_command import accuracy
from benchmarks.accuracy.calibrate_command import calibrate
from benchmarks.accuracy.decision_command import decision
from benchmarks.accuracy.ingredients_command import ingredients
from benchmarks.attacks.attacks_command import attacks
from benchmarks.capacity.capacity_command import capacity
from benchmarks.capacity.film_command import film
from benchmarks.capacity.soak_command import soak
from benchmarks.desk.desk_command import desk
from benchmarks.errors import BenchmarkError
from benchmarks.latency.gate_command import gate
from benchmarks.latency.latency_command import latency
from benchmarks.limits.limit_command import limit
from benchmarks.limits.rounding_command import rounding
from benchmarks.peers.peers_command import peers
from benchmarks.report.compare_command import compare
from benchmarks.report.report_command import report
from lane.platform.errors import LaneError
from models.command_line.broken_pipe import quiet_on_closed_pipe
from models.command_line.foreign_packages import refuse_foreign_packages
from models.errors import ModelError

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
