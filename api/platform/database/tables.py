"""The desk's tables. Rows only; the rules are in the modules that read and write them."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC: SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


class Table(DeclarativeBase):
    """What all tables share: names for constraints, which migrations need."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment()}  # noqa: RUF012 - SQLAlchemy declares it so


# --- lanes and the hall
class LaneRow(Table):
    """A lane, the hash of its token, and the head of its chain as far as the desk has it."""

    __tablename__ = "lanes"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    added_at: Mapped[datetime]
    head_seq: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[str] = mapped_column(String(64), default="0" * 64)
    token_until: Mapped[datetime | None]
    """When the token expires; None: it does not."""
    former_sha256: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    """The previous token, which works until `former_until`: a lane takes the new one when it can."""
    former_until: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """When the lane last came with a token, to the minute."""


class LaneStatusRow(Table):
    """The last status report of a lane."""

    __tablename__ = "lane_status"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    received_at: Mapped[datetime]
    told: Mapped[str] = mapped_column(Text)
    """As JSON: `api.lanes.hall.status_report.StatusReport`."""


class LaneCommandRow(Table):
    """The last command to a lane; earlier ones are in the ledger."""

    __tablename__ = "lane_commands"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    number: Mapped[int]
    wanted: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"))
    at: Mapped[datetime]


class LaneRequestRow(Table):
    """The last request of an officer to a lane for one passenger; earlier ones are in the ledger."""

    __tablename__ = "lane_requests"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    number: Mapped[int]
    code: Mapped[str] = mapped_column(String(8))
    by: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"))
    until: Mapped[datetime]
    over: Mapped[bool]
    """The lane has taken it up, or it was withdrawn."""


class LaneMinuteRow(Table):
    """How many passages of a lane the machine admitted and referred within a minute."""

    __tablename__ = "lane_minutes"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    admitted: Mapped[int]
    referred: Mapped[int]


class RecoveryRow(Table):
    """A lane that may send a restored desk again what the desk had before the restore."""

    __tablename__ = "recoveries"

    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"), primary_key=True)
    after_seq: Mapped[int]
    """How far its chain was in the backup."""
    through_seq: Mapped[int | None]
    """How far the desk had it before the restore, once the lane has sent that."""


# --- the ledger
class LedgerRow(Table):
    """One entry of the desk's chain: payload and hash verbatim, the rest derived from the payload.

    `lane`, `lane_seq` and `passage` find entries; `verify` checks them against the payload.
    """

    __tablename__ = "ledger"
    __table_args__ = (Index("ix_ledger_lane_lane_seq", "lane", "lane_seq", unique=True),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payload: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    lane: Mapped[str | None] = mapped_column(String(64))
    lane_seq: Mapped[int | None]
    passage: Mapped[str | None] = mapped_column(String(64), index=True)


class TermRow(Table):
    """A search term of an entry: derived from the payload alone, as `verify` checks."""

    __tablename__ = "ledger_terms"
    __table_args__ = (
        Index("ix_ledger_terms_term_seq", "term", "seq"),
        Index("ix_ledger_terms_term_passage", "term", "passage"),
    )

    seq: Mapped[int] = mapped_column(ForeignKey("ledger.seq"), primary_key=True, autoincrement=False)
    term: Mapped[str] = mapped_column(String(64), primary_key=True)
    """See `api.ledger.search_index`."""
    passage: Mapped[str] = mapped_column(String(64))
    lane: Mapped[str | None] = mapped_column(String(64))


class HeadRow(Table):
    """The end of the desk's chain, written with each entry: a tail cut off the ledger is found."""

    __tablename__ = "ledger_head"

    chain: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class TileRow(Table):
    """Up to 256 hashes of one level of the tree, side by side: leaves at level 0, the tiles' roots above.

    A tile of leaves is written when its last entry comes; one above it grows with each tile below.
    """

    __tablename__ = "ledger_tiles"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class SigningKeyRow(Table):
    """A key that signs tree heads, and the entry that announced it."""

    __tablename__ = "signing_keys"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int]


