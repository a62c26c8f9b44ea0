"""Every sentence of the page, in the lane's languages. None says why somebody is referred."""

from dataclasses import dataclass
from typing import TypeAlias

from lane.capture.guidance import Instruction
from lane.decision.traveller_notices import NEUTRAL
from lane.kiosk.settings import Language
from lane.kiosk.traveller_requests import Button

TAGS: dict[Language, str] = {"zh": "zh-Hans", "en": "en"}
"""As a page names a language."""
LocalizedText: TypeAlias = tuple[tuple[str, str], ...]
"""One sentence as (language's tag, text), in the order of the page."""


@dataclass(frozen=True, slots=True)
class Sentence:
    zh: str
    en: str

    def in_languages(self, languages: tuple[Language, ...]) -> LocalizedText:
        texts = {"zh": self.zh, "en": self.en}
        return tuple((TAGS[language], texts[language]) for language in languages)


SENTENCES: dict[Instruction, Sentence] = {
    Instruction.WELCOME: Sentence("请出示证件", "Please present your document"),
    Instruction.DOCUMENT_UNREADABLE: Sentence("请重新出示证件", "Please present your document again"),
    Instruction.CLOSER: Sentence("请向前一步", "Please step closer"),
    Instruction.BACK: Sentence("请后退一步", "Please step back"),
    Instruction.LEFT: Sentence("请向左移动", "Please move left"),
    Instruction.RIGHT: Sentence("请向右移动", "Please move right"),
    Instruction.HIGHER: Sentence("请稍微抬高", "A little higher, please"),
    Instruction.LOWER: Sentence("请稍微放低", "A little lower, please"),
    Instruction.LOOK: Sentence("请看摄像头", "Please look at the camera"),
    Instruction.HOLD_STILL: Sentence("请保持不动", "Please hold still"),
    Instruction.UNCOVER: Sentence("请露出整个面部", "Please show your whole face"),
    Instruction.OPEN_EYES: Sentence("请睁开眼睛", "Please open your eyes"),
    Instruction.ONE_PERSON: Sentence("请单人通过", "One person only, please"),
    Instruction.PLEASE_WAIT: Sentence("请稍候", "Please wait"),
    Instruction.PROCEED: Sentence("请通行", "Please proceed"),
    Instruction.OFFICER: Sentence(NEUTRAL.chinese, NEUTRAL.english),
    Instruction.CLOSED: Sentence("通道关闭，请使用其他通道", "Lane closed: please use another lane"),
}

BUTTONS: dict[Button, Sentence] = {
    Button.NO_FACE: Sentence("不使用摄像头", "Without the camera"),
    Button.WHEELCHAIR: Sentence("轮椅通行", "Wheelchair"),
    Button.INFANT: Sentence("怀抱婴儿", "Carrying a baby"),
    Button.HELP: Sentence("需要协助", "I need help"),
}
CONFIRMED = Sentence("已收到，检查员将协助您", "Thank you, an officer will help you")
TITLE = Sentence("旅客通道", "Passenger lane")
CHOICES = Sentence("其他通行方式", "Other ways through")
