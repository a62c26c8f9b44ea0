"""Recovery of the networks after a fault: they pass their check, here or on the CPU, or the lane closes."""

import logging
from collections.abc import Callable
from enum import StrEnum

from lane.capture.measuring import Measurer
from lane.passage.judge import Judge
from lane.platform.errors import LaneError
from models.errors import ModelError

log = logging.getLogger(__name__)


class RecoveryResult(StrEnum):
    SOUND = "sound"
    """They pass their check: the fault was one picture's."""
    ON_CPU = "on_cpu"
    """They fail where they ran, and pass their check on the CPU."""
    LOST = "lost"
    """They do not run, or the policy does not allow another place."""


class NetworkRecovery:
    """Checks a lane's networks, and replaces them by `on_cpu`, whose networks passed their check."""

    def __init__(self, judge: Judge, on_cpu: Callable[[], Measurer]) -> None:
        self._judge, self._on_cpu = judge, on_cpu

    def recover(self) -> RecoveryResult:
        """Check the networks, and replace them where the policy allows it. Raises nothing."""
        if _passes_check(self._judge.measurer):
            return RecoveryResult.SOUND
        if self._judge.policy.engine.when_lost != "cpu":
            return RecoveryResult.LOST
        try:
            self._judge.measure_with(self._on_cpu())
        except Exception as error:  # fail closed: a lane whose networks do not run serves nobody
            log.critical("the networks do not run on the CPU either", exc_info=error)
            return RecoveryResult.LOST
        return RecoveryResult.ON_CPU


def _passes_check(measurer: Measurer) -> bool:
    try:
        measurer.networks.self_test()
    except (ModelError, LaneError) as error:
        log.critical("the networks fail their check: %s", error)
        return False
    except Exception as error:  # fail closed
        log.critical("the networks fail their check", exc_info=error)
        return False
    return True