class TreeHeadRow(Table):
    """A signed tree head: the root of the first `size` entries."""

    __tablename__ = "tree_heads"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(ForeignKey("signing_keys.key"))
    signature: Mapped[str] = mapped_column(String(128))


# --- faces
class FacesRow(Table):
    """The faces of one passage: since when the desk holds them, and when it must not any more."""

    __tablename__ = "faces"
    __table_args__ = (Index("ix_faces_due", "erased_at", "closed_how", "closed_at", "last_at"),)

    passage: Mapped[str] = mapped_column(String(64), primary_key=True)
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"))
    told: Mapped[bool] = mapped_column(default=False)
    """Whether the lane sent entries of the passage, and not only images."""
    last_at: Mapped[datetime]
    """When the lane last sent something of it, by the desk's clock."""
    closed_how: Mapped[str | None] = mapped_column(String(64))
    closed_at: Mapped[datetime | None]
    """When the passage closed: by the lane's clock, but at most when the desk received it."""
    erased_at: Mapped[datetime | None]
    because: Mapped[str | None] = mapped_column(String(32))


class ImageRow(Table):
    """One image of a passage, named by its SHA-256, sealed under the passage's key."""

    __tablename__ = "images"

    passage: Mapped[str] = mapped_column(ForeignKey("faces.passage"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: the lane no longer has it, so it will not come."""
    received_at: Mapped[datetime]


class HoldRow(Table):
    """A legal hold on the faces of a passage: who placed and lifted it, when, and why."""

    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(primary_key=True)
    passage: Mapped[str] = mapped_column(ForeignKey("faces.passage"), index=True)
    placed_by: Mapped[str] = mapped_column(String(32))
    placed_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    """Free text, which may name a person: the ledger has only its hash."""
    lifted_by: Mapped[str | None] = mapped_column(String(32))
    lifted_at: Mapped[datetime | None]
    lift_reason: Mapped[str | None] = mapped_column(Text)


# --- people
class OfficerRow(Table):
    """An officer: the name to sign in with, and the pseudonym that the ledger knows."""

    __tablename__ = "officers"

    pseudonym: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    added_at: Mapped[datetime]
    role: Mapped[str] = mapped_column(String(16), server_default="officer")
    duties: Mapped[str] = mapped_column(Text, server_default="")
    """Separated by spaces, in alphabetical order."""
    must_change: Mapped[bool] = mapped_column(server_default=false())
    """Whether the password is a one-time password, good only for choosing another one."""
    external_sha256: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    """The officer's identity at the site's identity provider, as a hash; such an officer has no password."""


class SessionRow(Table):
    """A signed-in officer; the token itself is only in the officer's cookie."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"), index=True)
    started_at: Mapped[datetime]
    used_at: Mapped[datetime]
    handle: Mapped[str] = mapped_column(String(16), server_default="")
    """Its name in a list of sessions; no secret."""
    way: Mapped[str] = mapped_column(String(16), server_default="password")
    """How the officer signed in."""


class AttemptsRow(Table):
    """Failed sign-ins for a name or an address, of which only hashes are stored."""

    __tablename__ = "sign_in_attempts"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int]
    last_at: Mapped[datetime]


class ChallengeRow(Table):
    """A challenge to a browser, to be answered once and soon."""

    __tablename__ = "challenges"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    holder: Mapped[str] = mapped_column(String(64))
    """The hash of what the browser must show with the answer."""
    kept: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime]


class PasskeyRow(Table):
    """A key that an officer signs in with; its secret half never leaves the officer's device."""

    __tablename__ = "passkeys"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The hash of the credential's id, which is too long for an index."""
    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ShiftRow(Table):
    """An officer's shift; it is open until its officer ends it."""

    __tablename__ = "shifts"
    __table_args__ = (Index("ix_shifts_officer_ended_at", "officer", "ended_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"))
    started_at: Mapped[datetime]
    stretch_at: Mapped[datetime]
    """Since when without a break."""
    paused_at: Mapped[datetime | None]
    """Since when the officer is on a break."""
    ended_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
    handed_to: Mapped[str | None] = mapped_column(ForeignKey("officers.pseudonym"))


