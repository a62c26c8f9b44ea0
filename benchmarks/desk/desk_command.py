from typing import Annotated

import typer

from benchmarks.desk.http_load import Load
from benchmarks.desk.measure import carried, draw, measure
from benchmarks.harness.desk_site import site
from benchmarks.harness.options import Json
from benchmarks.harness.output import deliver, say
from benchmarks.harness.result import Result
from benchmarks.harness.stamp import stamp

LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "psycopg", "httpx")


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

    Each lane uploads two pictures of a referred passenger and then its entries; officers follow the queue's
    page, claim, look, judge and decide. Reported are p50 to p99 from the lane's first byte until the case
    is on the page of an officer who watches, and until the lane has the decision.

    Broken is a step with a failed request, with a referral that was lost or not decided, later on screen than
    500 ms (p95), or where lanes are made to wait longer than a second. A search ends where what broke lies at
    most a quarter above what was carried. Everything runs on this machine and takes time from the desk: the
    figures are from below.

    Beside OUT the steps are drawn as SVG. Ctrl-C ends the desk, too.

    Example: python -m benchmarks desk --lanes 20 --officers 8 --workers 2 --json desk.json
    """
    load = Load(per_hour, referred, seconds, officer_s)
    kind = "postgresql" if database and "://" in database else "sqlite"
    say(f"starting a desk on {kind}, with {lanes} lanes and {officers} officers …")
    with site(database, lanes=lanes, officers=officers + 1, workers=workers) as running:
        steps = list(measure(running, load, searches=search, say=say))
    result = Result(
        benchmark="desk",
        stamp=stamp(libraries=LIBRARIES),
        conditions={
            "lanes": lanes,
            "workers": workers,
            "officers": officers,
            "officer_s": officer_s,
            "referred": referred,
        },
        settings={"database": kind, "seconds": seconds},
        figures=(carried(steps), *(figure for step in steps for figure in step.figures)),
    )
    title = f"desk on {kind}, {workers} worker(s), {lanes} lanes"
    deliver(result, json_out, lambda: {"steps": draw(result, title)})
