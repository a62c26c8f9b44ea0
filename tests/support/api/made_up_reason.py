"""The table of reasons with a row that was made up, for a process that has read nothing of it yet."""

import sys
from importlib import util
from pathlib import Path

TABLE = "lane.decision.reason_codes"
BEFORE = "    BORDERLINE = "
ROW = """    MADE_UP = Meaning(
        "F15",
        "Made up",
        "A reason that no field has.",
        notices.STILL,
        agency=Agency.CUSTOMS,
        rank=Rank.SOON,
        duty=Duty.CHILD,
        by_hand=ByHand(9, ("Do this.",), wish="Made up, please"),
    )
"""


def load() -> None:
    """As if the row stood in the file."""
    assert TABLE not in sys.modules
    spec = util.find_spec(TABLE)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    assert source.count(BEFORE) == 1
    module = sys.modules[TABLE] = util.module_from_spec(spec)
    exec(compile(source.replace(BEFORE, ROW + BEFORE), spec.origin, "exec"), module.__dict__)
