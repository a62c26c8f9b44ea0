"""What the ledger tells, put together entry by entry: lanes, officers, and each case from question to answer.

Nothing is taken from other tables: whatever they say beside it can be compared with this.
An entry that no honest desk writes at this place is refused where it stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.keys.heads import is_worthless
from api.store import officers
from api.store.casebook import Case, Casebook, must
from api.store.known import KnownCases
from api.store.recovery import Recovery
from api.store.shiftbook import Shiftbook
from lane.errors import LedgerBrokenError
from lane.ledger import GENESIS, Entry, Head, check_follows
from lane.reasons import Code
from lane.supervision import WISHES

Body = Mapping[str, Any]


@dataclass(slots=True)
class Asked:
    """What an officer asked of a lane for one passenger."""

    code: str
    by: str
    until: datetime
    over: bool = False
    taken: bool = False


@dataclass(slots=True)
class KnownLane:
    """A lane: its chain's head here, and the hash of its token, or None since it was revoked."""

    token_sha256: str | None
    token_until: datetime | None = None
    former_sha256: str | None = None
    former_until: datetime | None = None
    head: Head = GENESIS
    commands: list[tuple[str, str]] = field(default_factory=list)
    """What was wanted of it, by whom, in order."""
    requests: list[Asked] = field(default_factory=list)
    """What was asked of it for one passenger, in order."""
    recovery: Recovery | None = None
    """What it may tell this desk again since that was restored."""
    alarm: int | None = None
    """While nobody is served after an alarm at its gate: the last command that the lane had heard before."""


