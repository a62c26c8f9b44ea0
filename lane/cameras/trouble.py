"""Why a camera gives no frames, in words without an address, and what to do."""

from enum import StrEnum
from typing import Self


class Trouble(StrEnum):
    """As the reader's process reports it, with advice for the site."""

    advice: str

    MISSING = "missing", "no such device, file or folder: look at camera.source"
    BUSY = "busy", "another program uses the device"
    FORBIDDEN = (
        "forbidden",
        "this user may not open it: give the lane's user the right, such as the group video",
    )
    UNREACHABLE = "unreachable", "nobody answers there: look at address, cable and power"
    CREDENTIALS = "credentials", "user or password is refused: look at camera.user and camera.password"
    NOT_FOUND = "not-found", "the camera answers, but has no such stream: look at the path in camera.source"
    NO_VIDEO = "no-video", "what comes is no video that can be read, or asks for options that it has not"
    TOO_LARGE = "too-large", "its pictures have more pixels than camera.max_pixels"
    SEGMENTED = "segmented", "it comes in segments, seconds late: name the camera's RTSP or MJPEG stream"
    CUT = "cut", "the stream was cut"
    BEHIND = "behind", "its frames come later and later: network or reader is too slow for it"
    ENDED = "ended", "it has ended"
    BROKEN = "broken", "it cannot be read"
    # As the watchdog reports it:
    STALLED = "stalled", "no whole frame in time"
    DIED = "died", "its reader was killed"

    def __new__(cls, word: str, advice: str = "") -> Self:
        trouble = str.__new__(cls, word)
        trouble._value_, trouble.advice = word, advice
        return trouble


class TroubleError(Exception):
    """Ends the reader's process, which reports this."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
