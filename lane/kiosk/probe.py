"""Whether the traveller's screen would come up: for `python -m lane check`."""

import socket

from lane.kiosk.settings import KioskSettings
from lane.platform.finding import Finding


def probe(settings: KioskSettings) -> list[Finding]:
    """Whether the page's port is to be had on this machine."""
    try:
        with socket.create_server(("127.0.0.1", settings.port)) as listening:
            port = listening.getsockname()[1]
    except OSError as error:
        said = f"kiosk.port {settings.port}: {error.strerror}; another program, or this lane, has it already"
        return [Finding("kiosk", ok=False, said=said)]
    where = f"http://127.0.0.1:{port}/" if settings.port else "any free port"
    return [Finding("kiosk", ok=True, said=f"the traveller's screen can be served at {where}")]