# --- cases
class ReferralRow(Table):
    """A case for an officer: the lane's judgement, the claim on it, and the decision."""

    __tablename__ = "referrals"
    __table_args__ = (Index("ix_referrals_queue", "decision", "ended", "gravity", "opened_at"),)

    passage: Mapped[str] = mapped_column(String(64), primary_key=True)
    lane: Mapped[str] = mapped_column(ForeignKey("lanes.id"))
    opened_at: Mapped[datetime]
    gravity: Mapped[int]
    """Lower values come first."""
    judged: Mapped[str] = mapped_column(Text)
    """The body of the lane's last `passage.judged`, as JSON."""
    ended: Mapped[str | None] = mapped_column(String(64))
    """How the passage closed at the lane, once it did."""
    claimed_by: Mapped[str | None] = mapped_column(ForeignKey("officers.pseudonym"))
    claimed_until: Mapped[datetime | None]
    shown: Mapped[bool] = mapped_column(default=False)
    """Whether the present step was shown under the present claim."""
    decision: Mapped[str | None] = mapped_column(String(64), unique=True)
    answer: Mapped[str | None] = mapped_column(String(32))
    ground: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("officers.pseudonym"))
    decided_at: Mapped[datetime | None]
    handed_at: Mapped[datetime | None]
    """When the lane got the decision; until then it can be corrected."""
    round: Mapped[int] = mapped_column(server_default="1")
    """How often the lane has asked: one more with each repeated capture."""
    stage: Mapped[str] = mapped_column(String(8), server_default="first")
    """Which officer it is for: the first, a second who judges independently, or a third where they differ."""
    step: Mapped[str] = mapped_column(String(8), server_default="blind")
    """How far the present claim is: `blind` or `revealed`."""
    claims: Mapped[int] = mapped_column(server_default="0")
    """How often the case was claimed, over all rounds: the number of the present claim."""
    escalated_at: Mapped[datetime | None]
    duty: Mapped[str] = mapped_column(String(32), server_default="")
    """The duty that the case needs, by the site's settings when it came; empty where it needs none."""


