"""A passage that began, a reason, an officer: what an auditor finds entries by, without reading them all."""

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_CODE = re.compile("[A-Z][0-9]{2}")
_LONGEST = 32
_LEDGER = sa.table("ledger", sa.column("seq"), sa.column("payload"))


def upgrade() -> None:
    """Apply."""
    terms = op.create_table(
        "ledger_terms",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("term", sa.String(length=64), nullable=False),
        sa.Column("passage", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["ledger.seq"], name=op.f("fk_ledger_terms_seq")),
        sa.PrimaryKeyConstraint("seq", "term", name=op.f("pk_ledger_terms")),
    )
    _fill(terms)
    op.create_index("ix_ledger_terms_term_seq", "ledger_terms", ["term", "seq"])
    op.create_index("ix_ledger_terms_term_passage", "ledger_terms", ["term", "passage"])


def _fill(terms: sa.Table) -> None:
    connection, last = op.get_bind(), 0
    while True:
        these = sa.select(_LEDGER.c.seq, _LEDGER.c.payload).where(_LEDGER.c.seq > last)
        found = connection.execute(these.order_by(_LEDGER.c.seq).limit(_AT_ONCE)).all()
        if not found:
            return
        rows = [row for seq, payload in found for row in _rows(seq, payload)]
        if rows:
            connection.execute(terms.insert(), rows)
        last = found[-1].seq


def _rows(seq: int, payload: str) -> list[dict[str, Any]]:
    """None of an entry that was changed: `verify` names it."""
    try:
        entry = json.loads(payload)
        inner = json.loads(entry["body"]["payload"]) if entry["kind"] == "entry.received" else None
        passage = (inner or entry)["body"].get("passage")
        named = _told_by_lane(inner) if inner else _done(entry)
        lane = inner["chain"] if inner else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    if not isinstance(passage, str):
        return []
    return [{"seq": seq, "term": term, "passage": passage, "lane": lane} for term in sorted(named)]


def _told_by_lane(inner: dict[str, Any]) -> set[str]:
    if inner["kind"] == "passage.started":
        return {"started"}
    if inner["kind"] != "passage.judged":
        return set()
    listed = [one for name in ("reasons", "remarks") for one in _listed(inner["body"].get(name))]
    codes = [one.get("code") for one in listed if isinstance(one, dict)]
    return {f"reason {code}" for code in codes if isinstance(code, str) and _CODE.fullmatch(code)}


def _listed(told: object) -> list[Any]:
    return told if isinstance(told, list) else []


def _done(entry: dict[str, Any]) -> set[str]:
    body = entry["body"]
    decision = body.get("decision")
    by = [told.get("officer") for told in (body, decision if isinstance(decision, dict) else {})]
    return {f"officer {one}" for one in by if isinstance(one, str) and len(one) <= _LONGEST}
