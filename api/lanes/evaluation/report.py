"""The report of the evaluation in service."""

from dataclasses import dataclass
from datetime import datetime

from api.lanes.evaluation.series import Series

FEWEST_OF_A_GROUP = 20


@dataclass(frozen=True, slots=True)
class Report:
    """How the matcher did within the window."""

    since: datetime
    at: datetime
    series: tuple[Series, ...]
