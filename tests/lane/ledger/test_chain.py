"""Whatever is changed, missing, moved or cut off is found."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.ledger.chain import verify
from lane.ledger.entry import GENESIS, Entry, Head, follow, read
from lane.platform.errors import LedgerBrokenError

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
Stored = list[tuple[str, str]]


ENTRIES: list[Entry] = []
for number in range(8):
    head = ENTRIES[-1].head if ENTRIES else GENESIS
    body = {"passage": f"p{number}", "measure": {"value": number / 7}, "说明": "中文"}
    ENTRIES.append(follow(head, chain="lane-1", at=AT, kind="passage.started", body=body))
STORED: Stored = [(entry.payload, entry.hash) for entry in ENTRIES]
HEAD = ENTRIES[-1].head


def test_untouched_chain_verifies_to_head() -> None:
    assert verify(STORED, chain="lane-1", witnessed=[HEAD, ENTRIES[2].head, GENESIS]) == HEAD
    assert verify([], chain="lane-1", witnessed=[GENESIS]) == GENESIS


@given(st.data())
def test_every_one_bit_change_is_found(data: st.DataObject) -> None:
    """Of any stored byte."""
    index = data.draw(st.integers(0, len(STORED) - 1))
    column = data.draw(st.integers(0, 1))
    content = bytearray(STORED[index][column].encode())
    place = data.draw(st.integers(0, len(content) * 8 - 1))
    content[place // 8] ^= 1 << place % 8
    row = list(STORED[index])
    row[column] = content.decode("utf-8", "surrogateescape")
    tampered = [*STORED[:index], (row[0], row[1]), *STORED[index + 1 :]]
    with pytest.raises(LedgerBrokenError):
        verify(tampered, chain="lane-1", witnessed=[HEAD])


@given(st.permutations(range(len(STORED))), st.integers(0, len(STORED)))
def test_every_reordering_or_removal_is_found(order: list[int], kept: int) -> None:
    tampered = [STORED[index] for index in order[:kept]]
    if tampered == STORED:
        assert verify(tampered, chain="lane-1", witnessed=[HEAD]) == HEAD
    else:
        with pytest.raises(LedgerBrokenError):
            verify(tampered, chain="lane-1", witnessed=[HEAD])


def rewritten() -> Stored:
    """As a whole, from the fifth entry on."""
    other = follow(ENTRIES[3].head, chain="lane-1", at=AT, kind="gate.opening", body={})
    return [*STORED[:4], (other.payload, other.hash)]


@pytest.mark.parametrize(
    ("stored", "lane", "witnessed", "said"),
    [
        (rewritten(), "lane-1", [ENTRIES[4].head], "not the one that was witnessed"),
        (STORED[:-1], "lane-1", [HEAD], "cut off"),
        (STORED, "lane-1", [Head(HEAD.seq, "f" * 64), HEAD], "witnessed"),
        (STORED, "lane-2", [], "belongs to chain"),
    ],
    ids=["rewritten", "cut off", "witnesses disagree", "another lane's"],
)
def test_fault_is_named(stored: Stored, lane: str, witnessed: list[Head], said: str) -> None:
    with pytest.raises(LedgerBrokenError, match=said):
        verify(stored, chain=lane, witnessed=witnessed)


def test_well_hashed_non_entry_is_refused() -> None:
    """Content that hashes right but is not an entry."""
    payload = '{"seq": 1}'
    with pytest.raises(LedgerBrokenError, match="form of a ledger entry"):
        read(payload, hashlib.sha256(payload.encode()).hexdigest())


def test_entry_needs_aware_time_finite_numbers() -> None:
    with pytest.raises(ValueError, match="aware"):
        follow(GENESIS, chain="lane-1", at=AT.replace(tzinfo=None), kind="x", body={})
    with pytest.raises(ValueError, match="not JSON compliant"):
        follow(GENESIS, chain="lane-1", at=AT, kind="x", body={"score": float("nan")})
