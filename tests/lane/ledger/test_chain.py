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


def chain(length: int, name: str = "lane-1") -> list[Entry]:
    entries, head = [], GENESIS
    for number in range(length):
        body = {"passage": f"p{number}", "measure": {"value": number / 7}, "说明": "中文"}
        entries.append(follow(head, chain=name, at=AT, kind="passage.started", body=body))
        head = entries[-1].head
    return entries


ENTRIES = chain(8)
STORED: Stored = [(entry.payload, entry.hash) for entry in ENTRIES]
HEAD = ENTRIES[-1].head


def test_untouched_chain_verifies_to_head() -> None:
    assert verify(STORED, chain="lane-1", witnessed=[HEAD, ENTRIES[2].head, GENESIS]) == HEAD


def test_empty_chain_verifies_to_beginning() -> None:
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


def test_witness_finds_rewritten_chain() -> None:
    """A chain rewritten as a whole."""
    forged = chain(8)
    other = follow(forged[3].head, chain="lane-1", at=AT, kind="gate.opening", body={})
    rewritten = [(one.payload, one.hash) for one in [*forged[:4], other]]
    with pytest.raises(LedgerBrokenError, match="not the one that was witnessed"):
        verify(rewritten, chain="lane-1", witnessed=[ENTRIES[4].head])


def test_witness_finds_cut_off_end() -> None:
    with pytest.raises(LedgerBrokenError, match="cut off"):
        verify(STORED[:-1], chain="lane-1", witnessed=[HEAD])


def test_two_witnesses_that_disagree_are_found() -> None:
    liar = Head(HEAD.seq, "f" * 64)
    with pytest.raises(LedgerBrokenError, match="witnessed"):
        verify(STORED, chain="lane-1", witnessed=[liar, HEAD])


def test_another_lanes_chain_is_refused() -> None:
    with pytest.raises(LedgerBrokenError, match="belongs to chain"):
        verify(STORED, chain="lane-2")


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
