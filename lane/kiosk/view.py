"""What the page shows now, by the lane's last message; without a fresh message it asks to wait."""

from dataclasses import dataclass
from typing import Any

from lane.capture.guidance import Instruction
from lane.kiosk.sentences import CONFIRMED, SENTENCES
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import OPEN_TO_REQUESTS, PICTURED, Button

SILENT_S = 1.0
"""A message older than this is not shown any more; the lane sends two a second."""
PROCEED_S = 30.0
"""No gate stays open so long for one passenger: a lane that still says so is stuck."""
LINGERS_S = 4.0
"""How long the notice of an officer stays, though the lane already waits for the next traveller."""
AFTER_OFFICER = frozenset({Instruction.PLEASE_WAIT, Instruction.WELCOME})


@dataclass(frozen=True, slots=True)
class View:
    instruction: Instruction
    progress: float = 0.0
    wishes: tuple[Button, ...] = ()

    @property
    def capturing(self) -> bool:
        """Whether a capture runs, in which travellers see themselves."""
        return self.instruction in PICTURED

    def to_json(self, languages: tuple[Language, ...]) -> dict[str, Any]:
        return {
            "instruction": self.instruction.value,
            "sentence": SENTENCES[self.instruction].in_languages(languages),
            "progress": round(self.progress, 3),
            "capturing": self.capturing,
            "open_to_wishes": self.instruction in OPEN_TO_REQUESTS,
            "wishes": [wish.value for wish in self.wishes],
            "confirmed": CONFIRMED.in_languages(languages) if self.wishes else [],
        }


WAIT = View(Instruction.PLEASE_WAIT)


class PageState:
    def __init__(self) -> None:
        self._view = WAIT
        self._since_s = self._heard_s = float("-inf")
        self._officer_until_s = float("-inf")

    def update(self, view: View, at_s: float) -> None:
        """Take in the lane's message, which came at this monotonic time."""
        if view.instruction is not self._view.instruction:
            self._since_s = at_s
            if self._view.instruction is Instruction.OFFICER:
                self._officer_until_s = at_s + LINGERS_S
        self._view, self._heard_s = view, at_s

    def silence_s(self, at_s: float) -> float:
        """Since the lane's last message."""
        return at_s - self._heard_s

    def now(self, at_s: float) -> View:
        instruction = self._view.instruction
        if not self.silence_s(at_s) <= SILENT_S:
            return WAIT
        if instruction is Instruction.PROCEED and at_s - self._since_s > PROCEED_S:
            return WAIT
        if instruction in AFTER_OFFICER and at_s < self._officer_until_s:
            return View(Instruction.OFFICER)
        return self._view
