"""The command line: starts, ends, teaches, and never shows a traceback."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner, Result

from api.__main__ import app
from api.platform.errors import SettingsError
from api.platform.settings import load
from tests.support import tiers
from tests.support.api.postgresql import empty_database
from tests.support.api.running_desk import PASSWORD, Lane, Officer

ROOT = Path(__file__).parents[3]
CHEAP_ENVIRONMENT = {
    "PASSENGER_LANE_DESK_ARGON2__MEMORY_KIB": "8",
    "PASSENGER_LANE_DESK_ARGON2__TIME_COST": "1",
    "PASSENGER_LANE_DESK_ARGON2__PARALLELISM": "1",
}


def run(*arguments: str, given: str = "", **environment: str) -> Result:
    """One command, in this process: starting one for each would take most of the tests' time."""
    return CliRunner().invoke(app, arguments, input=given, env=CHEAP_ENVIRONMENT | environment)


@contextmanager
def serving(database: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", "api", "serve", "--database", str(database), "--port", "0"]
    with subprocess.Popen(
        [*command, "--exit-with-parent"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | CHEAP_ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("desk listening at http://127.0.0.1:"), line
        try:
            yield process, line.split()[-1]
        finally:
            if process.poll() is None:
                process.kill()


def refusal(*arguments: str, given: str = "") -> str:
    """What a command says on standard error that does nothing else."""
    done = run(*arguments, given=given)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, str]:
    """For a command on a database of this test."""
    return "--database", str(tmp_path / "desk.sqlite3")


def added(database: Path | str) -> tuple[str, str]:
    token = json.loads(run("lane", "add", "lane-1", "--database", str(database), "--json").stdout)["token"]
    made = run("officer", "add", "wang", "--database", str(database), "--generate", "--json")
    return token, json.loads(made.stdout)["password"]


@pytest.mark.thorough
@tiers.parametrize("ending", [signal.SIGINT, signal.SIGTERM, None], quick=1)
def test_desk_ends_cleanly_with_open_streams(tmp_path: Path, ending: signal.Signals | None) -> None:
    database = tmp_path / "desk.sqlite3"
    token, password = added(database)
    with serving(database) as (process, address):
        officer, lane = Officer(address, "wang"), Lane(address, "lane-1", token)
        assert officer.sign_in(password).status_code == 200
        passage = lane.refer(images=[])
        with officer.http.stream("GET", "/api/v1/events") as stream:
            next(stream.iter_lines())
            assert lane.decision(passage) is None
            if ending is None:
                assert process.stdin is not None
                process.stdin.close()
                process.stdin = None
            else:
                process.send_signal(ending)
            _, errors = process.communicate(timeout=20)
        officer.http.close()
        lane.http.close()
    assert process.returncode == 0
    assert "Traceback" not in errors, errors
    verified = run("ledger", "verify", "--database", str(database))
    assert (verified.exit_code, verified.stdout.split()[0]) == (0, "verified:")


@pytest.mark.thorough
def test_verify_names_fault_and_place(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    token, _ = added(database)
    with serving(database) as (_, address), Lane(address, "lane-1", token) as lane:
        answer = lane.deliver(lane.write("lane.started", {"lane": "lane-1"})).json()
    head = "{seq}:{hash}".format(**answer["head"])
    assert run("ledger", "head", "--database", str(database)).stdout.strip() == head
    good = run("ledger", "verify", "--database", str(database), "--head", head, "--json")
    result = json.loads(good.stdout)
    # The chore that signs heads may have run once, or not yet.
    assert (len(result.pop("root")), result.pop("signed_heads") in (0, 1)) == (64, True)
    assert result == {
        "verified": True,
        "mode": "whole",
        "entries": 4,
        "head": head,
        "clock_set_back": [],
        "not_checked": [],
    }
    bad = run("ledger", "verify", "--database", str(database), "--head", f"7:{'0' * 64}")
    assert bad.exit_code == 1
    assert "cut off" in bad.stdout


def test_only_a_ledger_is_called_broken(tmp_path: Path) -> None:
    other, letter, database = (tmp_path / name for name in ("other.sqlite3", "letter.txt", "desk.sqlite3"))
    with closing(sqlite3.connect(other)) as made, made:
        made.execute("CREATE TABLE ledger (seq INTEGER PRIMARY KEY, payload TEXT, hash TEXT)")
    letter.write_text("Dear officers, this is a letter and not a database at all." * 20)
    for file, fault in ((other, "not a desk's"), (letter, "not a database")):
        assert fault in refusal("ledger", "verify", "--database", str(file))
    added(database)
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("DROP TABLE ledger_head")
    done = run("ledger", "verify", "--database", str(database))
    assert (done.exit_code, "no such table" in done.stdout) == (1, True)


def another_programs(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE letters (text TEXT)")
        for statement in statements:
            made.execute(statement)
    return path


REVISION = ("CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('a1b2')")
NO_BACKUP = {
    "letter": ("Dear officers, this is no backup." * 99, "no database"),
    "nothing": ("", "empty"),
    "another": ((), "not a desk's"),
    "alembic": (REVISION, "not a desk's"),
    "later": ((*REVISION, "CREATE TABLE ledger (seq INTEGER)"), "schema a1b2"),
}


@pytest.mark.parametrize(("content", "message"), NO_BACKUP.values(), ids=NO_BACKUP)
def test_invalid_backup_restores_and_touches_nothing(
    tmp_path: Path, here: tuple[str, str], content: str | tuple[str, ...], message: str
) -> None:
    file = tmp_path / "file"
    if isinstance(content, str):
        file.write_text(content)
    else:
        another_programs(file, *content)
    before = file.read_bytes()
    refused = refusal("restore", "--from", str(file), *here)
    assert (refused.startswith(f"error: {file} "), message in refused) == (True, True)
    assert (file.read_bytes(), [path.name for path in tmp_path.iterdir()]) == (before, ["file"])


@pytest.fixture
def backup(tmp_path: Path, here: tuple[str, str]) -> str:
    added(tmp_path / "desk.sqlite3")
    file = str(tmp_path / "backup")
    assert run("backup", "--to", file, *here).exit_code == 0
    return file


def test_foreign_database_is_left_unchanged(tmp_path: Path, backup: str) -> None:
    """Nor is a folder made that is not there."""
    place = str(tmp_path / "mistyped" / "desk.sqlite3")
    assert "there is no folder" in refusal("restore", "--from", backup, "--database", place)
    assert not (tmp_path / "mistyped").exists()
    other = another_programs(tmp_path / "other.sqlite3")
    before = other.read_bytes()
    assert "not a desk's" in refusal("restore", "--from", backup, "--database", str(other))
    assert other.read_bytes() == before
    assert "not a desk's" in refusal("lane", "add", "lane-1", "--database", str(other))
    with closing(sqlite3.connect(other)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]


@pytest.mark.thorough
def test_revoked_lane_disabled_officer_refused_immediately(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    token, password = added(database)
    with serving(database) as (_, address), Lane(address, "lane-1", token) as lane:
        officer = Officer(address, "wang")
        assert officer.sign_in(password).status_code == 200
        passage = lane.refer(images=[])
        for command in (("lane", "revoke", "lane-1"), ("officer", "disable", "wang")):
            assert [run(*command, "--database", str(database)).exit_code for _ in range(2)] == [0, 0]
        assert lane.deliver(lane.write("lane.started", {})).json()["code"] == "token_refused"
        assert officer.claim(passage).json()["code"] == "not_signed_in"
        assert officer.sign_in(password).json()["code"] == "wrong_password"
        officer.http.close()
    verified = run("ledger", "verify", "--database", str(database))
    assert (verified.exit_code, verified.stdout.split()[0]) == (0, "verified:")
    assert refusal("lane", "add", "lane-1", "--database", str(database))


def test_only_existing_accounts_are_shut_out(here: tuple[str, str]) -> None:
    added(here[1])
    for command in (("lane", "revoke", "lane-2"), ("officer", "disable", "li")):
        assert "there is no" in refusal(*command, *here)


def test_read_only_copy_verifies_unchanged(tmp_path: Path) -> None:
    database, folder = tmp_path / "desk.sqlite3", tmp_path / "evi dence #1%"
    added(database)
    folder.mkdir()
    copy = folder / "copy?.sqlite3"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    before = copy.read_bytes()
    copy.chmod(0o444)
    folder.chmod(0o555)
    done = run("ledger", "verify", "--database", str(copy))
    assert (done.exit_code, done.stdout.split()[0]) == (0, "verified:")
    assert run("ledger", "head", "--database", str(copy)).stdout.strip() in done.stdout
    assert [path.name for path in folder.iterdir()] == [copy.name]
    assert copy.read_bytes() == before
    folder.chmod(0o755)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ledger", "verify", "--database", "nowhere.sqlite3"], "no desk's database"),
        (["ledger", "verify", "--database", "nowhere.sqlite3", "--head", "seven"], "SEQ:HASH"),
        (["lane", "revoke", "lane-1", "--database", "nowhere.sqlite3"], "no desk's database"),
        (["officer", "disable", "wang", "--database", "nowhere.sqlite3"], "no desk's database"),
        (["lane", "add", "desk", "--database", "nowhere.sqlite3"], "lane's name"),
        (["lane", "add", "a b", "--database", "nowhere.sqlite3"], "lane's name"),
        (["officer", "add", "wang", "--database", "nowhere.sqlite3"], "12 to 256"),
        (["officer", "set-duties", "wang", "--duty", "Not one", "--database", "nowhere.sqlite3"], "a duty"),
        (["officer", "add", "wang", "--role", "captain", "--database", "nowhere.sqlite3"], "captain"),
        (["serve", "--host", "0.0.0.0"], "cookie_secure"),
        (["serve", "--config", "nowhere.toml"], "nowhere.toml cannot be read: No such file"),
        (["serve", "--port", "99999"], "port"),
        (["serve", "--port", "0", "--database", "/proc/desk.sqlite3"], "cannot be used"),
        (["serve", "--port", "0", "--database", "mistyped/desk.sqlite3"], "there is no folder"),
        (["lane", "add", "lane-1", "--database", "mistyped/desk.sqlite3"], "there is no folder"),
        (["restore", "--from", "nowhere", "--database", "desk.sqlite3"], "no desk's database"),
        (["keys", "rotate", "--database", "nowhere.sqlite3"], "no desk's database"),
    ],
)
def test_mistake_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments, given="short\n", COLUMNS="200", NO_COLOR="1", TERM="dumb")
    assert done.exit_code == 2
    assert message in done.stderr
    assert isinstance(done.exception, SystemExit)
    assert not list(tmp_path.iterdir()), "a mistake must not leave a database behind"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("li", "", "one line of standard input"),
        ("Wang.Li", "my wang.li password\n", "own name"),
        ("wang", f"{PASSWORD}\n", "exists already"),
    ],
)
def test_wrong_officer_is_refused(here: tuple[str, str], name: str, given: str, message: str) -> None:
    assert run("officer", "add", "wang", *here, given=f"{PASSWORD}\n").exit_code == 0
    assert message in refusal("officer", "add", name, *here, given=given)


