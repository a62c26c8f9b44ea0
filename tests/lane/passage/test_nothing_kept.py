"""What a lane still has of a passenger who has gone: no picture in memory, none on disk."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from lane.cameras.frame import Frame
from lane.cameras.simulated import SimulatedCamera
from lane.capture.measuring import Measurer
from lane.decision.policy import Policy
from lane.decision.referral import Answer, PassageId
from lane.demo import photos as store
from lane.demo.passengers import demo_passengers
from lane.desk.simulated import SimulatedDesk
from lane.ledger.entry import Picture
from tests.support.lane.simulated_lane import LANE, StandingClock, hall


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


def admit(_: PassageId) -> Answer:
    return Answer.ADMIT


@pytest.mark.parametrize("name", ["holder", "impostor"])
def test_passed_passenger_leaves_nothing(
    name: str, tmp_path: Path, photos: Path, measurer: Measurer, policy: Policy
) -> None:
    """Nothing in memory or on disk of a passenger who is through."""
    assert photos == store.folder()
    before = pictures()
    passenger = next(one for one in demo_passengers(measurer, date.today()) if one.name == name)  # noqa: DTZ011
    clock = StandingClock()
    camera = WatchedCamera(SimulatedCamera(clock, clock.skip, passenger.scene, frames_per_second=12.5))
    desk = SimulatedDesk(LANE, admit)
    here = hall(
        tmp_path,
        measurer,
        policy,
        [(passenger.document, passenger.scene)],
        desk=desk,
        camera=camera,
        clock=clock,
    )
    here.station.start()
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
