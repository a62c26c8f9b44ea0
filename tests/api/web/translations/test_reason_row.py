"""A reason is one row of one table: one that was made up is known everywhere at once."""

import subprocess
import sys

import pytest

from api.ledger.facts import ReasonFact
from api.review.cases import steps
from api.web.pages.lanes import hall_views
from api.web.translations import code_texts, not_captured
from api.web.translations.language import words
from lane.decision.reason_codes import BY_GROUP, Code, Reason, for_traveller, worst_first
from lane.decision.reason_meaning import Rank
from lane.desk.commands import WISHES


def check() -> None:
    """Called where `tests.support.api.made_up_reason` has put the row into the table."""
    code, english = Code("F15"), words("en")
    told = ReasonFact(code="F15", components=["sharpness"])
    assert code_texts.brief("F15", english) == "Made up"
    assert code_texts.full(told, english) == "A reason that no field has. Concerned: sharpness."
    assert code_texts.acting(told, english) == "Customs"
    assert for_traveller([code]).english.startswith("Please stand still")
    reasons = tuple(Reason(one) for one in (Code.QUALITY, code, Code.VISA))
    assert [one.code for one in worst_first(reasons)] == [Code.VISA, code, Code.QUALITY]
    assert steps.rank_of({"F15"}) is Rank.SOON
    assert steps.duty_of({"F15"}, steps.DUTIES) == "child"
    assert not_captured.next_steps("not_taken", {"F15"}, english, again=True) == ["Do this."]
    assert code in WISHES
    assert hall_views.WISHES[code] == "Made up, please"
    listed = [one.value for one in BY_GROUP]
    assert listed[listed.index("F14") :][:3] == ["F14", "F15", "A01"]


@pytest.mark.thorough
def test_reason_needs_only_one_row() -> None:
    code = f"from tests.support.api.made_up_reason import load; load(); from {__name__} import check; check()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
