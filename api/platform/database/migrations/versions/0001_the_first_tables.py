"""The first tables, and a ledger that the database itself refuses to change."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)
_COUNTS = (
    "passengers",
    "passengers_matched",
    "compared",
    "matched",
    "skipped",
    "skipped_matched",
    "recognised",
    "unrecognised",
    "undecided",
    "strangers_stopped",
    "strangers_matched",
    "both_match",
    "both_not",
    "disagree",
)


def upgrade() -> None:
    """Apply. Constraints and indexes are named by `api.store.tables.Table.metadata`."""
    _lanes()
    _ledger()
    _tree()
    _faces()
    _officers()
    _signing_in()
    _referrals()
    _opinions()
    _shifts()
    _hall()
    _evaluation()
    _prepared()
    if op.get_context().dialect.name == "sqlite":
        _refuse_change_in_sqlite()
    else:
        _refuse_change_in_postgresql()


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("head_seq", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(64), nullable=False),
        sa.Column("token_until", _AT),
        sa.Column("former_until", _AT),
        sa.Column("used_at", _AT),
        sa.Column("former_sha256", sa.String(64), unique=True, index=True),
    )
    op.create_table(
        "recoveries",
        _lane(primary_key=True),
        sa.Column("after_seq", sa.Integer(), nullable=False),
        sa.Column("through_seq", sa.Integer()),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(64)),
        sa.Column("lane_seq", sa.Integer()),
        sa.Column("passage", sa.String(64), index=True),
    )
    op.create_index("ix_ledger_lane_lane_seq", "ledger", ["lane", "lane_seq"], unique=True)
    head = op.create_table(
        "ledger_head",
        sa.Column("chain", sa.String(16), primary_key=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.execute(head.insert().values(chain="desk", seq=0, hash="0" * 64))
    op.create_table(
        "ledger_terms",
        sa.Column("seq", sa.Integer(), sa.ForeignKey("ledger.seq"), primary_key=True, autoincrement=False),
        sa.Column("term", sa.String(64), primary_key=True),
        sa.Column("passage", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(64)),
    )
    op.create_index("ix_ledger_terms_term_seq", "ledger_terms", ["term", "seq"])
    op.create_index("ix_ledger_terms_term_passage", "ledger_terms", ["term", "passage"])


def _tree() -> None:
    op.create_table(
        "ledger_tiles",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "signing_keys",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("seq", sa.Integer(), nullable=False),
    )
    op.create_table(
        "tree_heads",
        sa.Column("size", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("key", sa.String(64), sa.ForeignKey("signing_keys.key"), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )


def _faces() -> None:
    op.create_table(
        "faces",
        sa.Column("passage", sa.String(64), primary_key=True),
        _lane(),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("last_at", _AT, nullable=False),
        sa.Column("closed_how", sa.String(64)),
        sa.Column("closed_at", _AT),
        sa.Column("erased_at", _AT),
        sa.Column("because", sa.String(32)),
    )
    op.create_index("ix_faces_due", "faces", ["erased_at", "closed_how", "closed_at", "last_at"])
    op.create_table(
        "images",
        sa.Column("passage", sa.String(64), sa.ForeignKey("faces.passage"), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("received_at", _AT, nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("passage", sa.String(64), sa.ForeignKey("faces.passage"), nullable=False, index=True),
        sa.Column("placed_by", sa.String(32), nullable=False),
        sa.Column("placed_at", _AT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lifted_by", sa.String(32)),
        sa.Column("lifted_at", _AT),
        sa.Column("lift_reason", sa.Text()),
    )


def _officers() -> None:
    op.create_table(
        "officers",
        sa.Column("pseudonym", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(256), nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("role", sa.String(16), nullable=False, server_default="officer"),
        sa.Column("duties", sa.Text(), nullable=False, server_default=""),
        sa.Column("must_change", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("external_sha256", sa.String(64), unique=True, index=True),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        _officer("officer", nullable=False, index=True),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("used_at", _AT, nullable=False),
        sa.Column("handle", sa.String(16), nullable=False, server_default=""),
        sa.Column("way", sa.String(16), nullable=False, server_default="password"),
    )


def _signing_in() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("last_at", _AT, nullable=False),
    )
    op.create_table(
        "challenges",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("until", _AT, nullable=False),
    )
    op.create_table(
        "passkeys",
        sa.Column("sha256", sa.String(64), primary_key=True),
        _officer("officer", nullable=False, index=True),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("used_at", _AT),
    )


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("passage", sa.String(64), primary_key=True),
        _lane(),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("gravity", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("ended", sa.String(64)),
        _officer("claimed_by"),
        sa.Column("claimed_until", _AT),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("decision", sa.String(64), unique=True),
        sa.Column("answer", sa.String(32)),
        sa.Column("ground", sa.String(32)),
        sa.Column("note", sa.Text()),
        _officer("decided_by"),
        sa.Column("decided_at", _AT),
        sa.Column("handed_at", _AT),
        sa.Column("round", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("stage", sa.String(8), nullable=False, server_default="first"),
        sa.Column("step", sa.String(8), nullable=False, server_default="blind"),
        sa.Column("claims", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("escalated_at", _AT),
        sa.Column("duty", sa.String(32), nullable=False, server_default=""),
    )
    op.create_index("ix_referrals_queue", "referrals", ["decision", "ended", "gravity", "opened_at"])
    op.create_table(
        "referral_rounds",
        sa.Column("passage", sa.String(64), sa.ForeignKey("referrals.passage"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(64), nullable=False, unique=True),
    )


def _opinions() -> None:
    op.create_table(
        "opinions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("passage", sa.String(64), sa.ForeignKey("referrals.passage"), nullable=False, index=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        _officer("officer", nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("verdict", sa.String(12)),
        sa.Column("confidence", sa.Integer()),
        sa.Column("details", sa.Text()),
        sa.Column("answer", sa.String(32)),
        sa.Column("ground", sa.String(32)),
        sa.Column("note", sa.Text()),
    )
    op.create_index("ix_opinions_officer_at", "opinions", ["officer", "at"])


def _shifts() -> None:
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(36), primary_key=True),
        _officer("officer", nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("stretch_at", _AT, nullable=False),
        sa.Column("paused_at", _AT),
        sa.Column("ended_at", _AT),
        sa.Column("note", sa.Text()),
        _officer("handed_to"),
    )
    op.create_index("ix_shifts_officer_ended_at", "shifts", ["officer", "ended_at"])


def _hall() -> None:
    op.create_table(
        "lane_status",
        _lane(primary_key=True),
        sa.Column("received_at", _AT, nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
    )
    op.create_table(
        "lane_commands",
        _lane(primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.String(16), nullable=False),
        _officer("by", nullable=False),
        sa.Column("at", _AT, nullable=False),
    )
    op.create_table(
        "lane_requests",
        _lane(primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(8), nullable=False),
        _officer("by", nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "lane_minutes",
        _lane(primary_key=True),
        sa.Column("minute", _AT, primary_key=True, index=True),
        sa.Column("admitted", sa.Integer(), nullable=False),
        sa.Column("referred", sa.Integer(), nullable=False),
    )


def _evaluation() -> None:
    op.create_table(
        "evaluation_series",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("matcher", sa.String(128), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("preprocessing", sa.String(64), nullable=False),
        sa.Column("group", sa.String(8), nullable=False),
        sa.Column("last_at", _AT, nullable=False),
        sa.Column("fmr_limit", sa.Double()),
        sa.Column("fnmr_limit", sa.Double()),
        sa.UniqueConstraint("lane", "matcher", "sha256", "preprocessing", "group"),
    )
    op.create_table(
        "evaluation_counts",
        sa.Column("series", sa.Integer(), sa.ForeignKey("evaluation_series.id"), primary_key=True),
        sa.Column("hour", _AT, primary_key=True),
        sa.Column("shadow", sa.String(128), primary_key=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
    )
    op.create_table(
        "evaluation_alarms",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("series", sa.Integer(), sa.ForeignKey("evaluation_series.id"), nullable=False),
        sa.Column("rate", sa.String(8), nullable=False),
        sa.Column("raised_at", _AT, nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("passengers", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        _officer("acknowledged_by"),
        sa.Column("acknowledged_at", _AT),
        sa.UniqueConstraint("series", "rate"),
    )


def _prepared() -> None:
    op.create_table(
        "prepared_cases",
        sa.Column("case", sa.String(32), primary_key=True),
        sa.Column("truth", sa.String(16), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("retired_at", _AT),
    )
    op.create_table(
        "prepared_images",
        sa.Column("case", sa.String(32), sa.ForeignKey("prepared_cases.case"), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "seeded_reviews",
        sa.Column("passage", sa.String(64), primary_key=True),
        sa.Column("case", sa.String(32), sa.ForeignKey("prepared_cases.case"), nullable=False, index=True),
        _officer("officer", nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("claimed_at", _AT),
        sa.Column("claimed_until", _AT),
        sa.Column("judged_at", _AT),
        sa.Column("verdict", sa.String(12)),
        sa.Column("confidence", sa.Integer()),
        sa.Column("decided_at", _AT),
        sa.Column("answer", sa.String(32)),
        sa.Column("ground", sa.String(32)),
        sa.Column("outcome", sa.String(16)),
        sa.Column("withdrawn_at", _AT),
        sa.Column("claims", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("step", sa.String(8), nullable=False, server_default="blind"),
        sa.Column("shown", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_seeded_reviews_officer_decided_at", "seeded_reviews", ["officer", "decided_at"])
    op.create_table(
        "quality_alarms",
        _officer("officer", nullable=False, primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("raised_at", _AT, nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("looked_at", _AT, nullable=False),
    )


def _lane(*, primary_key: bool = False) -> "sa.Column[str]":
    key = sa.ForeignKey("lanes.id")
    return sa.Column("lane", sa.String(64), key, primary_key=primary_key, nullable=False)


def _officer(
    name: str, *, nullable: bool = True, primary_key: bool = False, index: bool = False
) -> "sa.Column[str]":
    key = sa.ForeignKey("officers.pseudonym")
    return sa.Column(name, sa.String(32), key, nullable=nullable, primary_key=primary_key, index=index)


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
