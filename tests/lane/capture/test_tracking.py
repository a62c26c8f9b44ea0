"""Who stands where: one in the zone is the passenger, two are nobody's evidence, who is behind is ignored."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.capture.tracking import Miss, Scene, Tracker, moved, overlap
from models.values.face import Face
from tests.support.lane.example_evidence import POLICY
from tests.support.lane.placed_faces import SIZE, face

RULE, RATIO = POLICY.zone, POLICY.capture.second_face_ratio
STEP_S = 0.1


def seen(*frames: Sequence[Face], step_s: float = STEP_S) -> list[Scene]:
    tracker = Tracker(RULE, RATIO)
    return [tracker.update(faces, number * step_s, SIZE) for number, faces in enumerate(frames)]


def number(scene: Scene) -> int:
    assert scene.passenger is not None
    return scene.passenger.number


def test_approaching_person_is_one_passenger() -> None:
    walk = [[face(0.6 - 0.01 * step, head=0.06 + 0.02 * step)] for step in range(12)]
    scenes = seen(*walk)
    assert [scene.passenger is not None for scene in scenes] == [False] * 3 + [True] * 9
    assert scenes[0].misses == (Miss.FAR,)
    assert len({number(scene) for scene in scenes[3:]}) == 1


def test_who_queues_behind_is_ignored() -> None:
    scene = seen([face(), face(0.7, 0.4, head=0.15), face(0.2, 0.3, head=0.05)])[0]
    assert (len(scene.inside), scene.behind) == (1, 2)
    assert scene.passenger is not None
    assert scene.passenger.face.box_in_image.height == pytest.approx(0.4 * SIZE[1])


def test_two_in_zone_give_no_passenger() -> None:
    scene = seen([face(0.3), face(0.7, head=0.3)])[0]
    assert (len(scene.inside), scene.behind, scene.passenger) == (2, 0, None)


@pytest.mark.parametrize(
    ("before", "after"), [(face(0.3), face(0.7)), (face(head=0.6), face(head=0.3))], ids=["place", "size"]
)
def test_another_place_or_size_starts_another_track(before: Face, after: Face) -> None:
    first, second = seen([before], [after])
    assert number(first) != number(second)


def test_long_absence_starts_another_track() -> None:
    tracker = Tracker(RULE, RATIO)
    before = tracker.update([face()], 0, SIZE)
    assert number(tracker.update([face()], RULE.max_gap_s, SIZE)) == number(before)
    assert number(tracker.update([face()], 2 * RULE.max_gap_s + 0.1, SIZE)) != number(before)


def test_long_absence_from_zone_means_left() -> None:
    stay, away = [[face()]] * 8, [[face(head=0.05)]] * 40
    scenes = seen(*stay, *away)
    first = next(index for index, scene in enumerate(scenes) if scene.left)
    assert first * STEP_S > 0.8 + RULE.left_after_s
    assert all(scene.left for scene in scenes[first:])


@pytest.mark.parametrize("away_s", [1.0, RULE.left_after_s - 0.1])
def test_looking_down_is_no_leaving(away_s: float) -> None:
    away: list[list[Face]] = [[]] * round(away_s / STEP_S)
    assert not any(scene.left for scene in seen(*[[face()]] * 8, *away, *[[face()]] * 8))


def test_where_nobody_arrived_nobody_left() -> None:
    nobody: list[list[Face]] = [[]] * 100
    assert not any(scene.left for scene in seen(*nobody))
    assert not any(scene.left for scene in seen([face()], [face()], *nobody)), "a passer-by"


faces = st.builds(face, st.floats(0, 1), st.floats(0, 1), st.floats(0.02, 0.9))
frames = st.lists(st.lists(faces, max_size=3), max_size=12)


@given(frames, st.floats(0.01, 1))
def test_passenger_is_alone_in_zone(sequence: list[list[Face]], step_s: float) -> None:
    for found, scene in zip(sequence, seen(*sequence, step_s=step_s), strict=True):
        assert len(scene.inside) + scene.behind == len(found)
        assert (scene.passenger is not None) is (len(scene.inside) == 1)
        assert not (scene.left and scene.inside)


@given(frames, st.floats(0.01, 1))
def test_whatever_comes_one_track_never_jumps(sequence: list[list[Face]], step_s: float) -> None:
    scenes = seen(*sequence, step_s=step_s)
    for before, scene in pairwise(scenes):
        if before.passenger and scene.passenger and before.passenger.number == scene.passenger.number:
            assert step_s <= RULE.max_gap_s
            assert overlap(before.passenger.face, scene.passenger.face) >= RULE.least_overlap
            assert moved(before.passenger.face, scene.passenger.face) <= RULE.most_moved
