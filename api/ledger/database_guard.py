"""The database's own guard on the ledger: it refuses to change or remove an entry.

A second safeguard against mistakes: whoever runs the database can take it away, but not forge the hashes.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

_SQLITE = {
    f"CREATE TRIGGER ledger_refuses_{change.lower()} BEFORE {change} ON ledger "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for change in ("UPDATE", "DELETE")
}
_SQLITE_TRIGGERS = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"

_REFUSES = "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END"
_POSTGRES = {
    ("ledger_refuses_change", "BEFORE DELETE OR UPDATE", "ROW", "A", _REFUSES),
    ("ledger_refuses_truncate", "BEFORE TRUNCATE", "STATEMENT", "A", _REFUSES),
}
"""Name, when, for each what, fires ALWAYS (also in a session that replicates), and what it does."""
_POSTGRES_TRIGGERS = """
SELECT t.tgname, substring(pg_get_triggerdef(t.oid) from '(BEFORE [A-Z ]+) ON '),
       substring(pg_get_triggerdef(t.oid) from 'FOR EACH ([A-Z]+) EXECUTE FUNCTION [a-z_.]+\\(\\)$'),
       t.tgenabled::text, p.prosrc
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass('ledger') AND NOT t.tgisinternal
"""


def guarded(session: Session) -> bool:
    """Whether the guard is there, whole and awake."""
    if session.get_bind().dialect.name == "sqlite":
        return set(session.scalars(text(_SQLITE_TRIGGERS))) == _SQLITE
    return {tuple(row) for row in session.execute(text(_POSTGRES_TRIGGERS))} == _POSTGRES
