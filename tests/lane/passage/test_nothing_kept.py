"""What a lane still has of a passenger who has gone: no picture in memory, none on disk."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lane.cameras.frame import Frame
from lane.cameras.simulated import SimulatedCamera
from lane.decision.referral import Answer
from lane.desk.simulated import SimulatedDesk
from lane.ledger.entry import Picture
from tests.support import tiers
from tests.support.lane.simulated_lane import LANE, LaneMaker, StandingClock


class WatchedCamera:
    """A camera whose pictures are followed for as long as anybody has them."""

    def __init__(self, camera: SimulatedCamera) -> None:
        self._camera = camera
        self.taken: list[weakref.ref[object]] = []

    def frames(self) -> Iterator[Frame]:
        for frame in self._camera.frames():
            self.taken += [weakref.ref(frame.image_bgr)]
            yield frame


def pictures(before: Sequence[object] = ()) -> list[object]:
    """Every picture in memory but those that were there before: other tests may keep theirs."""
    gc.collect()
    known = {id(one) for one in before}
    return [one for one in gc.get_objects() if isinstance(one, Picture) and id(one) not in known]


@pytest.mark.thorough
@tiers.parametrize("name", ["holder", "impostor"], quick=1)
def test_passed_passenger_leaves_nothing(name: str, tmp_path: Path, lane_with: LaneMaker) -> None:
    before = pictures()
    clock, scene = StandingClock(), lane_with.people[name].scene
    camera = WatchedCamera(SimulatedCamera(clock, clock.skip, scene, frames_per_second=12.5))
    desk = SimulatedDesk(LANE, lambda _: Answer.ADMIT)
    here = lane_with(name, desk=desk, camera=camera, clock=clock)
    assert here.walk().gate_opened
    assert len(camera.taken) > 1
    gc.collect()
    assert [one for one in camera.taken if one() is not None] == []
    assert len(pictures(before)) == len(desk.pictures), "the desk alone has them, where a case is asked for"
    assert (name == "impostor") is bool(desk.pictures)
    desk.pictures.clear()
    assert pictures(before) == []
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"\xff\xd8\xff\xe0" not in on_disk