def test_roles_and_duties_given_and_listed(here: tuple[str, str]) -> None:
    for name, role in (("chen", "administrator"), ("wang", "officer"), ("zhou", "auditor")):
        made = run("officer", "add", name, "--role", role, "--duty", "child", "--generate", *here)
        assert made.stdout.startswith(f"{role} {name} is registered")
    made = run("officer", "add", "li", "--supervisor", *here, given=f"{PASSWORD}\n")
    assert made.stdout.startswith("supervisor li is registered"), "only where that is asked for"
    made = run("officer", "add", "ma", *here, given=f"{PASSWORD}\n")
    assert made.stdout.startswith("officer ma is registered")
    assert run("officer", "set-role", "wang", "supervisor", *here).exit_code == 0
    duties = ("--duty", "quarantine", "--duty", "diplomatic")
    assert run("officer", "set-duties", "wang", *duties, *here).exit_code == 0
    assert run("officer", "disable", "zhou", *here).exit_code == 0
    found = run("officer", "list", "--json", *here)
    assert found.exit_code == 0, found.exception
    listed = json.loads(found.stdout)["officers"]
    assert [(one["officer"], one["role"], one["duties"], one["disabled"]) for one in listed] == [
        ("chen", "administrator", ["child"], False),
        ("li", "supervisor", [], False),
        ("ma", "officer", [], False),
        ("wang", "supervisor", ["diplomatic", "quarantine"], False),
        ("zhou", "auditor", ["child"], True),
    ]
    assert "zhou (disabled)" in run("officer", "list", *here).stdout
    assert run("ledger", "verify", *here).exit_code == 0


