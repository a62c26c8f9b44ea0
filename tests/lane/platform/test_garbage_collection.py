"""What a lane needs as long as it runs is not searched for garbage; what is thrown away meanwhile is."""

import gc
import weakref

from lane.platform.garbage_collection import settled_garbage


class Knot:
    """Garbage that only a search finds."""

    def __init__(self) -> None:
        self.itself = self


def test_standing_objects_are_not_searched() -> None:
    before = gc.get_freeze_count()
    with settled_garbage():
        assert gc.get_freeze_count() > before + 10_000
        assert len(gc.get_objects()) < 1_000
    assert gc.get_freeze_count() == 0


def test_new_garbage_is_still_found() -> None:
    with settled_garbage():
        assert gc.isenabled()
        gone = weakref.ref(Knot())
        gc.collect()
        assert gone() is None
