"""What the traveller reads: friendly, true, and never that somebody is suspected, listed or not believed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence in the lane's languages."""

    english: str
    chinese: str


WAIT = Notice("Please wait: an officer will help you.", "请稍候，检查员将协助您。")
DOCUMENT = Notice("Please wait: an officer will look at your document.", "请稍候，检查员将查验您的证件。")
REMOVED = Notice(
    "Your document was taken away too early. An officer will help you.", "证件取走过早，检查员将协助您。"
)
ANOTHER_LANE = Notice(
    "This lane is not for your document. An officer will show you the way.",
    "您的证件不适用于本通道，检查员将为您引导。",
)
PICTURE = Notice(
    "The camera could not take a good picture. An officer will help you.",
    "摄像头未能拍到清晰照片，检查员将协助您。",
)
ALONE = Notice("Only one person at a time, please. An officer will help you.", "请逐人通过，检查员将协助您。")
UNCOVER = Notice("Please uncover your face. An officer will help you.", "请露出面部，检查员将协助您。")
STILL = Notice("Please stand still. An officer will help you.", "请站稳不动，检查员将协助您。")
STRAIGHT = Notice(
    "Please look straight into the camera. An officer will help you.", "请正视摄像头，检查员将协助您。"
)

NEUTRAL = WAIT
"""Attack and authority, a face that did not match, and people who may be in danger: no hint is given."""