def test_lane_token_is_rotated_and_listed(here: tuple[str, str]) -> None:
    first = json.loads(run("lane", "add", "lane-1", "--json", *here).stdout)["token"]
    done = run("lane", "rotate", "lane-1", "--overlap-s", "60", "--expires-days", "30", "--json", *here)
    assert json.loads(done.stdout)["token"] not in ("", first)
    (listed,) = json.loads(run("lane", "list", "--json", *here).stdout)["lanes"]
    assert (listed["lane"], listed["revoked"], listed["used_at"]) == ("lane-1", False, None)
    assert "token ends" in run("lane", "list", *here).stdout
    assert run("lane", "rotate", "lane-2", *here).exit_code == 2
    assert run("ledger", "verify", *here).exit_code == 0


@pytest.mark.parametrize("command", [["set-role", "chen", "auditor"], ["disable", "chen"]])
def test_the_last_administrator_stays(here: tuple[str, str], command: list[str]) -> None:
    run("officer", "add", "chen", "--role", "administrator", "--generate", *here)
    assert "last administrator" in refusal("officer", *command, *here)
    run("officer", "add", "zhao", "--role", "administrator", "--generate", *here)
    assert run("officer", *command, *here).exit_code == 0
    assert run("ledger", "verify", *here).exit_code == 0


