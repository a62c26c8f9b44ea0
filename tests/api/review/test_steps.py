"""The rules of a review are whole, and hold whatever officers, lanes and time do in whatever order."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from api.audit.verify.ledger import verify_ledger
from api.people import officers
from api.people.officers import SignedInOfficer
from api.people.roles import Role
from api.platform.errors import ApiError
from api.platform.settings import Settings
from api.review.cases import steps
from api.review.cases.answers import Judgement, OfficerAnswer
from api.review.cases.queue import LONGEST_LEASE
from api.review.cases.steps import SHOWS, TRANSITIONS, Act, Item, Stage, State, Step, Verdict
from api.review.officer_work import TravellersCases
from lane.decision.referral import GROUNDS, MOST_REPEATS, Answer, Decision
from tests.support import tiers
from tests.support.api.running_desk import Lane, RunningDesk, drawn_face, running

PICTURES = [drawn_face(1, 48, 60), drawn_face(2, 48, 60)]
CODES = ("F10", "A01", "F09")
SURE = ("F10", "A01")
LIKELY = [Answer.ADMIT] * 3 + list(Answer)
PEOPLE = st.integers(0, 3)
TURN = st.tuples(PEOPLE, st.sampled_from(Verdict), st.sampled_from(LIKELY))


def test_state_table_complete_decision_follows_reveal() -> None:
    """Every state is in the table; a decision follows the reveal alone."""
    assert set(TRANSITIONS) == set(State)
    deciding = {(state, act) for state, acts in TRANSITIONS.items() for act in acts if act is Act.DECIDED}
    assert deciding == {(State.REVEALED, Act.DECIDED)}
    revealing = {
        (state, act)
        for state, acts in TRANSITIONS.items()
        for act, to in acts.items()
        if to is State.REVEALED
    }
    assert revealing == {(State.WAITING, Act.CLAIMED_WITHOUT_FACES), (State.BLIND, Act.JUDGED)}
    assert Act.CORRECTED not in TRANSITIONS[State.HANDED], "a decision that was handed stays"


@pytest.mark.parametrize(("verdict", "answer"), [*product(Verdict, Answer)])
def test_admitting_two_person_verdict_needs_reason(verdict: Verdict, answer: Answer) -> None:
    due = {steps.needs_note((), verdict, answer, ground) for ground in GROUNDS[answer]}
    assert (due == {True}) is (verdict is Verdict.DIFFERENT and answer is Answer.ADMIT)


@pytest.mark.parametrize(
    ("codes", "sure"), [({"F10"}, True), ({"A01"}, True), ({"F09"}, False), (set(), False)]
)
def test_borderline_score_is_not_confident(codes: set[str], sure: bool) -> None:
    assert steps.confident(codes) is sure
    assert (steps.next_stage(Stage.FIRST, codes, Answer.ADMIT, None) is Stage.SECOND) is sure


def test_blind_step_shows_faces_and_quality() -> None:
    assert SHOWS[Step.BLIND] == {Item.IMAGES, Item.BADGES}
    assert Item.FINDINGS not in SHOWS[None]
    assert Item.IMAGES not in SHOWS[None] | SHOWS[Step.DECIDED]


def test_site_sets_duty_of_code() -> None:
    site = steps.with_site({"P06": "protocol", "W03": ""})
    assert steps.duty_of({"P06", "W04"}, site) == "protocol"
    assert steps.duty_of({"W03"}, site) == ""
    assert steps.duty_of({"P01"}, site) == "child"


def test_longest_lease_is_longest_setting() -> None:
    (most,) = [rule.le for rule in Settings.model_fields["lease_s"].metadata if hasattr(rule, "le")]
    assert timedelta(seconds=most) == LONGEST_LEASE


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running(tmp_path_factory.mktemp("rules"), correction_window_s=3) as desk:
        yield desk


class Review(RuleBasedStateMachine):
    """One passenger's case, four officers of whom two supervise, a lane, and a clock."""

    desk: ClassVar[RunningDesk]
    lane: ClassVar[Lane]
    people: ClassVar[list[SignedInOfficer]]

    @initialize(code=st.sampled_from(CODES))
    def a_passenger_is_referred(self, code: str) -> None:
        self.code = code
        self.passage = self.lane.refer(reasons=[{"code": code}], images=PICTURES)
        self.judged_by: str | None = None
        """Who has judged under the present claim."""
        self.holder: str | None = None
        self.proposed: dict[str, Answer] = {}
        self.decided: Decision | None = None
        self.handed: Decision | None = None
        self.captured = 1
        self.until = self.desk.clock()

    @property
    def cases(self) -> TravellersCases:
        return self.desk.desk.cases.travellers

    @rule(who=PEOPLE)
    def claim(self, who: int) -> None:
        officer = self.people[who]
        try:
            self.cases.claim(self.passage, officer)
        except ApiError:
            return
        assert self.decided is None
        assert officer.pseudonym not in self.proposed, "the first officer is never the second"
        assert len(self.proposed) < 2 or officer.supervises, "only a supervisor is the third"
        self._lapse()
        if self.holder != officer.pseudonym:
            self.holder, self.judged_by = officer.pseudonym, None
        self.until = self.desk.clock() + timedelta(seconds=self.desk.settings.lease_s)
        expected = Step.REVEALED if self.judged_by else Step.BLIND
        assert self.cases.view(self.passage, officer).step_of(officer.pseudonym) is expected

    def _lapse(self) -> None:
        """A claim that was not renewed in time is over, and with it what was judged under it."""
        if self.desk.clock() >= self.until:
            self.holder = self.judged_by = None

    @rule(turns=st.lists(TURN, min_size=1, max_size=4))
    def officers_work_through_it(self, turns: list[tuple[int, Verdict, Answer]]) -> None:
        for who, verdict, answer in turns:
            self.claim(who)
            self.judge(who, verdict)
            self.decide(who, answer)

    @rule(who=PEOPLE)
    def release(self, who: int) -> None:
        self.cases.release(self.passage, self.people[who])
        if self.holder == self.people[who].pseudonym:
            self.holder = self.judged_by = None

    @rule(who=PEOPLE, verdict=st.sampled_from(Verdict))
    def judge(self, who: int, verdict: Verdict) -> None:
        officer = self.people[who]
        try:
            self.cases.judge(self.passage, officer, Judgement(verdict, 3, {}, []))
        except ApiError:
            return
        assert self.holder == officer.pseudonym, "nobody judges a case without having it"
        assert self.cases.view(self.passage, officer).step_of(officer.pseudonym) is Step.REVEALED
        self.judged_by = officer.pseudonym

    @rule(who=PEOPLE, answer=st.sampled_from(Answer))
    def decide(self, who: int, answer: Answer) -> None:
        officer = self.people[who]
        try:
            given = self.cases.decide(self.passage, officer, OfficerAnswer(answer, GROUNDS[answer][0], "why"))
        except ApiError:
            return
        if not given.new:
            return
        assert self.decided is None, "one decision is all that a case gets"
        assert self.judged_by == self.holder == officer.pseudonym, "a decision follows the own judgement"
        if given.decision is None:
            self._note_proposal(officer, answer, given.next)
        else:
            self._check_decision(officer, answer)
            self.decided = given.decision
        self.holder = self.judged_by = None

    def _note_proposal(self, officer: SignedInOfficer, answer: Answer, asked: Stage | None) -> None:
        if not self.proposed:
            assert answer is Answer.ADMIT
            assert self.code in SURE
            assert asked is Stage.SECOND
        else:
            assert len(self.proposed) == 1
            assert answer not in self.proposed.values()
            assert asked is Stage.THIRD
        self.proposed[officer.pseudonym] = answer

    def _check_decision(self, officer: SignedInOfficer, answer: Answer) -> None:
        if len(self.proposed) == 1:
            assert answer in self.proposed.values(), "two officers who differ decide nothing"
        elif len(self.proposed) == 2:
            assert officer.supervises
        elif answer is Answer.ADMIT:
            assert self.code not in SURE, "one officer alone reversed a confident result"
        assert answer is not Answer.REPEAT_CAPTURE or self.captured <= MOST_REPEATS

    @rule(who=PEOPLE, answer=st.sampled_from(Answer))
    def correct(self, who: int, answer: Answer) -> None:
        officer, before = self.people[who], self.decided
        try:
            given = self.cases.correct(
                self.passage, officer, OfficerAnswer(answer, GROUNDS[answer][0], "a slip")
            )
        except ApiError:
            return
        assert before is not None
        assert self.handed is None or not given.new, "what the lane has is not corrected"
        assert officer.pseudonym == before.officer, "nobody corrects another one's decision"
        if before.answer is not Answer.ADMIT and answer is Answer.ADMIT:
            assert self.code not in SURE, "a correction is no way around a second officer"
        self.decided = given.decision

    @rule()
    def the_lane_asks(self) -> None:
        found = self.cases.hand(self.lane.name, self.passage).decision
        if found is None:
            assert self.handed is None, "what was handed is told again"
            return
        assert found == self.decided
        assert self.handed in (None, found), "a decision that was handed stays"
        self.handed = found

    @rule(code=st.sampled_from(CODES))
    def the_lane_asks_anew(self, code: str) -> None:
        self.lane.refer(passage=self.passage, reasons=[{"code": code}], images=PICTURES)
        if self.handed and self.handed.answer is Answer.REPEAT_CAPTURE:
            self.code, self.captured = code, self.captured + 1
            self.holder = self.judged_by = self.decided = self.handed = None
            self.proposed = {}

    @rule(seconds=st.sampled_from([1, 4, 110, 121, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.desk.clock.pass_time(seconds=seconds)
        self.cases.escalate()
        self._lapse()

    @invariant()
    def the_case_stands_where_the_rules_say(self) -> None:
        if not hasattr(self, "passage"):
            return
        referral = self.cases.view(self.passage, self.people[0])
        assert referral.decision == self.decided, "nothing decides but an officer"
        assert referral.round == self.captured
        assert referral.proposed_by == set(self.proposed)
        if self.handed:
            assert referral.decision == self.handed


def test_no_event_order_breaks_review_rules(site: RunningDesk) -> None:
    Review.desk = site
    Review.people = [_signed_in(site, f"officer {number}", supervises=number > 1) for number in range(4)]
    with site.lane("lane-rules") as Review.lane:
        run_state_machine_as_test(
            Review,
            settings=settings(
                max_examples=tiers.examples(30),
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
    assert verify_ledger(site.desk.database).head.seq > 0


def _signed_in(site: RunningDesk, name: str, *, supervises: bool) -> SignedInOfficer:
    role = Role.SUPERVISOR if supervises else Role.OFFICER
    site.officer(name, role).http.close()
    with site.desk.database.read() as session:
        return officers.colleague(session, officers.named(session, name))