class Account:
    """Give it each entry of the desk's chain in order. Raises LedgerBrokenError at what cannot be."""

    def __init__(self) -> None:
        self.lanes: dict[str, KnownLane] = {}
        self.officers: dict[str, str | None] = {}
        """Pseudonym → the hash of the officer's credentials, or None since the officer was disabled."""
        self.gone: dict[str, str | None] = {}
        """Pseudonym of somebody disabled → the credentials at that time; None where a desk kept none."""
        self.roles: dict[str, str] = {}
        self.duties: dict[str, str] = {}
        self.passkeys: dict[str, dict[str, object]] = {}
        """A passkey → whose it is, and the hash of its public key."""
        self._book = Casebook(self.roles)
        self.set_back: list[int] = []
        """Entries older than the one before: the clock was set back. A fact to know of, and no fault."""
        self.alarms: dict[str, dict[str, object]] = {}
        """What an alarm is about → when it was raised, and who acknowledged it."""
        self.signing_keys: dict[str, int] = {}
        """A key that signs tree heads → the entry that announced it."""
        self.erased: dict[str, str] = {}
        """Passage → why its faces were erased."""
        self.holds: dict[str, dict[str, object]] = {}
        """Passage → the legal hold on its faces."""
        self.lifted: list[dict[str, object]] = []
        """Legal holds that are over, in the order in which they were lifted."""
        self._missed: dict[str, set[str]] = {}
        self._owners: dict[str, str] = {}
        self._last: Entry | None = None
        self._kinds: dict[str, Callable[[Entry], None]] = {
            "ledger.key": self._ledger_key,
            "desk.restored": self._restored,
            "lane.recovering": self._recovering,
            "lane.added": self._lane_added,
            "lane.revoked": self._lane_revoked,
            "lane.token_rotated": self._token_rotated,
            "lane.commanded": self._lane_commanded,
            "lane.requested": self._lane_requested,
            "lane.request_withdrawn": self._request_withdrawn,
            "officer.added": self._officer_added,
            "officer.disabled": self._officer_disabled,
            "officer.role_set": self._role_set,
            "officer.duties_set": self._duties_set,
            "officer.password_set": self._password_set,
            "officer.session_ended": self._session_ended,
            "officer.passkey_added": self._passkey_added,
            "officer.passkey_removed": self._passkey_removed,
            "officer.signed_in": self._signed_in,
            "officer.signed_out": self._signed_out,
            "images.missed": self._images_missed,
            "passage.erased": self._erased,
            "hold.placed": self._hold_placed,
            "hold.lifted": self._hold_lifted,
            "alarm.raised": self._alarm_raised,
            "alarm.acknowledged": self._alarm_acknowledged,
            "alarm.cleared": self._alarm_cleared,
            **self._book.kinds,
        }
        self.known = KnownCases(self._known)
        self._kinds |= self.known.kinds
        self.shiftbook = Shiftbook(self.officers)
        self._kinds |= self.shiftbook.kinds
        self._lane_kinds: dict[str, Callable[[Entry, Entry], None]] = {
            "lane.obeyed": self._obeyed,
            "passage.asked": self._asked,
            "lane.event": self._seen_at_gate,
            "lane.alarm": self._alarm_at_gate,
            **self._book.lane_kinds,
        }

    @property
    def cases(self) -> Mapping[str, Case]:
        """Every case, by its passage."""
        return self._book.cases

    def note(self, entry: Entry, inner: Entry | None = None) -> None:
        """Take in the next entry; `inner` is the lane's inside it, where there is one."""
        if self._last is not None and entry.at < self._last.at:
            self.set_back.append(entry.seq)
        self._last = entry
        try:
            if entry.kind == "entry.received":
                self._received(entry, inner)
            else:
                self._kinds[entry.kind](entry)
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerBrokenError(f"{entry.kind} is no entry of a desk, or not a whole one") from error

    def _ledger_key(self, entry: Entry) -> None:
        must(entry.body["algorithm"] == "ed25519", "a key of an unknown kind signs the ledger")
        must(not is_worthless(entry.body["key"]), "a key signs the ledger under which nothing is signed")
        must(entry.body["key"] not in self.signing_keys, "a key is announced twice")
        self.signing_keys[entry.body["key"]] = entry.seq

    # --- lanes

    def _lane_added(self, entry: Entry) -> None:
        must(entry.body["lane"] not in self.lanes, "a lane is registered twice")
        self._administered(entry)
        lane = KnownLane(entry.body["token_sha256"], token_until=_moment(entry.body.get("expires_at")))
        self.lanes[entry.body["lane"]] = lane

    def _token_rotated(self, entry: Entry) -> None:
        self._administered(entry)
        lane = self.lanes[entry.body["lane"]]
        must(lane.token_sha256 is not None, "a revoked lane is given a token")
        lane.former_sha256, lane.token_sha256 = lane.token_sha256, entry.body["token_sha256"]
        lane.former_until = _moment(entry.body["former_until"])
        lane.token_until = _moment(entry.body["expires_at"])

    def _lane_revoked(self, entry: Entry) -> None:
        lane = self.lanes[entry.body["lane"]]
        must(lane.token_sha256 is not None, "a lane is revoked twice")
        self._administered(entry)
        lane.token_sha256 = lane.former_sha256 = lane.former_until = lane.token_until = None

    def _lane_commanded(self, entry: Entry) -> None:
        lane, officer = self.lanes[entry.body["lane"]], entry.body["officer"]
        must(lane.token_sha256 is not None, "a lane is commanded after it was revoked")
        must(self.roles.get(officer) == officers.Role.SUPERVISOR, "a lane is commanded by no supervisor")
        must(entry.body["command"] == len(lane.commands) + 1, "a command to a lane is missing or moved")
        must(entry.body["wanted"] in ("open", "closed", "stopped"), "a lane is told what no lane does")
        lane.commands.append((entry.body["wanted"], officer))

    def _obeyed(self, inner: Entry, entry: Entry) -> None:
        del entry
        number = inner.body["command"]
        given = self.lanes[inner.chain].commands[: number if isinstance(number, int) else 0]
        must(number == len(given) > 0, "a lane obeyed a command that nobody gave")
        must(given[-1] == (inner.body["wanted"], inner.body["by"]), "a lane obeyed another command")

    def _seen_at_gate(self, inner: Entry, entry: Entry) -> None:
        del entry
        must(Code(inner.body["code"]).value.startswith("L"), "a gate saw what no gate sees")
        must(_moment(inner.body["at"]) is not None, "a gate does not say when it saw something")

    def _alarm_at_gate(self, inner: Entry, entry: Entry) -> None:
        del entry
        lane, number = self.lanes[inner.chain], int(inner.body["command"])
        if inner.body["on"]:
            lane.alarm = number
            return
        given = lane.commands[number - 1][0] if 0 < number <= len(lane.commands) else None
        must(given == "open" and number > (lane.alarm or 0), "an alarm at a gate is lifted by nobody")
        lane.alarm = None

    def _lane_requested(self, entry: Entry) -> None:
        lane, body = self.lanes[entry.body["lane"]], entry.body
        must(lane.token_sha256 is not None, "something is asked of a lane after it was revoked")
        must(self._works(body["officer"]), "something is asked of a lane by no officer")
        must(body["request"] == len(lane.requests) + 1, "a request to a lane is missing or moved")
        must(body["code"] in WISHES, "a lane is asked what nobody asks of it")
        until = datetime.fromisoformat(body["until"])
        lane.requests.append(Asked(str(body["code"]), str(body["officer"]), until))

    def _request_withdrawn(self, entry: Entry) -> None:
        lane, number = self.lanes[entry.body["lane"]], entry.body["request"]
        must(self._works(entry.body["officer"]), "a request is withdrawn by no officer")
        must(number == len(lane.requests) > 0, "a request is withdrawn that nobody made")
        must(not lane.requests[-1].over, "a request is withdrawn that is over")
        lane.requests[-1].over = True

    def _asked(self, inner: Entry, entry: Entry) -> None:
        """One that was withdrawn may have been taken up before the lane heard of that."""
        del entry
        number, given = inner.body["request"], self.lanes[inner.chain].requests
        must(isinstance(number, int) and 0 < number <= len(given), "a lane was asked what nobody asked")
        one = given[number - 1]
        must((one.code, one.by) == (inner.body["code"], inner.body["by"]), "a lane was asked otherwise")
        must(not one.taken, "a lane takes up twice what was asked once")
        one.taken = one.over = True

    def _works(self, officer: str) -> bool:
        roles = (officers.Role.OFFICER, officers.Role.SUPERVISOR)
        return bool(self.officers.get(officer)) and self.roles.get(officer) in roles

    def _received(self, entry: Entry, inner: Entry | None) -> None:
        name = entry.body["chain"]
        lane = self.lanes.get(name)
        if inner is None or lane is None or lane.token_sha256 is None:
            raise LedgerBrokenError("it came from a lane that could not deliver")
        lane.head = check_follows(lane.head, inner, chain=name)
        passage = inner.body.get("passage")
        if isinstance(passage, str):
            owner = self._owners.setdefault(passage, name)
            must(owner == name, "a lane tells of another lane's passage")
        # Other kinds of a lane are kept, and mean nothing to a desk.
        known_from_the_lane_alone = lane.recovery is not None and lane.recovery.is_told_again(inner)
        if inner.kind in self._lane_kinds and not known_from_the_lane_alone:
            self._lane_kinds[inner.kind](inner, entry)

    # --- after a restore

    def _restored(self, entry: Entry) -> None:
        must(entry.body["head"] == f"{entry.seq - 1}:{entry.previous}", "a desk was restored from elsewhere")
        known = {name: lane.head.seq for name, lane in self.lanes.items()}
        must(entry.body["lanes"] == known, "a desk was restored that knew other lanes")
        for lane in self.lanes.values():
            lane.recovery = Recovery(lane.head.seq, None)

    def _recovering(self, entry: Entry) -> None:
        lane, through = self.lanes[entry.body["lane"]], entry.body["through"]
        may = lane.recovery == Recovery(lane.head.seq, None) and lane.head.seq == entry.body["after"]
        must(may and lane.head.seq < through, "a lane tells again what the desk has")
        lane.recovery = Recovery(lane.head.seq, through)

    # --- officers

    def _officer_added(self, entry: Entry) -> None:
        must(entry.body["officer"] not in self.officers, "an officer is registered twice")
        self.officers[entry.body["officer"]] = str(entry.body["credentials_sha256"])
        self.roles[entry.body["officer"]] = str(entry.body.get("role", officers.Role.OFFICER.value))
        self.duties[entry.body["officer"]] = str(entry.body.get("duties", ""))
        self._administered(entry)

    def _role_set(self, entry: Entry) -> None:
        self._another(entry)
        self.roles[entry.body["officer"]] = officers.Role(entry.body["role"]).value

    def _duties_set(self, entry: Entry) -> None:
        self._another(entry)
        self.duties[entry.body["officer"]] = str(entry.body["duties"])

    def _password_set(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        must(self.officers[officer], "a password is given to an officer who cannot sign in")
        if entry.body["by"] != officer:
            self._administered(entry)
        self.officers[officer] = str(entry.body["credentials_sha256"])

    def _passkey_added(self, entry: Entry) -> None:
        officer = entry.body["officer"]
        must(self.officers[officer], "a passkey is given to an officer who cannot sign in")
        must(entry.body["passkey"] not in self.passkeys, "a passkey is added twice")
        self.passkeys[entry.body["passkey"]] = {"officer": officer, "key": entry.body["key_sha256"]}

    def _passkey_removed(self, entry: Entry) -> None:
        gone = self.passkeys.pop(entry.body["passkey"])
        must(gone["officer"] == entry.body["officer"], "an officer removes another's passkey")

    def _session_ended(self, entry: Entry) -> None:
        self._known(entry.body["officer"])
        if entry.body["by"] != entry.body["officer"]:
            self._administered(entry)

    def _another(self, entry: Entry) -> None:
        """It is about somebody else than the one who does it."""
        self._known(entry.body["officer"])
        must(entry.body["officer"] != entry.body["by"], "an officer changes the own role or duties")
        self._administered(entry)

    def _administered(self, entry: Entry) -> None:
        """An administrator did it, the identity provider, or whoever runs the desk's machine."""
        by = entry.body.get("by", officers.COMMAND_LINE)
        if by not in (officers.COMMAND_LINE, officers.PROVIDER):
            administers = self.officers[by] and self.roles[by] == officers.Role.ADMINISTRATOR
            must(administers, "somebody administers the desk who is no administrator")

    def _officer_disabled(self, entry: Entry) -> None:
        self._administered(entry)
        officer = entry.body["officer"]
        must(self.officers[officer], "an officer is disabled twice")
        self.gone[officer] = entry.body.get("credentials_sha256")
        must(self.gone[officer] in (None, self.officers[officer]), "another is disabled than was registered")
        self.officers[officer] = None
        kept = {name: key for name, key in self.passkeys.items() if key["officer"] != officer}
        self.passkeys = kept

    def _signed_in(self, entry: Entry) -> None:
        must(self.officers.get(entry.body["officer"]), "an officer signs in who cannot")

    def _signed_out(self, entry: Entry) -> None:
        self._known(entry.body["officer"])

    def _known(self, officer: str) -> None:
        must(officer in self.officers, "an officer acts whom the ledger does not know")

    # --- faces

    def missed(self, passage: str) -> set[str]:
        """Images of a passage that never came: the lane had kept them as long as it may."""
        return self._missed.get(passage, set())

    def _images_missed(self, entry: Entry) -> None:
        self._missed.setdefault(entry.body["passage"], set()).update(entry.body["images"])

    def _erased(self, entry: Entry) -> None:
        passage, because = entry.body["passage"], entry.body["because"]
        must(passage not in self.erased, "faces are erased twice")
        must(passage not in self.holds, "faces under a legal hold are erased")
        must(because in ("passed_through", "retention", "never_told"), "faces are erased without a reason")
        must(isinstance(entry.body["images"], list), "an erasure does not say of what")
        self.erased[passage] = because

    def _hold_placed(self, entry: Entry) -> None:
        passage = entry.body["passage"]
        self._may_hold(entry.body["officer"])
        must(passage not in self.holds, "a legal hold is placed twice")
        must(passage not in self.erased, "a legal hold is placed on erased faces")
        self.holds[passage] = {
            "placed_by": entry.body["officer"],
            "placed_at": entry.at,
            "reason_sha256": entry.body["reason_sha256"],
        }

    def _hold_lifted(self, entry: Entry) -> None:
        self._may_hold(entry.body["officer"])
        must(isinstance(entry.body["reason_sha256"], str), "a legal hold is lifted without a reason")
        self.lifted.append(
            {
                "passage": entry.body["passage"],
                **self.holds.pop(entry.body["passage"]),
                "lifted_by": entry.body["officer"],
                "lifted_at": entry.at,
                "lift_reason_sha256": entry.body["reason_sha256"],
            }
        )

    def _may_hold(self, officer: str) -> None:
        roles = (officers.Role.AUDITOR, officers.Role.ADMINISTRATOR)
        may = officer == officers.COMMAND_LINE or self.roles.get(officer) in roles
        must(may, "a legal hold is placed or lifted by somebody who may not")

    # --- alarms

    def _alarm_raised(self, entry: Entry) -> None:
        about = alarm_key(entry.body)
        must(about not in self.alarms, "an alarm is raised twice")
        self.alarms[about] = {"raised_at": entry.at, "acknowledged_by": None}

    def _alarm_acknowledged(self, entry: Entry) -> None:
        self._known(entry.body["officer"])
        alarm = self.alarms[alarm_key(entry.body)]
        must(alarm["acknowledged_by"] is None, "an alarm is acknowledged twice")
        alarm["acknowledged_by"] = entry.body["officer"]

    def _alarm_cleared(self, entry: Entry) -> None:
        del self.alarms[alarm_key(entry.body)]


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def alarm_key(about: Body) -> str:
    """What an alarm is about, in one line."""
    names = ("lane", "group", "matcher", "sha256", "preprocessing", "rate")
    return " ".join(f"{name}={about[name]}" for name in names)
