"""What the page shows now: pure but for what it was told last. What is not told afresh turns into a wait."""

from dataclasses import dataclass
from typing import Any

from lane.capture.guidance import Instruction
from lane.kiosk.sentences import CONFIRMED, SENTENCES
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import OPEN_TO_WISHES, PICTURED, Wish

SILENT_S = 1.0
"""A lane that tells nothing for so long is not believed any more; it speaks twice a second."""
PROCEED_S = 30.0
"""Longer no gate stays open for one passenger: a lane that still says so is stuck."""
LINGERS_S = 4.0
"""So long an officer's coming stays to be read, though the lane waits for the next traveller already."""
AFTER_OFFICER = frozenset({Instruction.PLEASE_WAIT, Instruction.WELCOME})


@dataclass(frozen=True, slots=True)
class View:
    """One state of the page."""

    instruction: Instruction
    progress: float = 0.0
    wishes: tuple[Wish, ...] = ()

    @property
    def capturing(self) -> bool:
        """Whether a capture runs, in which travellers see themselves."""
        return self.instruction in PICTURED

    def plain(self, languages: tuple[Language, ...]) -> dict[str, Any]:
        """For the page's script."""
        return {
            "instruction": self.instruction.value,
            "sentence": SENTENCES[self.instruction].said(languages),
            "progress": round(self.progress, 3),
            "capturing": self.capturing,
            "open_to_wishes": self.instruction in OPEN_TO_WISHES,
            "wishes": [wish.value for wish in self.wishes],
            "confirmed": CONFIRMED.said(languages) if self.wishes else [],
        }


WAIT = View(Instruction.PLEASE_WAIT)


class Shown:
    """Follows what the lane tells."""

    def __init__(self) -> None:
        self._told = WAIT
        self._since_s = self._heard_s = float("-inf")
        self._officer_until_s = float("-inf")

    def tell(self, view: View, at_s: float) -> None:
        """The lane says this, at this monotonic time."""
        if view.instruction is not self._told.instruction:
            self._since_s = at_s
            if self._told.instruction is Instruction.OFFICER:
                self._officer_until_s = at_s + LINGERS_S
        self._told, self._heard_s = view, at_s

    def silent_s(self, at_s: float) -> float:
        """How long the lane has told nothing."""
        return at_s - self._heard_s

    def now(self, at_s: float) -> View:
        """What is to be seen at this time."""
        told = self._told.instruction
        if not self.silent_s(at_s) <= SILENT_S:
            return WAIT
        if told is Instruction.PROCEED and at_s - self._since_s > PROCEED_S:
            return WAIT
        if told in AFTER_OFFICER and at_s < self._officer_until_s:
            return View(Instruction.OFFICER)
        return self._told
