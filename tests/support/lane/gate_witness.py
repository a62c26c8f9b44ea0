"""Who stands at a relay box and looks into the lane's ledger whenever a door opens."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from lane.ledger.entry import read
from tests.support.lane.relay_box import DoorMovement


class Witness:
    """Give it to a `RelayBox`: an opening without its own entry on disk is a breach."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.breaches: list[str] = []
        self.opened: Counter[str] = Counter()
        self._doors: Counter[tuple[str, str]] = Counter()
        self.held: set[str] = set()
        """Doors that the lane opened and that are not shut yet."""
        self.fire_s = float("-inf")
        """When there last was a fire alarm: the doors open by it, and the lane follows."""

    def __call__(self, moved: DoorMovement) -> None:
        if not moved.open:
            self.held.discard(moved.door)
        if not moved.open or moved.by != "coil" or time.monotonic() - self.fire_s < 1:
            return
        self.held.add(moved.door)
        if len(self.held) > 1:
            self.breaches.append("both doors of an airlock stood open")
        passage = self._last_opening()
        if passage is None:
            self.breaches.append("a door opened without an entry")
            return
        self.opened[passage] += 1
        self._doors[passage, moved.door] += 1
        if self._doors[passage, moved.door] > 1:
            self.breaches.append(f"a door opened twice for passage {passage}")

    def _last_opening(self) -> str | None:
        query = (
            "SELECT payload, hash FROM ledger WHERE json_extract(payload, '$.kind') = 'gate.opening' "
            "ORDER BY seq DESC LIMIT 1"
        )
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True)) as ledger:
            row = ledger.execute(query).fetchone()
        return str(read(*row).body["passage"]) if row else None
