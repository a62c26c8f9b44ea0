"""What the demo prints."""

import io

import pytest
from rich.console import Console

from lane.decision.referral import Answer, PassageId
from lane.demo.terminal import Terminal
from lane.passage.station import PassageReport

WORDS = {
    Answer.ADMIT: "admit",
    Answer.SECOND_LINE: "secondary inspection",
    Answer.REPEAT_CAPTURE: "capture again",
    Answer.OTHER_AGENCY: "other agency",
}


@pytest.mark.parametrize("answer", Answer)
def test_each_answer_has_its_words(answer: Answer) -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    terminal = Terminal(console, headless=False)
    terminal.passed(PassageReport(PassageId("p-1"), "refer", (), (), answer, False, 1, {"total": 1.0}))
    line = {"passenger": "holder", "outcome": "refer", "reasons": [], "officer": answer, "gate_opened": False}
    terminal.ended({"passages": [line], "ledger": {"entries": 1, "verified": True}})
    assert console.export_text().count(WORDS[answer]) == 2
