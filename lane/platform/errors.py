"""What can go wrong in a lane.

LaneError
├── CameraError            the camera gives no frames
├── DocumentError          the document cannot be read
├── NobodyYetError         nobody has presented a document so far
├── GateFaultError         the gate did not obey a command
├── LedgerBrokenError      an entry was changed, is missing, was moved or cut off
├── JournalError           the lane's ledger and outbox cannot be read or written
│   └── JournalInUseError  another process has them
├── PolicyError            the policy is unreadable, incomplete or for another matcher
├── CalibrationError       a calibration is unreadable, garbled, or shows too little for what is asked
├── TransitionError        a step that the passage's state does not allow
├── SettingsError          a setting is missing or wrong
├── StoppedError           the lane was stopped while a passage waits for an officer
├── RecordingError         a recording cannot be made, or is not whole, or has another key
├── PictureError           a picture that cannot be used: names the file and says why
├── PhotosError            the demo's photographs are not there or were changed
└── DeskError              the desk has not got it: the outbox keeps it
    ├── NetworkLostError   S02: nobody answers at the desk's address
    ├── DeskLostError      S03: the desk answers that it cannot, or too late
    └── DeskRefusedError   the desk understood and says no: token, broken chain
        └── DeskBehindError   the desk has less of this lane's chain than it had before
"""

RESTORED = (
    "where it was restored from a backup, stop this lane and say so: `python -m lane accept-desk SEQ:HASH`"
)


class LaneError(Exception):
    """Anything that `lane` raises on purpose."""


class CameraError(LaneError): ...


class DocumentError(LaneError): ...


class NobodyYetError(LaneError): ...


class GateFaultError(LaneError): ...


class LedgerBrokenError(LaneError): ...


class JournalError(LaneError): ...


class JournalInUseError(JournalError): ...


class PolicyError(LaneError): ...


class CalibrationError(LaneError): ...


class TransitionError(LaneError): ...


class SettingsError(LaneError): ...


class StoppedError(LaneError): ...


class RecordingError(LaneError): ...


class PictureError(LaneError): ...


class PhotosError(LaneError): ...


class DeskError(LaneError): ...


class NetworkLostError(DeskError): ...


class DeskLostError(DeskError): ...


class DeskRefusedError(DeskError): ...


class DeskBehindError(DeskRefusedError):
    """The desk has less of this lane's chain than it had before: up to the entry `seq` with this `hash`."""

    def __init__(self, seq: int, hash_: str) -> None:
        super().__init__(f"the desk has this lane's chain up to entry {seq} alone; {RESTORED}")
        self.seq, self.hash = seq, hash_
