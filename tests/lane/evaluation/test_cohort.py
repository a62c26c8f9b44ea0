"""A cohort: bounded, erased, and never taking a passenger for a stranger to themself."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.evaluation.cohort import Cohort, CohortCounts, Holder, Tally
from models.errors import MatchersDifferError
from models.values.face import Embedding
from models.values.identity import MatcherIdentity
from tests.support.lane.simulated_lane import StandingClock
from tests.support.processes import until

MATCHER = MatcherIdentity("simulated", "0" * 64, "1" * 64)
THRESHOLD = 0.5


def towards(angle_deg: float) -> Embedding:
    """A unit vector in the plane: the similarity of two is the cosine of the angle between them."""
    angle = np.deg2rad(angle_deg)
    return Embedding(np.array([np.cos(angle), np.sin(angle)], np.float32), MATCHER)


def holder(photo: str, angle_deg: float, group: str | None = None) -> Holder:
    return Holder(photo.encode(), towards(angle_deg), group)


def compare(cohort: Cohort, who: Holder, *probes_deg: float) -> CohortCounts:
    return cohort.compare(who, [towards(one) for one in probes_deg], THRESHOLD)


def size(cohort: Cohort) -> int:
    return compare(cohort, holder("stranger", 18.0), 18.0).size


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def cohort(clock: StandingClock) -> Iterator[Cohort]:
    with closing(Cohort(10, 60, clock.monotonic_s)) as made:
        yield made


@pytest.fixture
def small(clock: StandingClock) -> Iterator[Cohort]:
    with closing(Cohort(2, 60, clock.monotonic_s)) as made:
        yield made


def test_strangers_and_false_matches_are_counted(cohort: Cohort) -> None:
    for photo, angle in (("a", 100.0), ("b", 180.0), ("c", 260.0)):
        cohort.remember(holder(photo, angle))
    counts = compare(cohort, holder("d", 0.0), 50.0)
    assert (counts.size, counts.others) == (3, Tally(3, 1, 0, 0))
    assert counts.highest == pytest.approx(np.cos(np.deg2rad(50)), abs=1e-3)
    assert counts.in_group is None


def test_strangers_match_frame_by_frame(cohort: Cohort) -> None:
    """Each frame must match, as for the own document."""
    cohort.remember(holder("a", 100.0))
    assert compare(cohort, holder("d", 0.0), 60.0, 80.0).others.matched == 1
    assert compare(cohort, holder("d", 0.0), 60.0, 10.0).others.matched == 0


def test_returning_document_is_no_stranger(cohort: Cohort) -> None:
    cohort.remember(holder("a", 0.0))
    counts = compare(cohort, holder("a", 0.0), 5.0)
    assert (counts.size, counts.others) == (1, Tally(0, 0, 0, 0))
    cohort.remember(holder("a", 0.0))
    assert size(cohort) == 1


def test_persons_other_document_is_skipped(cohort: Cohort) -> None:
    cohort.remember(holder("passport", 0.0))
    cohort.remember(holder("somebody", 180.0))
    counts = compare(cohort, holder("identity card", 10.0), 5.0)
    assert counts.others == Tally(compared=1, matched=0, skipped=1, skipped_matched=1)


def test_own_group_has_its_own_count(cohort: Cohort) -> None:
    for photo, angle, group in (("a", 100.0, "CHN"), ("b", 180.0, "CHN"), ("c", 99.0, "JPN")):
        cohort.remember(holder(photo, angle, group))
    cohort.remember(holder("x", 98.0))
    counts = compare(cohort, holder("d", 0.0, "CHN"), 50.0)
    assert (counts.others, counts.in_group) == (Tally(4, 3, 0, 0), Tally(2, 1, 0, 0))
    assert compare(cohort, holder("d", 0.0), 50.0).in_group is None


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30)), max_size=40), st.integers(0, 5))
def test_cohort_size_and_age_are_bounded(visits: list[tuple[int, float]], most: int) -> None:
    clock, last = StandingClock(), {}
    with closing(Cohort(most, 60, clock.monotonic_s)) as cohort:
        for document, after_s in visits:
            clock.skip(after_s)
            cohort.remember(holder(str(document), 36.0 * document))
            last[document] = clock.monotonic_s()
            fresh = [one for one, since in last.items() if clock.monotonic_s() - since < 60]
            counts = compare(cohort, holder("stranger", 18.0), 18.0)
            assert counts.size == counts.others.compared + counts.others.skipped == min(most, len(fresh))


def kept(cohort: Cohort) -> list[np.ndarray]:
    return [held.reference.vector for held in cohort._held.values()]


def test_leaving_embedding_is_overwritten(small: Cohort, clock: StandingClock) -> None:
    mine = holder("a", 0.0)
    small.remember(mine)
    (first,) = kept(small)
    small.remember(holder("b", 90.0))
    small.remember(holder("c", 180.0))
    assert not first.any(), "its place was needed"
    second, third = kept(small)
    clock.skip(61)
    assert size(small) == 0
    assert not second.any(), "too old"
    assert not third.any()
    small.remember(holder("d", 270.0))
    (last,) = kept(small)
    small.close()
    small.close()
    assert not last.any(), "at the end"
    assert mine.reference.vector.any()
    small.remember(holder("b", 0.0))
    assert size(small) == 0, "after its end nobody is held"


def test_age_erases_without_anybody_looking() -> None:
    cohort = Cohort(2, 0.02, time.monotonic)
    cohort.remember(holder("a", 0.0))
    (vector,) = kept(cohort)
    until(lambda: not vector.any())
    cohort.close()
    assert cohort._eraser is not None
    cohort._eraser.join(30)
    assert not cohort._eraser.is_alive()


def test_cohort_keeps_only_keyed_document_hash(cohort: Cohort, small: Cohort) -> None:
    for held in (cohort, small):
        held.remember(holder("the photo", 0.0))
    assert set(cohort._held) & set(small._held) == set()
    assert "the photo" not in repr(cohort._held)


def test_matchers_embeddings_are_not_compared(cohort: Cohort) -> None:
    cohort.remember(holder("a", 0.0))
    stranger = Holder(b"b", replace(towards(0.0), matcher=replace(MATCHER, sha256="2" * 64)))
    assert compare(cohort, stranger, 0.0).others == Tally(0, 0, 0, 0)
    cohort.remember(stranger)
    with pytest.raises(MatchersDifferError):
        compare(cohort, replace(stranger, photo=b"c"), 0.0)


def test_two_threads_may_use_it(small: Cohort) -> None:
    def visit(first: int) -> None:
        for n in range(first, first + 50):
            compare(small, holder(str(n), float(n)), float(n))
            small.remember(holder(str(n), float(n)))

    threads = [threading.Thread(target=visit, args=(first,)) for first in (0, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert size(small) == 2
