"""What a lane does once its networks fail: it asks them a known face; then it goes on, or not."""

import logging
from collections.abc import Callable
from enum import StrEnum

from lane.capture.measuring import Measurer
from lane.passage.judge import Judge
from lane.platform.errors import LaneError
from models.errors import ModelError

log = logging.getLogger(__name__)


class After(StrEnum):
    """How the networks are, once one has failed."""

    SOUND = "sound"
    """They know the known face: the fault was one picture's."""
    ON_CPU = "on_cpu"
    """Where they ran is lost; on the CPU they know the known face."""
    LOST = "lost"
    """They do not run, or the policy wants them nowhere else."""


class Engine:
    """The networks of a lane, and where else they may run: `on_cpu` makes others that passed their check."""

    def __init__(self, judge: Judge, on_cpu: Callable[[], Measurer]) -> None:
        self._judge, self._on_cpu = judge, on_cpu

    def after_fault(self) -> After:
        """Try the networks, and put others in their place where the policy says so. Raises nothing."""
        if _runs(self._judge.measurer):
            return After.SOUND
        if self._judge.policy.engine.when_lost != "cpu":
            return After.LOST
        try:
            self._judge.measure_with(self._on_cpu())
        except Exception as error:  # fail closed: a lane whose networks do not run serves nobody
            log.critical("the networks do not run on the CPU either", exc_info=error)
            return After.LOST
        return After.ON_CPU


def _runs(measurer: Measurer) -> bool:
    try:
        measurer.networks.self_test()
    except (ModelError, LaneError) as error:
        log.critical("the networks fail their check: %s", error)
        return False
    except Exception as error:  # fail closed
        log.critical("the networks fail their check", exc_info=error)
        return False
    return True