def test_export_overwrites_no_file(tmp_path: Path, here: tuple[str, str]) -> None:
    run("lane", "add", "lane-1", *here)
    out = tmp_path / "ledger.jsonl"
    assert run("ledger", "export", "--out", str(out), *here).exit_code == 0
    before = out.read_bytes()
    assert "name another one" in refusal("ledger", "export", "--out", str(out), *here)
    assert out.read_bytes() == before


def test_text_file_is_no_case(tmp_path: Path, here: tuple[str, str]) -> None:
    text = tmp_path / "notes.txt"
    run("lane", "add", "lane-1", *here)
    text.write_text("to be done")
    assert "prepare-case" in refusal("case", "add", str(text), *here)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["serve"],
        *(["lane", name] for name in ("add", "revoke", "rotate", "list")),
        *(["officer", name] for name in ("add", "disable", "set-role", "set-duties", "list")),
        *(["ledger", name] for name in ("verify", "export", "prove", "witness")),
    ],
)
def test_help_teaches(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) > 8
    assert "Usage" in done.stdout


def test_openapi_is_printed() -> None:
    assert json.loads(run("openapi").stdout)["info"]["title"] == "Passenger Lane desk"


def test_settings_from_command_line_environment_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "desk.toml"
    config.write_text('port = 1\nlease_s = 60\ndatabase = "a"\n[argon2]\ntime_cost = 2\n')
    monkeypatch.setenv("PASSENGER_LANE_DESK_PORT", "2")
    monkeypatch.setenv("PASSENGER_LANE_DESK_LEASE_S", "61")
    read = load(config, port=3)
    assert (read.port, read.lease_s, read.database, read.argon2.time_cost) == (3, 61, Path("a"), 2)


def test_database_is_path_or_postgresql_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_DESK_DATABASE", "postgresql://desk:s3cret@host/desk")
    read = load()
    assert isinstance(read.database, URL)
    assert (read.database.host, read.database.password) == ("host", "s3cret")
    assert "s3cret" not in repr(read)
    assert load(database="desk.sqlite3").database == Path("desk.sqlite3")


@pytest.mark.parametrize("given", ["mysql://desk:s3cret@host/desk", "postgresql://desk:s3cret@host:x/desk"])
def test_unknown_url_refused_without_its_password(given: str) -> None:
    refused = refusal("ledger", "head", "--database", given)
    assert "database: " in refused
    assert "s3cret" not in refused


@pytest.mark.thorough
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_the_commands_work_on_postgresql(place: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEYS", str(tmp_path))
    database = place.render_as_string(hide_password=False)
    added(database)
    assert run("officer", "disable", "wang", "--database", database).exit_code == 0
    assert "verified: 3 entries" in run("ledger", "verify", "--database", database).stdout
    with empty_database() as other:
        nowhere = other.render_as_string(hide_password=False)
        assert "no desk's database" in refusal("lane", "revoke", "lane-1", "--database", nowhere)


def test_server_desk_needs_key_location(monkeypatch: pytest.MonkeyPatch) -> None:
    serve = ("serve", "--database", "postgresql://desk:s3cret@127.0.0.1:1/desk")
    refused = refusal(*serve)
    assert "set keys to a folder" in refused
    assert "s3cret" not in refused
    monkeypatch.setenv("PASSENGER_LANE_DESK_KEK", base64.b64encode(bytes(32)).decode())
    assert "key file ledger-key" in refusal(*serve)


def test_an_unknown_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "desk.toml"
    config.write_text("leese_s = 60\n")
    assert "leese_s" in tomllib.loads(config.read_text())
    with pytest.raises(SettingsError, match="leese_s: there is no such setting; did you mean lease_s"):
        load(config)
    config.write_text("[argon2]\ntime = 2\nzzz = 1\n")
    with pytest.raises(SettingsError) as refused:
        load(config)
    assert "argon2.time: there is no such setting; did you mean argon2.time_cost?" in str(refused.value)
    there = "there are memory_kib, parallelism, time_cost"
    assert f"argon2.zzz: there is no such setting; {there}" in str(refused.value)
    monkeypatch.setenv("PASSENGER_LANE_DESK_LEESE_S", "60")
    with pytest.raises(SettingsError, match="LEESE_S"):
        load()
