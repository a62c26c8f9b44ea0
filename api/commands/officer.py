"""`python -m api officer …`: who may sign in, as what."""

import json
import re
from typing import Annotated

import typer

from api.commands.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    ask_password,
    load,
    made,
    plain_errors,
    reading,
    writing,
)
from api.people.roles import Role
from api.platform.clock import utc_now

app = typer.Typer(help="Who may sign in, as what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name to sign in with; only the desk's database has it.")]
DutyOption = Annotated[
    list[str] | None,
    typer.Option("--duty", help="A duty such as diplomatic, quarantine, customs or child. Repeatable."),
]


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What this person does at the desk.")] = Role.OFFICER,
    duty: DutyOption = None,
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")] = False,
    supervisor: Annotated[bool, typer.Option("--supervisor", help="The same as --role supervisor.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register somebody. The password is asked for, or read as one line from standard input.

    A desk's first administrator is made here; administrators make everybody else on their page.
    """
    from api.people import officers
    from api.people.passwords import Passwords, check_new, one_time_password

    if not (0 < len(name) <= 64 and name.isprintable() and name.strip() == name):
        raise typer.BadParameter("an officer's name has 1 to 64 printable characters")
    role = Role.SUPERVISOR if supervisor else role
    with plain_errors():
        settings = load(config, database=database)
        if generate:
            password = one_time_password()
        else:
            password = ask_password()
            check_new(password, name)
        hashed = Passwords(settings.argon2).hash(password)
        with made(settings) as store, store.write() as session:
            pseudonym = officers.add(session, name, hashed, at=utc_now(), role=role, duties=_duties(duty))
    shown = {"password": password} if generate else {}
    if as_json:
        typer.echo(json.dumps({"officer": name, "pseudonym": pseudonym, **shown}, ensure_ascii=False))
        return
    typer.echo(f"{role.value} {name} is registered; the ledger knows this officer as {pseudonym}.")
    if generate:
        typer.echo(f"The password, which is shown only now:\n{password}")


@app.command("set-role")
def set_role(name: Name, role: Role, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Give somebody another role, and end the sessions with the old one."""
    from api.people import officers
    from api.review.cases import queue

    with writing(database, config) as session:
        pseudonym, now = officers.named(session, name), utc_now()
        officers.set_role(session, pseudonym, role, at=now)
        queue.release_others(session, officers.as_now(session, pseudonym), at=now)
    typer.echo(f"{name} is {role.value} now, and signed out.")


@app.command("set-duties")
def set_duties(
    name: Name, duty: DutyOption = None, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Give somebody these duties and no other."""
    from api.people import officers
    from api.review.cases import queue

    duties = _duties(duty)
    with writing(database, config) as session:
        pseudonym, now = officers.named(session, name), utc_now()
        officers.set_duties(session, pseudonym, duties, at=now)
        queue.release_others(session, officers.as_now(session, pseudonym), at=now)
    typer.echo(f"{name} has the duties: {', '.join(duties) or 'none'}.")


@app.command("disable")
def disable(name: Name, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """End an officer's sessions and refuse new ones, for good. What the officer decided stays."""
    from api.people import officers
    from api.review import shifts

    with writing(database, config) as session:
        pseudonym = officers.named(session, name)
        now = utc_now()
        officers.disable(session, pseudonym, at=now)
        shifts.leave(session, pseudonym, at=now)
    typer.echo(f"officer {name} ({pseudonym}) is signed out and cannot sign in again.")


@app.command("list")
def listed(database: DatabaseOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Who may sign in, and who could once. Names are shown on this terminal only."""
    from api.people import officers

    with reading(database, config) as session:
        found = officers.listed(session)
    if as_json:
        names = ("pseudonym", "role", "duties", "disabled")
        rows = [{"officer": one.name} | {name: getattr(one, name) for name in names} for one in found]
        typer.echo(json.dumps({"officers": rows}, ensure_ascii=False))
        return
    for person in found:
        state = " (disabled)" if person.disabled else ""
        duties = f" [{', '.join(person.duties)}]" if person.duties else ""
        typer.echo(f"{person.pseudonym}  {person.role.value}{duties}  {person.name}{state}")


def _duties(given: list[str] | None) -> list[str]:
    from api.people import officers

    duties = sorted(set(given or ()))
    if not all(re.fullmatch(officers.DUTY, duty) for duty in duties):
        raise typer.BadParameter("a duty has 1 to 32 small letters, digits, dashes or underscores")
    return duties
