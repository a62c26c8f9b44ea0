"""The entries of a ledger as a chain: what is changed, missing, moved or cut off is found."""

from collections.abc import Iterable

from lane.ledger.entry import GENESIS, Entry, Head, check_hash, read
from lane.platform.errors import LedgerBrokenError


def check_follows(head: Head, entry: Entry, *, chain: str) -> Head:
    """The new head, or LedgerBrokenError that names the place where the chain breaks."""
    if entry.chain != chain:
        raise LedgerBrokenError(f"entry {entry.seq} belongs to chain {entry.chain}, not to {chain}")
    if entry.seq != head.seq + 1:
        raise LedgerBrokenError(f"after entry {head.seq} comes {entry.seq}: an entry is missing or moved")
    if entry.previous != head.hash:
        raise LedgerBrokenError(
            f"entry {entry.seq} does not follow entry {head.seq}: one of them was replaced"
        )
    return entry.head


def check_bytes(head: Head, payload: str, hash_: str) -> Head:
    """Check hash and chain alone, on the bytes: a payload ends with what it follows. Ten times as fast.

    The last hash then still fixes every byte of every entry before it; what they say is not looked at.
    """
    check_hash(payload, hash_)
    # In canonical JSON these two keys come last, so this is no part of a body.
    if not payload.endswith(f',"previous":"{head.hash}","seq":{head.seq + 1}}}'):
        raise LedgerBrokenError("an entry is missing, was moved or replaced: it does not follow")
    return Head(head.seq + 1, hash_)


def verify(
    stored: Iterable[tuple[str, str]],
    *,
    chain: str,
    witnessed: Iterable[Head] = (),
    whole: bool = True,
) -> Head:
    """Walk (payload, hash) pairs in stored order and return the head; not `whole`: see `check_bytes`.

    `witnessed` are heads that somebody kept elsewhere: each must be found on the way, so that a chain
    which was cut off or rewritten as a whole is found too. Raises LedgerBrokenError at the first fault.
    """
    due: dict[int, set[str]] = {}
    for witness in witnessed:
        due.setdefault(witness.seq, set()).add(witness.hash)
    due.pop(0, None)  # the beginning needs no witness
    head = GENESIS
    for payload, hash_ in stored:
        try:
            if whole:
                head = check_follows(head, read(payload, hash_), chain=chain)
            else:
                head = check_bytes(head, payload, hash_)
        except LedgerBrokenError as error:
            raise LedgerBrokenError(f"chain {chain}, after entry {head.seq}: {error}") from error
        if due.pop(head.seq, {head.hash}) != {head.hash}:
            raise LedgerBrokenError(f"chain {chain}: entry {head.seq} is not the one that was witnessed")
    if due:
        raise LedgerBrokenError(
            f"chain {chain} is cut off: it ends at {head.seq}, witnessed up to {max(due)}"
        )
    return head
