"""The parts of a running desk, and its use cases, which routes and pages call.

Each method is one transaction; its events are published after the commit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from api.audit.decision_replay import DecisionReplay
from api.audit.passages import PassageAudit
from api.faces import images
from api.faces.erasure import ScheduledErasure
from api.faces.keyring import Keyring
from api.faces.legal_holds import LegalHolds
from api.lanes import intake, tokens
from api.lanes.evaluation import alarms, series
from api.lanes.evaluation.series import FEWEST_OF_A_GROUP, Report, Series
from api.lanes.hall import lane_states
from api.lanes.hall.overview import HallControl
from api.lanes.hall.requests import LaneRequests
from api.lanes.tokens import LaneTokens
from api.ledger import chain, search
from api.ledger.facts import StoredEntry
from api.ledger.proofs import Proofs, key_file
from api.people import sessions
from api.people.administration import People
from api.people.identity_provider import ProviderClient, ProviderSignIn
from api.people.officers import SignedInOfficer
from api.people.passkeys import Passkeys
from api.people.passwords import Passwords
from api.people.sessions import Lifetime
from api.people.sign_in import SignIn, publish_staff_change
from api.platform.database.database import Database
from api.platform.errors import ApiError, PasskeysOffError
from api.platform.events import Broker, Event
from api.platform.metrics import Meters
from api.platform.monotonic_time import ErasureClock, since_boot_s
from api.platform.settings import Settings
from api.review import shifts as casework
from api.review.accuracy_records import AccuracyRecords, Training
from api.review.cases import steps
from api.review.cases.queue_view import QueueReader
from api.review.officer_work import OfficerWork, TravellersCases
from api.review.prepared.inserted import InsertedCases
from api.review.shifts import OwnShift
from api.web.gauges import WriteMeter
from lane.ledger.entry import Head

log = structlog.get_logger(__name__)

_MARK_USED_EVERY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Desk:
    """One desk. All parts are passed in; nothing is global."""

    settings: Settings
    database: Database
    keyring: Keyring
    broker: Broker
    passwords: Passwords
    clock: Callable[[], datetime]
    elapsed_s: Callable[[], float] = since_boot_s
    """Seconds by a clock that nobody sets."""
    meters: Meters = field(default_factory=Meters)
    queue_reader: QueueReader = field(init=False)
    erasure_clock: ErasureClock = field(init=False)

    def __post_init__(self) -> None:
        meter = WriteMeter(self.meters, self.database)
        self.database.on_turn, self.database.on_commit = meter.waited, meter.recorded
        object.__setattr__(self, "queue_reader", QueueReader(self.database, self.broker, self.clock))
        object.__setattr__(self, "erasure_clock", ErasureClock(self.clock, self.elapsed_s))

    # --- lanes

    def lane_of(self, token: str) -> str:
        """The lane with this token. Raises TokenRefusedError."""
        now = self.clock()
        with self.database.read() as session:
            lane, unmarked = tokens.by_token(session, token, at=now)
        if unmarked:
            with self.database.write(turn=False) as session:
                tokens.mark_used(session, lane, at=now)
        return lane

    def take_image(self, lane: str, passage: str, sha256: str, body: bytes) -> None:
        """Keep an image of a lane's passage. Raises what `faces.check` and `faces.keep` raise."""
        with self.database.read() as session:
            search.may_tell_of(session, lane, passage)
            wanted = images.wanted(session, passage, sha256)
        images.check(sha256, body)
        # Before the turn to write: the key may come from a slow service.
        key = self.keyring.key_for(passage, at=self.clock()) if wanted else None
        with self.database.write() as session:
            search.may_tell_of(session, lane, passage)
            images.keep(session, self.keyring, lane, passage, sha256, body, at=self.clock(), key=key)

    def miss_image(self, lane: str, passage: str, sha256: str) -> None:
        """Note that an image will not come. Raises PassageUnknownError or TooManyImagesError."""
        with self.database.write() as session:
            search.may_tell_of(session, lane, passage)
            images.will_not_come(session, lane, passage, sha256, at=self.clock())

    def take_entries(
        self, lane: str, entries: Sequence[StoredEntry], recovered_through: int | None = None
    ) -> tuple[int, Head]:
        """Apply a batch; return how far the lane's chain is here, and the head of the desk's own chain.

        `recovered_through`: entries up to this one are delivered again to a restored desk.
        """
        with self.database.write() as session:
            through, changed = intake.apply(
                session,
                lane,
                entries,
                at=self.clock(),
                window=self._window,
                recovered_through=recovered_through,
                needed=steps.with_site(self.settings.duties),
            )
            head = chain.head(session)
        if changed:
            self.cases.inserted.withdraw_all()
            self._erase()
        for name, passage in changed:
            log.info(name, passage=passage, lane=lane)
            self.broker.publish(Event(name, passage))
        return through, head

    # --- officers

    def sign_out(self, officer: SignedInOfficer) -> None:
        """End the officer's session; the officer's cases go back to the queue at once."""
        with self.database.write() as session:
            now = self.clock()
            sessions.end(session, officer, at=now)
            released = casework.leave(session, officer.pseudonym, at=now)
        publish_staff_change(self.broker, released)

    def officer_of(self, session_sha256: str, *, acting: bool = True) -> SignedInOfficer:
        """The officer of a live session; `acting` starts the idle time again. Raises NotSignedInError."""
        now = self.clock()
        with self.database.read() as session:
            officer, used_at = sessions.by_token(session, session_sha256, at=now, lifetime=self.lifetime)
        if acting and now - used_at > _MARK_USED_EVERY:
            with self.database.write(turn=False) as session:
                sessions.mark_used(session, session_sha256, at=now)
        return officer

    @property
    def sign_in(self) -> SignIn:
        """Signing in by password, and what follows each sign-in."""
        return SignIn(self.database, self.broker, self.passwords, self.clock, self.lifetime, casework)

    @property
    def passkeys(self) -> Passkeys:
        """Raises PasskeysOffError where the desk's address for browsers is not set."""
        if self.settings.origin is None:
            raise PasskeysOffError
        return Passkeys(self.settings, self.database, self.clock, self.sign_in)

    def provider_sign_in(self, client: ProviderClient) -> ProviderSignIn:
        return ProviderSignIn(client, self.database, self.broker, self.clock, self.sign_in, casework)

    @property
    def people(self) -> People:
        return People(
            self.database,
            self.broker,
            self.passwords,
            self.clock,
            self.lifetime,
            self.sign_in,
            casework,
        )

    # --- cases

    @property
    def cases(self) -> OfficerWork:
        parts = (self.settings, self.database, self.broker, self.keyring, self.clock)
        return OfficerWork(
            TravellersCases(*parts), InsertedCases(*parts, serving=self._serving), self.queue_reader
        )

    @property
    def shifts(self) -> OwnShift:
        return OwnShift(self.settings, self.database, self.broker, self.clock)

    @property
    def accuracy(self) -> AccuracyRecords:
        return AccuracyRecords(self.database, self.clock)

    @property
    def training(self) -> Training:
        return Training(self.settings, self.database, self.clock)

    def _serving(self, session: Session, now: datetime) -> list[str]:
        silent_after = timedelta(seconds=self.settings.lane_silent_after_s)
        return lane_states.serving(session, at=now, silent_after=silent_after)

    # --- the hall

    @property
    def hall(self) -> HallControl:
        return HallControl(self.settings, self.database, self.broker, self.clock)

    @property
    def requests(self) -> LaneRequests:
        return LaneRequests(self.settings, self.database, self.broker, self.clock)

    @property
    def lane_tokens(self) -> LaneTokens:
        return LaneTokens(self.database, self.broker, self.clock)

    # --- supervisors

    def evaluation(self) -> Report:
        """The evaluation in service. A group of few passengers is left out: one might be identified."""
        now = self.clock()
        with self.database.read() as session:
            found = series.listed(session, at=now, window=self._window)
        shown = tuple(one for one in found if one.group is None or _has_many(one))
        return Report(series.window_start(now, self._window), now, shown)

    def acknowledge(self, alarm: int, officer: SignedInOfficer) -> None:
        """Note that this supervisor investigates an alarm. Raises AlarmUnknownError."""
        with self.database.write() as session:
            new = alarms.acknowledge(session, alarm, officer.pseudonym, at=self.clock())
        if new:
            log.info("alarm.acknowledged", alarm=alarm, officer=officer.pseudonym)

    # --- the ledger

    @property
    def proofs(self) -> Proofs:
        """Signed heads and proofs. Raises SettingsError where no key for the ledger is set."""
        return Proofs(self.database, key_file(self.settings), self.clock)

    @property
    def audit(self) -> PassageAudit:
        """The ledger as auditors read it. Raises SettingsError as `proofs` does."""
        return PassageAudit(self.database, self.proofs, DecisionReplay(self.settings.policies))

    # --- faces

    @property
    def legal_holds(self) -> LegalHolds:
        return LegalHolds(self.database, self.keyring, self.clock, self.settings.faces_warning)

    @property
    def erasure(self) -> ScheduledErasure:
        retention = timedelta(seconds=self.settings.retention_s)
        return ScheduledErasure(self.database, self.keyring, retention, self.clock, self.erasure_clock)

    def _erase(self) -> None:
        """Erase what is due; a failure does not refuse the lane's delivery, and is tried again soon."""
        try:
            self.erasure.erase_due()
        except ApiError as error:
            log.error("faces are not erased yet", error=type(error).__name__)

    @property
    def _window(self) -> timedelta:
        return timedelta(days=self.settings.evaluation_window_days)

    @property
    def lifetime(self) -> Lifetime:
        settings = self.settings
        return Lifetime(
            timedelta(seconds=settings.session_absolute_s), timedelta(seconds=settings.session_idle_s)
        )


def _has_many(series: Series) -> bool:
    counts = series.counts
    seen = counts.recognised + counts.unrecognised + counts.undecided
    return seen >= FEWEST_OF_A_GROUP
