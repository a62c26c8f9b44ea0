"""Images that an older desk kept as they were: sealed at the first start of this release, or gone.

Migration 0005 puts them aside, since SQL cannot encrypt. Those that a case names are sealed under its
passage's key and erased when that is due; the others nobody asks for. Nothing of them is left in the file.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from sqlalchemy import column, inspect, select, table, text
from sqlalchemy.orm import Session

from api.faces import images
from api.faces.keyring import Keyring
from api.ledger import chain
from api.ledger.facts import JudgedTold
from api.platform.database.database import Database
from api.platform.database.tables import FacesRow, LedgerRow, ReferralRow
from lane.ledger.chain import read

_PLAIN = table("images_plain", column("lane"), column("sha256"), column("body"))


def seal_all(database: Database, keyring: Keyring, *, at: datetime) -> int:
    """Seal what is put aside; return how many images there were. All or nothing, and again after a crash."""
    with database.write() as session:
        if not inspect(session.connection()).has_table(_PLAIN.name):
            return 0
        sealed = sum(_seal(session, keyring, row, at=at) for row in _cases(session))
        if database.engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA secure_delete=ON"))
        session.execute(text("DROP TABLE images_plain"))
    _leave_no_bytes(database)
    return sealed


def _cases(session: Session) -> Iterator[ReferralRow]:
    yield from session.scalars(select(ReferralRow)).all()


def _seal(session: Session, keyring: Keyring, row: ReferralRow, *, at: datetime) -> int:
    judged = JudgedTold.model_validate_json(row.judged)
    if not judged.images:
        return 0
    for image in judged.images:
        body = session.scalar(
            select(_PLAIN.c.body).where(_PLAIN.c.lane == row.lane, _PLAIN.c.sha256 == image.sha256)
        )
        if body is not None:
            images.check(image.sha256, body)
            images.keep(session, keyring, row.lane, row.passage, image.sha256, body, at=at)
    held = session.get(FacesRow, row.passage)
    if held is not None:
        # The last that the ledger has of the passage: it closed then, or has waited since.
        last_at = _last_told(session, row.passage, at=at)
        held.told, held.last_at = True, last_at
        held.closed_how, held.closed_at = row.ended, last_at if row.ended else None
        session.flush()
    return len(judged.images)


def _last_told(session: Session, passage: str, *, at: datetime) -> datetime:
    last = session.scalars(
        select(LedgerRow).where(LedgerRow.passage == passage).order_by(LedgerRow.seq.desc()).limit(1)
    ).one_or_none()
    entry = read(last.payload, last.hash) if last else None
    told = entry and (chain.received(entry) or entry)
    return min(told.at, at) if told else at


def _leave_no_bytes(database: Database) -> None:
    """A dropped table's pages stay in the file until they are written over; the log has them too."""
    if database.engine.dialect.name != "sqlite":
        return
    with closing(database.engine.raw_connection()) as connection:
        for line in ("PRAGMA secure_delete=ON", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(line)
