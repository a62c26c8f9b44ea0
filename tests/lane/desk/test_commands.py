"""What an officer asks for at a lane: taken up once, never late, and good for nothing but a referral."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.reason_codes import Code
from lane.desk.commands import LONGEST_REQUEST_S, NO_COMMAND, WISHES, Command, Request
from lane.desk.status import Status
from lane.desk.status_reporter import StatusReporter
from lane.platform.errors import DeskLostError
from tests.lane.desk.test_status_reporter import ABOUT
from tests.support.lane.simulated_lane import StandingClock

BY = "officer-0000beef"
REQUEST = Request(1, Code.DECLINES_FACE, BY, 120.0)


class Office:
    """See `lane.desk.port.Supervisors`: a desk that answers with what it is asked to, or not at all."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.away = False
        self.said: list[Status] = []

    def report(self, status: Status) -> Command:
        if self.away:
            raise DeskLostError("nobody is there")
        self.said.append(status)
        return replace(NO_COMMAND, request=self.request)


def beside(office: Office, clock: StandingClock) -> StatusReporter:
    return StatusReporter(office, ABOUT, clock)


def test_request_is_taken_up_once() -> None:
    office, clock = Office(), StandingClock()
    status_reporter = beside(office, clock)
    office.request = REQUEST
    status_reporter.exchange()
    assert status_reporter.take_request() == REQUEST
    assert status_reporter.take_request() is None
    status_reporter.exchange()
    assert office.said[-1].asked == 1
    assert status_reporter.take_request() is None, "the desk had said it again before it heard"


def test_late_or_withdrawn_request_is_nobodys() -> None:
    office, clock = Office(), StandingClock()
    status_reporter = beside(office, clock)
    office.request = REQUEST
    status_reporter.exchange()
    office.request = None
    status_reporter.exchange()
    assert status_reporter.take_request() is None, "it was withdrawn"
    office.request = REQUEST
    status_reporter.exchange()
    office.away = True
    clock.skip(120.5)
    status_reporter.exchange()
    assert status_reporter.take_request() is None, "the desk is away, and it is late"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("ask"), st.integers(1, 4), st.floats(0.5, LONGEST_REQUEST_S)),
            st.tuples(st.just("wait"), st.just(0), st.floats(0, 400)),
            st.tuples(st.just("take"), st.just(0), st.just(0.0)),
            st.tuples(st.just("restart"), st.just(0), st.just(0.0)),
        ),
        max_size=20,
    )
)
def test_requests_never_repeat_or_come_late(steps: list[tuple[str, int, float]]) -> None:
    office, clock = Office(), StandingClock()
    status_reporter, taken, until_s = beside(office, clock), 0, 0.0
    for what, number, seconds in steps:
        if what == "ask":
            office.request, until_s = (
                replace(REQUEST, number=number, for_s=seconds),
                clock.monotonic_s() + seconds,
            )
            status_reporter.exchange()
        elif what == "wait":
            clock.skip(seconds)
        elif what == "restart":
            status_reporter = beside(office, clock)
            status_reporter.remember_request(taken)
        elif (request := status_reporter.take_request()) is not None:
            assert request.number > taken
            assert clock.monotonic_s() <= until_s
            taken = request.number


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 0},
        {"number": 2**53},
        {"code": Code.CHILD},
        {"code": Code.NO_MATCH},
        {"by": ""},
        {"by": "a name"},
        {"for_s": 0.0},
        {"for_s": float("nan")},
        {"for_s": float("inf")},
    ],
)
def test_unknown_request_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"request|asks"):
        replace(REQUEST, **wrong)  # type: ignore[arg-type]
    assert Code.DECLINES_FACE in WISHES
