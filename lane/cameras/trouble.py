"""Why a camera gives no frames, in words without an address, and what to do."""

from enum import StrEnum


class Trouble(StrEnum):
    """As the reader's process reports it."""

    MISSING = "missing"
    BUSY = "busy"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    CREDENTIALS = "credentials"
    NOT_FOUND = "not-found"
    CERTIFICATE = "certificate"
    NO_VIDEO = "no-video"
    TOO_LARGE = "too-large"
    SEGMENTED = "segmented"
    CUT = "cut"
    BEHIND = "behind"
    ENDED = "ended"
    BROKEN = "broken"
    # As the watchdog says it:
    STALLED = "stalled"
    DIED = "died"


TROUBLE_TEXTS = {
    Trouble.MISSING: "no such device, file or folder: look at camera.source",
    Trouble.BUSY: "another program uses the device",
    Trouble.FORBIDDEN: "this user may not open it: give the lane's user the right, such as the group video",
    Trouble.UNREACHABLE: "nobody answers there: look at address, cable and power",
    Trouble.CREDENTIALS: "user or password is refused: look at camera.user and camera.password",
    Trouble.NOT_FOUND: "the camera answers, but has no such stream: look at the path in camera.source",
    Trouble.CERTIFICATE: "no trusted connection: name the site's authority in camera.authorities",
    Trouble.NO_VIDEO: "what comes is no video that can be read, or asks for options that it has not",
    Trouble.TOO_LARGE: "its pictures have more pixels than camera.max_pixels",
    Trouble.SEGMENTED: "it comes in segments, seconds late: name the camera's RTSP or MJPEG stream",
    Trouble.CUT: "the stream was cut",
    Trouble.BEHIND: "its frames come later and later: network or reader is too slow for it",
    Trouble.ENDED: "it has ended",
    Trouble.BROKEN: "it cannot be read",
    Trouble.STALLED: "no whole frame in time",
    Trouble.DIED: "its reader was killed",
}


class TroubleError(Exception):
    """Ends the reader's process, which reports this."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
