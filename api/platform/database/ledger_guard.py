"""The database's own guard on the ledger: it refuses to change or remove an entry.

A second safeguard against mistakes: whoever runs the database can take it away, but not forge the hashes.
"""

from sqlalchemy import Connection, text

_IN_SQLITE = [
    f"CREATE TRIGGER ledger_refuses_{change.lower()} BEFORE {change} ON ledger "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for change in ("UPDATE", "DELETE")
]
_FOUND_IN_SQLITE = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"

_REFUSES = "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END"
_IN_POSTGRESQL = [
    ("ledger_refuses_change", "BEFORE DELETE OR UPDATE", "ROW"),
    ("ledger_refuses_truncate", "BEFORE TRUNCATE", "STATEMENT"),
]
"""Name, when, and for each what."""
_FOUND_IN_POSTGRESQL = """
SELECT t.tgname, substring(pg_get_triggerdef(t.oid) from '(BEFORE [A-Z ]+) ON '),
       substring(pg_get_triggerdef(t.oid) from 'FOR EACH ([A-Z]+) EXECUTE FUNCTION [a-z_.]+\\(\\)$'),
       t.tgenabled::text, p.prosrc
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass('ledger') AND NOT t.tgisinternal
"""


def guard(connection: Connection) -> None:
    """Put the guard on a new ledger."""
    if connection.dialect.name == "sqlite":
        for trigger in _IN_SQLITE:
            connection.exec_driver_sql(trigger)
        return
    connection.exec_driver_sql(
        f"CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $${_REFUSES}$$"
    )
    for name, when, each in _IN_POSTGRESQL:
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} {when} ON ledger FOR EACH {each} EXECUTE FUNCTION ledger_is_append_only()"
        )
        # Also in a session that replicates.
        connection.exec_driver_sql(f"ALTER TABLE ledger ENABLE ALWAYS TRIGGER {name}")


def is_guarded(connection: Connection) -> bool:
    """Whether the guard is there, whole and awake."""
    if connection.dialect.name == "sqlite":
        return set(connection.scalars(text(_FOUND_IN_SQLITE))) == set(_IN_SQLITE)
    found = {tuple(row) for row in connection.execute(text(_FOUND_IN_POSTGRESQL))}
    return found == {(*trigger, "A", _REFUSES) for trigger in _IN_POSTGRESQL}
