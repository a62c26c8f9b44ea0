"""The first tables, and a ledger that the database itself refuses to change.

The tables stand here as they were at first, whatever `api.platform.database.tables` says by now.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME, _INT, _BOOL, _BYTES = sa.DateTime(timezone=True), sa.Integer(), sa.Boolean(), sa.LargeBinary()
_text = sa.String

_METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _required(**columns: sa.types.TypeEngine[Any]) -> "list[sa.Column[Any]]":
    return [sa.Column(name, kind, nullable=False) for name, kind in columns.items()]


def _optional(**columns: sa.types.TypeEngine[Any]) -> "list[sa.Column[Any]]":
    return [sa.Column(name, kind) for name, kind in columns.items()]


def _lane(*, primary_key: bool = False) -> "sa.Column[str]":
    return sa.Column("lane", _text(64), sa.ForeignKey("lanes.id"), primary_key=primary_key, nullable=False)


def _officer(name: str, **options: Any) -> "sa.Column[str]":
    return sa.Column(name, _text(32), sa.ForeignKey("officers.pseudonym"), **options)


_TABLES: dict[str, tuple[sa.schema.SchemaItem, ...]] = {
    "lanes": (
        sa.Column("id", _text(64), primary_key=True),
        sa.Column("token_sha256", _text(64), nullable=False, unique=True),
        *_required(added_at=_TIME, head_seq=_INT, head_hash=_text(64)),
        *_optional(token_until=_TIME, former_until=_TIME, used_at=_TIME),
        sa.Column("former_sha256", _text(64), unique=True, index=True),
    ),
    "recoveries": (_lane(primary_key=True), *_required(after_seq=_INT), *_optional(through_seq=_INT)),
    "ledger": (
        sa.Column("seq", _INT, primary_key=True, autoincrement=False),
        *_required(payload=sa.Text(), hash=_text(64)),
        *_optional(lane=_text(64), lane_seq=_INT),
        sa.Column("passage", _text(64), index=True),
        sa.Index("ix_ledger_lane_lane_seq", "lane", "lane_seq", unique=True),
    ),
    "ledger_head": (sa.Column("chain", _text(16), primary_key=True), *_required(seq=_INT, hash=_text(64))),
    "ledger_terms": (
        sa.Column("seq", _INT, sa.ForeignKey("ledger.seq"), primary_key=True, autoincrement=False),
        sa.Column("term", _text(64), primary_key=True),
        *_required(passage=_text(64)),
        *_optional(lane=_text(64)),
        sa.Index("ix_ledger_terms_term_seq", "term", "seq"),
        sa.Index("ix_ledger_terms_term_passage", "term", "passage"),
    ),
    "ledger_tiles": (
        sa.Column("level", _INT, primary_key=True, autoincrement=False),
        sa.Column("number", _INT, primary_key=True, autoincrement=False),
        *_required(hashes=_BYTES),
    ),
    "signing_keys": (sa.Column("key", _text(64), primary_key=True), *_required(seq=_INT)),
    "tree_heads": (
        sa.Column("size", _INT, primary_key=True, autoincrement=False),
        *_required(root=_text(64), at=_TIME),
        sa.Column("key", _text(64), sa.ForeignKey("signing_keys.key"), nullable=False),
        *_required(signature=_text(128)),
    ),
    "faces": (
        sa.Column("passage", _text(64), primary_key=True),
        _lane(),
        *_required(told=_BOOL, last_at=_TIME),
        *_optional(closed_how=_text(64), closed_at=_TIME, erased_at=_TIME, because=_text(32)),
        sa.Index("ix_faces_due", "erased_at", "closed_how", "closed_at", "last_at"),
    ),
    "images": (
        sa.Column("passage", _text(64), sa.ForeignKey("faces.passage"), primary_key=True),
        sa.Column("sha256", _text(64), primary_key=True),
        *_optional(sealed=_BYTES),
        *_required(received_at=_TIME),
    ),
    "holds": (
        sa.Column("id", _INT, primary_key=True),
        sa.Column("passage", _text(64), sa.ForeignKey("faces.passage"), nullable=False, index=True),
        *_required(placed_by=_text(32), placed_at=_TIME, reason=sa.Text()),
        *_optional(lifted_by=_text(32), lifted_at=_TIME, lift_reason=sa.Text()),
    ),
    "officers": (
        sa.Column("pseudonym", _text(32), primary_key=True),
        sa.Column("name", _text(64), nullable=False, unique=True),
        *_required(password_hash=_text(256), added_at=_TIME),
        sa.Column("role", _text(16), nullable=False, server_default="officer"),
        sa.Column("duties", sa.Text(), nullable=False, server_default=""),
        sa.Column("must_change", _BOOL, nullable=False, server_default=sa.false()),
        sa.Column("external_sha256", _text(64), unique=True, index=True),
    ),
    "sessions": (
        sa.Column("token_sha256", _text(64), primary_key=True),
        _officer("officer", nullable=False, index=True),
        *_required(started_at=_TIME, used_at=_TIME),
        sa.Column("handle", _text(16), nullable=False, server_default=""),
        sa.Column("way", _text(16), nullable=False, server_default="password"),
    ),
    "sign_in_attempts": (
        sa.Column("subject", _text(64), primary_key=True),
        *_required(wrong=_INT, last_at=_TIME),
    ),
    "challenges": (
        sa.Column("sha256", _text(64), primary_key=True),
        *_required(kind=_text(16), holder=_text(64), kept=sa.Text(), until=_TIME),
    ),
    "passkeys": (
        sa.Column("sha256", _text(64), primary_key=True),
        _officer("officer", nullable=False, index=True),
        *_required(credential=_BYTES, public_key=_BYTES, sign_count=sa.BigInteger(), label=_text(64)),
        *_required(added_at=_TIME),
        *_optional(used_at=_TIME),
    ),
    "referrals": (
        sa.Column("passage", _text(64), primary_key=True),
        _lane(),
        *_required(opened_at=_TIME, gravity=_INT, judged=sa.Text()),
        *_optional(ended=_text(64)),
        _officer("claimed_by"),
        *_optional(claimed_until=_TIME),
        *_required(shown=_BOOL),
        sa.Column("decision", _text(64), unique=True),
        *_optional(answer=_text(32), ground=_text(32), note=sa.Text()),
        _officer("decided_by"),
        *_optional(decided_at=_TIME, handed_at=_TIME),
        sa.Column("round", _INT, nullable=False, server_default="1"),
        sa.Column("stage", _text(8), nullable=False, server_default="first"),
        sa.Column("step", _text(8), nullable=False, server_default="blind"),
        sa.Column("claims", _INT, nullable=False, server_default="0"),
        *_optional(escalated_at=_TIME),
        sa.Column("duty", _text(32), nullable=False, server_default=""),
        sa.Index("ix_referrals_queue", "decision", "ended", "gravity", "opened_at"),
    ),
    "referral_rounds": (
        sa.Column("passage", _text(64), sa.ForeignKey("referrals.passage"), primary_key=True),
        sa.Column("number", _INT, primary_key=True, autoincrement=False),
        *_required(judged=sa.Text()),
        sa.Column("decision", _text(64), nullable=False, unique=True),
    ),
    "opinions": (
        sa.Column("id", _text(36), primary_key=True),
        *_required(kind=_text(12)),
        sa.Column("passage", _text(64), sa.ForeignKey("referrals.passage"), nullable=False, index=True),
        *_required(round=_INT, stage=_text(8), claim=_INT),
        _officer("officer", nullable=False),
        *_required(at=_TIME),
        *_optional(verdict=_text(12), confidence=_INT, details=sa.Text(), answer=_text(32)),
        *_optional(ground=_text(32), note=sa.Text()),
        sa.Index("ix_opinions_officer_at", "officer", "at"),
    ),
    "shifts": (
        sa.Column("id", _text(36), primary_key=True),
        _officer("officer", nullable=False),
        *_required(started_at=_TIME, stretch_at=_TIME),
        *_optional(paused_at=_TIME, ended_at=_TIME, note=sa.Text()),
        _officer("handed_to"),
        sa.Index("ix_shifts_officer_ended_at", "officer", "ended_at"),
    ),
    "lane_status": (_lane(primary_key=True), *_required(received_at=_TIME, told=sa.Text())),
    "lane_commands": (
        _lane(primary_key=True),
        *_required(number=_INT, wanted=_text(16)),
        _officer("by", nullable=False),
        *_required(at=_TIME),
    ),
    "lane_requests": (
        _lane(primary_key=True),
        *_required(number=_INT, code=_text(8)),
        _officer("by", nullable=False),
        *_required(until=_TIME, over=_BOOL),
    ),
    "lane_minutes": (
        _lane(primary_key=True),
        sa.Column("minute", _TIME, primary_key=True, index=True),
        *_required(admitted=_INT, referred=_INT),
    ),
    "evaluation_series": (
        sa.Column("id", _INT, primary_key=True),
        *_required(lane=_text(64), matcher=_text(128), sha256=_text(64), preprocessing=_text(64)),
        *_required(group=_text(8), last_at=_TIME),
        *_optional(fmr_limit=sa.Double(), fnmr_limit=sa.Double()),
        sa.UniqueConstraint("lane", "matcher", "sha256", "preprocessing", "group"),
    ),
    "evaluation_counts": (
        sa.Column("series", _INT, sa.ForeignKey("evaluation_series.id"), primary_key=True),
        sa.Column("hour", _TIME, primary_key=True),
        sa.Column("shadow", _text(128), primary_key=True),
        *_required(passengers=_INT, passengers_matched=_INT, compared=_INT, matched=_INT, skipped=_INT),
        *_required(skipped_matched=_INT, recognised=_INT, unrecognised=_INT, undecided=_INT),
        *_required(strangers_stopped=_INT, strangers_matched=_INT, both_match=_INT, both_not=_INT),
        *_required(disagree=_INT),
    ),
    "evaluation_alarms": (
        sa.Column("id", _INT, primary_key=True),
        sa.Column("series", _INT, sa.ForeignKey("evaluation_series.id"), nullable=False),
        *_required(rate=_text(8), raised_at=_TIME, errors=_INT, passengers=_INT, expected=sa.Double()),
        _officer("acknowledged_by"),
        *_optional(acknowledged_at=_TIME),
        sa.UniqueConstraint("series", "rate"),
    ),
    "prepared_cases": (
        sa.Column("case", _text(32), primary_key=True),
        *_required(truth=_text(16), training=_BOOL, judged=sa.Text(), added_at=_TIME),
        *_optional(retired_at=_TIME),
    ),
    "prepared_images": (
        sa.Column("case", _text(32), sa.ForeignKey("prepared_cases.case"), primary_key=True),
        sa.Column("sha256", _text(64), primary_key=True),
        *_required(sealed=_BYTES),
    ),
    "seeded_reviews": (
        sa.Column("passage", _text(64), primary_key=True),
        sa.Column("case", _text(32), sa.ForeignKey("prepared_cases.case"), nullable=False, index=True),
        _officer("officer", nullable=False),
        *_required(training=_BOOL, lane=_text(64), opened_at=_TIME),
        *_optional(claimed_at=_TIME, claimed_until=_TIME, judged_at=_TIME, verdict=_text(12)),
        *_optional(confidence=_INT, decided_at=_TIME, answer=_text(32), ground=_text(32)),
        *_optional(outcome=_text(16), withdrawn_at=_TIME),
        sa.Column("claims", _INT, nullable=False, server_default="0"),
        sa.Column("step", _text(8), nullable=False, server_default="blind"),
        sa.Column("shown", _BOOL, nullable=False, server_default=sa.false()),
        sa.Index("ix_seeded_reviews_officer_decided_at", "officer", "decided_at"),
    ),
    "quality_alarms": (
        _officer("officer", primary_key=True),
        sa.Column("kind", _text(16), primary_key=True),
        *_required(raised_at=_TIME, found=_INT, n=_INT, looked_at=_TIME),
    ),
}
for _name, _items in _TABLES.items():
    sa.Table(_name, _METADATA, *_items)


def upgrade() -> None:
    """Apply."""
    _METADATA.create_all(op.get_bind(), checkfirst=False)
    op.execute(_METADATA.tables["ledger_head"].insert().values(chain="desk", seq=0, hash="0" * 64))
    if op.get_context().dialect.name == "sqlite":
        _refuse_change_in_sqlite()
    else:
        _refuse_change_in_postgresql()


def _refuse_change_in_sqlite() -> None:
    # Against slips: whoever can write the file can drop a trigger, but not forge the hashes.
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_refuses_{change.lower()} BEFORE {change} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )


def _refuse_change_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the ledger is append-only'; END$$"
    )
    for name, when, each in (
        ("ledger_refuses_change", "UPDATE OR DELETE", "ROW"),
        ("ledger_refuses_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON ledger FOR EACH {each} "
            "EXECUTE FUNCTION ledger_is_append_only()"
        )
        op.execute(f"ALTER TABLE ledger ENABLE ALWAYS TRIGGER {name}")
