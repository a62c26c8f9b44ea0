"""`desk`: how much of a site one desk carries."""

from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.harness import result_file
from benchmarks.harness.options import Json
from benchmarks.harness.output import say, tell


def desk(
    json_out: Json = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="PATH|URL", help="An empty database; an SQLite file if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the desk.")] = 1,
    lanes: Annotated[int, typer.Option(min=1, help="Lanes that refer passengers.")] = 10,
    per_hour: Annotated[float, typer.Option(min=1, help="Passages an hour, of each lane.")] = 360,
    referred: Annotated[float, typer.Option(min=0, max=1, help="The share that an officer decides.")] = 0.1,
    officers: Annotated[int, typer.Option(min=1, help="Officers who decide; one more watches.")] = 4,
    officer_s: Annotated[float, typer.Option(min=0, help="How long each looks at a case.")] = 1.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long each step lasts.")] = 30,
    search: Annotated[
        bool, typer.Option(help="Double the passages until the desk breaks, then halve the gap.")
    ] = True,
) -> None:
    """Measure a desk with simulated lanes and scripted officers, over HTTP, up to where it breaks.

    Each lane uploads two pictures of a referred passenger and tells the rest; officers follow the queue's
    page, claim, look, judge and decide. Told are p50, p95 and p99 from the lane's first byte until the case
    is on the page of an officer who watches, and until the lane has the decision.

    Broken is a step with a failed request, with a referral that was lost or not decided, later on screen than
    500 ms (p95), or where lanes are told to wait longer than a second. A search ends where what broke lies at
    most a quarter above what was carried. Everything runs on this machine and takes time from the desk: the
    figures are from below.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends the desk, too.

    Example: python -m benchmarks desk --lanes 20 --officers 8 --workers 2 --json desk.json
    """
    from benchmarks.accuracy.score_plots import draw_steps  # noqa: PLC0415
    from benchmarks.desk.desk_site import site  # noqa: PLC0415
    from benchmarks.desk.http_load import Load  # noqa: PLC0415
    from benchmarks.desk.measure import measure  # noqa: PLC0415
    from benchmarks.harness.stamp import stamp  # noqa: PLC0415

    result_file.must_be_writable(json_out)
    load = Load(per_hour, referred, seconds, officer_s)
    kind = "postgresql" if database and "://" in database else "sqlite"
    say(f"starting a desk on {kind}, with {lanes} lanes and {officers} officers …")
    steps = []
    with site(database, lanes=lanes, officers=officers + 1, workers=workers) as running:
        for step in measure(running, load, searches=search, say=say):
            steps.append(step)
            say(_step(step))
    asked = {"database": kind, "workers": workers, "officers": officers, "officer_s": officer_s}
    libraries = ("fastapi", "uvicorn", "sqlalchemy", "psycopg", "httpx")
    found: dict[str, Any] = {
        "benchmark": "desk",
        "stamp": stamp(libraries=libraries),
        **asked,
        "referred": referred,
    }
    found["steps"] = steps
    if json_out is not None and json_out != result_file.STDOUT:
        found["drawing"] = draw_steps(json_out, steps, f"desk on {kind}, {workers} worker(s), {lanes} lanes")
    tell(found, json_out, _show_steps)


def _show_steps(console: Console, told: dict[str, Any]) -> None:
    for step in told["steps"]:
        console.print(_step(step))


def _step(step: dict[str, Any]) -> str:
    """One step in a line."""
    on_screen, decided = step["on_screen"] or {}, step["decided"] or {}
    quantiles = ", ".join(f"{name} {on_screen.get(f'{name}_ms', '-')} ms" for name in ("p50", "p95", "p99"))
    return (
        f"{step['passages_per_second']:.2f} passages/s, {step['referrals']} referred: on screen {quantiles}; "
        f"decided p95 {decided.get('p95_ms', '-')} ms; {'; '.join(step['broken']) or 'carried'}"
    )
