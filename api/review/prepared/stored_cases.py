"""Prepared cases in the database: known truth, faces sealed under a key of their own, and who has seen them.

No lane is concerned: nothing here writes a referral, and a lane can only ask for its own passages.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.faces.keyring import Keyring
from api.faces.sealing import seal, unseal
from api.ledger import chain
from api.ledger.facts import JudgedFact
from api.platform.database.database import Database
from api.platform.database.tables import PreparedImageRow, PreparedRow, SeededRow
from api.platform.errors import CaseUnknownError, ImageUnknownError
from api.review.officer_accuracy import Truth
from api.review.prepared.case_file import PreparedCase

PREFIX = "prepared-"
OPEN = (SeededRow.decided_at.is_(None), SeededRow.withdrawn_at.is_(None))
"""The conditions of a case before an officer that is neither decided nor withdrawn."""


class ListedCase(NamedTuple):
    row: PreparedRow
    images: int
    seen: int
    """How often it was before an officer."""


def add(database: Database, keyring: Keyring, given: PreparedCase, *, clock: Callable[[], datetime]) -> str:
    """Keep a case; return its name. Raises KeyringError."""
    case = f"{PREFIX}{secrets.token_hex(6)}"
    # Before the turn to write: the key may come from a slow service.
    key = keyring.key_for(case, at=clock())
    with database.write() as session:
        at = clock()
        if not keyring.has(case, key):  # swept away meanwhile, as one that opens nothing
            key = keyring.key_for(case, at=at)
        body = {"case": case, "truth": given.truth.value, "training": given.training}
        session.add(PreparedRow(**body, judged=given.judged.model_dump_json(), added_at=at))
        session.flush()
        for sha256, image in given.images.items():
            sealed = seal(key.secret, case, sha256, image)
            session.add(PreparedImageRow(case=case, sha256=sha256, sealed=sealed))
        session.flush()
        chain.append(session, "prepared.added", {**body, "images": sorted(given.images)}, at=at)
    return case


def retire(session: Session, keyring: Keyring, case: str, *, at: datetime) -> None:
    """Withdraw a case from everybody, and erase its faces; answers stay. Raises CaseUnknownError."""
    row = session.get(PreparedRow, case)
    if row is None or row.retired_at is not None:
        raise CaseUnknownError
    row.retired_at = at
    for shown in session.scalars(select(SeededRow).where(SeededRow.case == case, *OPEN)).all():
        withdraw(session, shown, at=at)
    session.execute(delete(PreparedImageRow).where(PreparedImageRow.case == case))
    session.flush()
    chain.append(session, "prepared.retired", {"case": case}, at=at)
    keyring.destroy([case])


def listed(session: Session) -> list[ListedCase]:
    """Cases that are in use, the oldest first."""
    seen = dict(session.execute(select(SeededRow.case, func.count()).group_by(SeededRow.case)).all())
    images = dict(
        session.execute(select(PreparedImageRow.case, func.count()).group_by(PreparedImageRow.case)).all()
    )
    rows = session.scalars(
        select(PreparedRow).where(PreparedRow.retired_at.is_(None)).order_by(PreparedRow.added_at)
    )
    return [ListedCase(row, images.get(row.case, 0), seen.get(row.case, 0)) for row in rows]


def image(session: Session, keyring: Keyring, case: str, sha256: str) -> bytes:
    """One image of a case. Raises ImageUnknownError, KeyLostError, ImageChangedError or KeyringError."""
    row = session.get(PreparedImageRow, (case, sha256))
    if row is None:
        raise ImageUnknownError
    return unseal(keyring.key_of(case), case, sha256, row.sealed)


def judged_of(session: Session, row: SeededRow) -> JudgedFact:
    """The judgement that a lane would have delivered, with the passage of this insertion."""
    case = session.get_one(PreparedRow, row.case)
    judged = JudgedFact.model_validate_json(case.judged)
    return judged.model_copy(update={"passage": row.passage})


def truth_of(session: Session, row: SeededRow) -> Truth:
    return Truth(session.get_one(PreparedRow, row.case).truth)


def offer(session: Session, officer: str, *, training: bool, lane: str, at: datetime) -> SeededRow | None:
    """Insert for an officer one of the cases that the officer saw least often, by chance; None without any.

    It looks as if somebody waited from now on, at this lane.
    """
    case = _chosen(session, officer, training=training)
    if case is None:
        return None
    row = SeededRow(
        passage=str(uuid4()), case=case, officer=officer, training=training, lane=lane, opened_at=at
    )
    session.add(row)
    session.flush()
    chain.append(session, "prepared.offered", entry_body(row) | {"case": case, "lane": lane}, at=at)
    return row


def withdraw(session: Session, row: SeededRow, *, at: datetime) -> None:
    """Withdraw a case. Its officer sees a passage that ended."""
    if row.decided_at is None and row.withdrawn_at is None:
        row.withdrawn_at = at
        session.flush()
        chain.append(session, "prepared.withdrawn", entry_body(row), at=at)


def are_there(session: Session, *, training: bool) -> bool:
    query = select(PreparedRow.case).where(
        PreparedRow.retired_at.is_(None), PreparedRow.training.is_(training)
    )
    return session.scalar(query.limit(1)) is not None


def entry_body(row: SeededRow, **more: Any) -> dict[str, Any]:
    return {
        "passage": row.passage,
        "officer": row.officer,
        "seeded": True,
        "training": row.training,
        **more,
    }


def _chosen(session: Session, officer: str, *, training: bool) -> str | None:
    mine = (
        select(SeededRow.case, func.count().label("times"))
        .where(SeededRow.officer == officer)
        .group_by(SeededRow.case)
        .subquery()
    )
    times = func.coalesce(mine.c.times, 0)
    rows = session.execute(
        select(PreparedRow.case, times)
        .outerjoin(mine, mine.c.case == PreparedRow.case)
        .where(PreparedRow.retired_at.is_(None), PreparedRow.training.is_(training))
    ).all()
    fewest = min((seen for _, seen in rows), default=0)
    least = sorted(case for case, seen in rows if seen == fewest)
    # By chance, so that no truth follows from the one before.
    return secrets.choice(least) if least else None
