"""Replays entries about lanes: tokens, chains, commands, requests; see `api.audit.replay.account`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from api.audit.replay.rules import Replays, must, time_of
from api.audit.replay.staff import StaffReplay
from api.lanes.recovery import Recovery
from api.people.roles import Task
from api.platform.database.tables import LaneCommandRow, LaneRequestRow
from lane.decision.reason_codes import Code
from lane.desk.port import WISHES
from lane.ledger.chain import check_follows
from lane.ledger.entry import GENESIS, Entry, Head
from lane.platform.errors import LedgerBrokenError


@dataclass(slots=True)
class KnownLane:
    """What the row of a lane must hold, and what its next entries are checked against."""

    token_sha256: str | None
    """None since it was revoked."""
    token_until: datetime | None = None
    former_sha256: str | None = None
    former_until: datetime | None = None
    head: Head = GENESIS
    commands: list[LaneCommandRow] = field(default_factory=list)
    requests: list[LaneRequestRow] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    """The requests that the lane took up."""
    recovery: Recovery | None = None
    """The entries that it may deliver again since the desk was restored."""
    alarm: int | None = None
    """During an alarm at its gate: the last command that the lane had received before."""


class LaneReplay:
    def __init__(self, staff: StaffReplay) -> None:
        self.by_name: dict[str, KnownLane] = {}
        self._staff = staff
        self._owners: dict[str, str] = {}
        """Passage → the lane that delivered it."""
        self.kinds: Replays = {
            "desk.restored": self._restored,
            "lane.recovering": self._recovering,
            "lane.added": self._lane_added,
            "lane.revoked": self._lane_revoked,
            "lane.token_rotated": self._token_rotated,
            "lane.commanded": self._lane_commanded,
            "lane.requested": self._lane_requested,
            "lane.request_withdrawn": self._request_withdrawn,
        }
        self.lane_kinds: dict[str, Callable[[Entry, Entry], None]] = {
            "lane.obeyed": self._obeyed,
            "passage.asked": self._request_taken,
            "lane.event": self._seen_at_gate,
            "lane.alarm": self._alarm_at_gate,
        }

    def received(self, entry: Entry, inner: Entry | None) -> KnownLane:
        """A lane's own entry came in; return the lane."""
        name = entry.body["chain"]
        lane = self.by_name.get(name)
        if inner is None or lane is None or lane.token_sha256 is None:
            raise LedgerBrokenError("it came from a lane that could not deliver")
        lane.head = check_follows(lane.head, inner, chain=name)
        passage = inner.body.get("passage")
        if isinstance(passage, str):
            owner = self._owners.setdefault(passage, name)
            must(owner == name, "a lane tells of another lane's passage")
        return lane

    def _lane_added(self, entry: Entry) -> None:
        must(entry.body["lane"] not in self.by_name, "a lane is registered twice")
        self._staff.must_be_administered(entry)
        lane = KnownLane(entry.body["token_sha256"], time_of(entry.body["expires_at"]))
        self.by_name[entry.body["lane"]] = lane

    def _token_rotated(self, entry: Entry) -> None:
        self._staff.must_be_administered(entry)
        lane = self.by_name[entry.body["lane"]]
        must(lane.token_sha256 is not None, "a revoked lane is given a token")
        lane.former_sha256, lane.token_sha256 = lane.token_sha256, entry.body["token_sha256"]
        lane.former_until = time_of(entry.body["former_until"])
        lane.token_until = time_of(entry.body["expires_at"])

    def _lane_revoked(self, entry: Entry) -> None:
        lane = self.by_name[entry.body["lane"]]
        must(lane.token_sha256 is not None, "a lane is revoked twice")
        self._staff.must_be_administered(entry)
        lane.token_sha256 = lane.former_sha256 = lane.former_until = lane.token_until = None

    def _lane_commanded(self, entry: Entry) -> None:
        lane, officer = self.by_name[entry.body["lane"]], entry.body["officer"]
        must(lane.token_sha256 is not None, "a lane is commanded after it was revoked")
        must(self._staff.may(officer, Task.SUPERVISE), "a lane is commanded by no supervisor")
        number = entry.body["command"]
        must(number == len(lane.commands) + 1, "a command to a lane is missing or moved")
        must(entry.body["wanted"] in ("open", "closed", "stopped"), "a lane is told what no lane does")
        given = {"lane": entry.body["lane"], "number": number, "wanted": entry.body["wanted"], "by": officer}
        lane.commands.append(LaneCommandRow(**given))

    def _obeyed(self, inner: Entry, _: Entry) -> None:
        number = inner.body["command"]
        given = self.by_name[inner.chain].commands[: number if isinstance(number, int) else 0]
        must(number == len(given) > 0, "a lane obeyed a command that nobody gave")
        last = given[-1].wanted, given[-1].by
        must(last == (inner.body["wanted"], inner.body["by"]), "a lane obeyed another command")

    def _seen_at_gate(self, inner: Entry, _: Entry) -> None:
        must(Code(inner.body["code"]).value.startswith("L"), "a gate saw what no gate sees")
        must(time_of(inner.body["at"]) is not None, "a gate does not say when it saw something")

    def _alarm_at_gate(self, inner: Entry, _: Entry) -> None:
        lane, number = self.by_name[inner.chain], int(inner.body["command"])
        if inner.body["on"]:
            lane.alarm = number
            return
        given = lane.commands[number - 1].wanted if 0 < number <= len(lane.commands) else None
        must(given == "open" and number > (lane.alarm or 0), "an alarm at a gate is lifted by nobody")
        lane.alarm = None

    def _lane_requested(self, entry: Entry) -> None:
        lane, body = self.by_name[entry.body["lane"]], entry.body
        must(lane.token_sha256 is not None, "something is asked of a lane after it was revoked")
        must(self._staff.works(body["officer"]), "something is asked of a lane by no officer")
        must(body["request"] == len(lane.requests) + 1, "a request to a lane is missing or moved")
        must(body["code"] in WISHES, "a lane is asked what nobody asks of it")
        asked = {"lane": body["lane"], "number": body["request"], "code": body["code"], "by": body["officer"]}
        until = datetime.fromisoformat(body["until"])
        lane.requests.append(LaneRequestRow(**asked, until=until, over=False))

    def _request_withdrawn(self, entry: Entry) -> None:
        lane, number = self.by_name[entry.body["lane"]], entry.body["request"]
        must(self._staff.works(entry.body["officer"]), "a request is withdrawn by no officer")
        must(number == len(lane.requests) > 0, "a request is withdrawn that nobody made")
        must(not lane.requests[-1].over, "a request is withdrawn that is over")
        lane.requests[-1].over = True

    def _request_taken(self, inner: Entry, _: Entry) -> None:
        """A withdrawn request may have been taken up before the lane heard of the withdrawal."""
        number, given = inner.body["request"], self.by_name[inner.chain].requests
        must(isinstance(number, int) and 0 < number <= len(given), "a lane was asked what nobody asked")
        one = given[number - 1]
        must((one.code, one.by) == (inner.body["code"], inner.body["by"]), "a lane was asked otherwise")
        must(number not in self.by_name[inner.chain].taken, "a lane takes up twice what was asked once")
        self.by_name[inner.chain].taken.add(number)
        one.over = True

    # --- after a restore

    def _restored(self, entry: Entry) -> None:
        must(entry.body["head"] == f"{entry.seq - 1}:{entry.previous}", "a desk was restored from elsewhere")
        known = {name: lane.head.seq for name, lane in self.by_name.items()}
        must(entry.body["lanes"] == known, "a desk was restored that knew other lanes")
        for lane in self.by_name.values():
            lane.recovery = Recovery(lane.head.seq, None)

    def _recovering(self, entry: Entry) -> None:
        lane, through = self.by_name[entry.body["lane"]], entry.body["through"]
        may = lane.recovery == Recovery(lane.head.seq, None) and lane.head.seq == entry.body["after"]
        must(may and lane.head.seq < through, "a lane tells again what the desk has")
        lane.recovery = Recovery(lane.head.seq, through)
