"""What a look at one of a lane's devices found: for `python -m lane check`, before passengers come."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    device: str
    """A word of the site's, such as `camera`."""
    ok: bool
    said: str
    """What was found, or what to do; one line, no secret, no face, no number of a document."""
