"""How long it takes to verify a ledger: `python -m tests.support.api.measure_ledger [ENTRIES]`.

Makes a database as a busy site's lanes would have filled it, outside of what is measured, and then runs
`python -m api ledger verify`, by hashes and whole, on one core.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import insert

from api.lanes import tokens
from api.ledger import chain, proofs, search_index, tree
from api.ledger.tree_head import key_at
from api.platform.database.database import Database
from api.platform.database.tables import HeadRow, LaneRow, LedgerRow, TermRow
from lane.ledger.entry import Head, follow

_AT_ONCE = 5_000
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def fill(path: Path, entries: int) -> None:
    """Write a database of that many entries, with tiles, and signed at its end."""
    database = Database(path)
    database.migrate()
    with database.write() as session:
        tokens.add(session, "lane-1", at=_STARTED)
        proofs.announce_key(session, key_at(path.with_name("key")), at=_STARTED)
        head = chain.head(session)
    inner = Head(0, "0" * 64)
    said = _passages()
    while head.seq < entries:
        with database.write() as session:
            wanted = min(_AT_ONCE, entries - head.seq)
            rows: list[dict[str, object]] = []
            found_by: list[dict[str, object]] = []
            for kind, body, at in islice(said, wanted):
                fact = follow(inner, chain="lane-1", at=at, kind=kind, body=body)
                inner = fact.head
                received = {"chain": "lane-1", "payload": fact.payload, "hash": fact.hash}
                entry = follow(head, chain=chain.CHAIN, at=at, kind="entry.received", body=received)
                head = entry.head
                derived = chain.derived(entry, fact)
                rows.append({"payload": entry.payload, "hash": entry.hash, **derived})
                found_by += search_index.terms_of(entry, fact)
            session.execute(insert(LedgerRow), rows)
            session.execute(insert(TermRow), found_by)
            for size in range(head.seq - len(rows) + 1, head.seq + 1):
                tree.grow(session, size)
            session.merge(HeadRow(chain=chain.CHAIN, seq=head.seq, hash=head.hash))
    with database.write() as session:
        row = session.get_one(LaneRow, "lane-1")
        row.head_seq, row.head_hash = inner.seq, inner.hash
    with database.write() as session:
        proofs.sign_head(session, key_at(path.with_name("key")), at=datetime.now(UTC))
    database.close()


def _passages() -> Iterator[tuple[str, dict[str, object], datetime]]:
    """What a lane tells, passenger after passenger, without end."""
    number = 0
    while True:
        number += 1
        passage, at = f"passage-{number}", _STARTED + timedelta(seconds=15 * number)
        yield "passage.started", {"passage": passage}, at
        evidence = {"similarity": {"value": 0.61}, "quality": {"sharpness": {"value": 0.5}}}
        judged: dict[str, object] = {"passage": passage, "outcome": "admit", "reasons": []}
        judged |= {"evidence": evidence, "images": []}
        yield "passage.judged", judged, at + timedelta(seconds=3)
        yield "gate.opening", {"passage": passage, "because": "verdict"}, at + timedelta(seconds=3)
        yield "passage.closed", {"passage": passage, "how": "passed_through"}, at + timedelta(seconds=9)


def timed(path: Path, *more: str) -> tuple[float, float, str]:
    """Seconds of one command on the clock and on one core, and what it printed."""
    command = [sys.executable, "-m", "api", "ledger", "verify", "--database", str(path), *more]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    core_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken_s, core_s, done.stdout.strip()


def main(entries: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.sqlite3"
        fill(path, entries)
        print(f"{entries} entries, {path.stat().st_size / 1e6:.0f} MB")
        for mode in (("--quick",), ()):
            taken_s, core_s, said = timed(path, *mode)
            print(f"verify {' '.join(mode)}: {taken_s:.1f} s, {core_s:.1f} s of one core: {said}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