class RoundRow(Table):
    """A past round of a case: the lane's judgement, and the decision to capture once more.

    A lane that cannot capture again refers the same judgement once more.
    """

    __tablename__ = "referral_rounds"

    passage: Mapped[str] = mapped_column(ForeignKey("referrals.passage"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    judged: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(String(64), unique=True)


class OpinionRow(Table):
    """An officer's judgement, proposal or decision on a case: never changed, a later one comes beside it."""

    __tablename__ = "opinions"
    __table_args__ = (Index("ix_opinions_officer_at", "officer", "at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """For a decision, its name."""
    kind: Mapped[str] = mapped_column(String(12))
    """`judged`, `proposed`, `decided` or `corrected`."""
    passage: Mapped[str] = mapped_column(ForeignKey("referrals.passage"), index=True)
    round: Mapped[int]
    stage: Mapped[str] = mapped_column(String(8))
    claim: Mapped[int]
    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"))
    at: Mapped[datetime]
    verdict: Mapped[str | None] = mapped_column(String(12))
    confidence: Mapped[int | None]
    """1, a guess, to 5, certain."""
    details: Mapped[str | None] = mapped_column(Text)
    """Features, what was looked at, and whether the officer had seen the reveal before, as JSON."""
    answer: Mapped[str | None] = mapped_column(String(32))
    ground: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(Text)


# --- prepared cases, and accuracy
class PreparedRow(Table):
    """A case whose truth is known."""

    __tablename__ = "prepared_cases"

    case: Mapped[str] = mapped_column(String(32), primary_key=True)
    truth: Mapped[str] = mapped_column(String(16))
    training: Mapped[bool]
    """For training alone: never inserted among travellers' cases."""
    judged: Mapped[str] = mapped_column(Text)
    """The judgement that a lane would have sent, as JSON: `api.ledger.facts.JudgedFact`."""
    added_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class PreparedImageRow(Table):
    """One image of a prepared case, sealed under the case's key."""

    __tablename__ = "prepared_images"

    case: Mapped[str] = mapped_column(ForeignKey("prepared_cases.case"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class SeededRow(Table):
    """A prepared case for one officer, under a made-up passage name."""

    __tablename__ = "seeded_reviews"
    __table_args__ = (Index("ix_seeded_reviews_officer_decided_at", "officer", "decided_at"),)

    passage: Mapped[str] = mapped_column(String(64), primary_key=True)
    case: Mapped[str] = mapped_column(ForeignKey("prepared_cases.case"), index=True)
    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"))
    training: Mapped[bool]
    lane: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    judged_at: Mapped[datetime | None]
    verdict: Mapped[str | None] = mapped_column(String(12))
    confidence: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(String(32))
    ground: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(16))
    """`right`, `false_accept`, `false_reject` or `undecided`; see `api.review.officer_accuracy`."""
    withdrawn_at: Mapped[datetime | None]
    """A traveller needed the officer."""
    claims: Mapped[int] = mapped_column(server_default="0")
    """How often the officer has taken it: the number of the present claim."""
    step: Mapped[str] = mapped_column(String(8), server_default="blind")
    """How far the present claim is: `blind` or `revealed`."""
    shown: Mapped[bool] = mapped_column(server_default=false())
    """Whether the present step was shown under the present claim."""


class QualityAlarmRow(Table):
    """An alarm about one officer's accuracy; deleted when it no longer holds."""

    __tablename__ = "quality_alarms"

    officer: Mapped[str] = mapped_column(ForeignKey("officers.pseudonym"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    raised_at: Mapped[datetime]
    found: Mapped[int]
    n: Mapped[int]
    looked_at: Mapped[datetime]


# --- evaluation
class SeriesRow(Table):
    """What is counted separately: a lane (or all), a matcher, a group (or everybody)."""

    __tablename__ = "evaluation_series"
    __table_args__ = (UniqueConstraint("lane", "matcher", "sha256", "preprocessing", "group"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(String(64))
    """Empty: the whole site."""
    matcher: Mapped[str] = mapped_column(String(128))
    sha256: Mapped[str] = mapped_column(String(64))
    preprocessing: Mapped[str] = mapped_column(String(64))
    group: Mapped[str] = mapped_column(String(8))
    """Empty: everybody."""
    last_at: Mapped[datetime]
    fmr_limit: Mapped[float | None]
    """What the calibration expects, by the last entry; for a site, what its lanes expect."""
    fnmr_limit: Mapped[float | None]


class CountsRow(Table):
    """One hour of a series; `api.lanes.evaluation.series.EvaluationCounts` describes each number."""

    __tablename__ = "evaluation_counts"

    series: Mapped[int] = mapped_column(ForeignKey("evaluation_series.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    shadow: Mapped[str] = mapped_column(String(128), primary_key=True)
    """The second matcher that measured; empty where there was none."""
    passengers: Mapped[int]
    passengers_matched: Mapped[int]
    compared: Mapped[int]
    matched: Mapped[int]
    skipped: Mapped[int]
    skipped_matched: Mapped[int]
    recognised: Mapped[int]
    unrecognised: Mapped[int]
    undecided: Mapped[int]
    strangers_stopped: Mapped[int]
    strangers_matched: Mapped[int]
    both_match: Mapped[int]
    both_not: Mapped[int]
    disagree: Mapped[int]


class AlarmRow(Table):
    """A rate of a series that is above what is expected; deleted when it no longer is."""

    __tablename__ = "evaluation_alarms"
    __table_args__ = (UniqueConstraint("series", "rate"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[int] = mapped_column(ForeignKey("evaluation_series.id"))
    rate: Mapped[str] = mapped_column(String(8))
    raised_at: Mapped[datetime]
    errors: Mapped[int]
    passengers: Mapped[int]
    expected: Mapped[float]
    acknowledged_by: Mapped[str | None] = mapped_column(ForeignKey("officers.pseudonym"))
    acknowledged_at: Mapped[datetime | None]
