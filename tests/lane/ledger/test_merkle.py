"""The tree is that of certificate transparency, and a proof with anything changed in it proves nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.ledger import merkle
from tests.support.merkle_nodes import nodes_of_leaves

# The reference data of the certificate-transparency project for RFC 6962.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
PATHS = {
    (0, 1): (),
    (0, 8): (A, B, C),
    (5, 8): (D, E, ROOTS[4]),
    (2, 3): (ROOTS[2],),
    (1, 5): (ROOTS[1], B, D),
}
CONSISTENT = {
    (1, 1): (),
    (1, 8): (A, B, C),
    (6, 8): ("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", E, ROOTS[4]),
    (2, 5): (B, D),
}
LARGEST = 70


def many(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4)) for number in range(size)]


def root_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(root_by_definition(leaves[:split]), root_by_definition(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root(nodes_of_leaves(LEAVES), size).hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "path"), PATHS.items())
def test_inclusion_proofs_are_the_published_ones(place: tuple[int, int], path: tuple[str, ...]) -> None:
    index, size = place
    found = merkle.inclusion(nodes_of_leaves(LEAVES), index, size)
    assert tuple(part.hex() for part in found) == path
    assert merkle.includes(bytes.fromhex(ROOTS[size]), size, index, LEAVES[index], found)


@pytest.mark.parametrize(("sizes", "path"), CONSISTENT.items())
def test_consistency_proofs_are_the_published_ones(sizes: tuple[int, int], path: tuple[str, ...]) -> None:
    first, second = sizes
    found = merkle.consistency(nodes_of_leaves(LEAVES), first, second)
    assert tuple(part.hex() for part in found) == path
    assert merkle.extends(first, bytes.fromhex(ROOTS[first]), second, bytes.fromhex(ROOTS[second]), found)


def test_every_size_has_defined_root() -> None:
    leaves, growing = many(LARGEST), merkle.Growing()
    nodes = nodes_of_leaves(leaves)
    for size in range(LARGEST + 1):
        expected = root_by_definition(leaves[:size])
        assert merkle.root(nodes, size) == growing.root() == expected
        assert merkle.Growing(leaves[:size]).root() == expected
        if size.bit_count() == 1:
            assert merkle.root_of_complete(leaves[:size]) == expected
        if size < LARGEST:
            growing.add(leaves[size])


@pytest.mark.thorough
def test_every_leaf_proves_only_its_place() -> None:
    leaves = many(LARGEST)
    nodes = nodes_of_leaves(leaves)
    for size in range(1, LARGEST + 1):
        root = merkle.root(nodes, size)
        for index in range(size):
            proof = merkle.inclusion(nodes, index, size)
            places = [at for at in range(size) if merkle.includes(root, size, at, leaves[index], proof)]
            assert places == [index]


def test_every_size_begins_larger_ones() -> None:
    nodes = nodes_of_leaves(many(LARGEST))
    roots = [merkle.root(nodes, size) for size in range(LARGEST + 1)]
    for second in range(LARGEST + 1):
        for first in range(second + 1):
            proof = merkle.consistency(nodes, first, second)
            assert merkle.extends(first, roots[first], second, roots[second], proof)
            if 0 < first < second:
                assert not merkle.extends(first, roots[first - 1], second, roots[second], proof)
                assert not merkle.extends(first, roots[first], second, roots[second - 1], proof)


SIZES = st.integers(1, LARGEST)


@given(SIZES, st.data())
def test_changed_inclusion_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    nodes = nodes_of_leaves(leaves)
    index = data.draw(st.integers(0, size - 1))
    parts = [merkle.root(nodes, size), leaves[index], *merkle.inclusion(nodes, index, size)]
    assert merkle.includes(parts[0], size, index, parts[1], parts[2:])
    flip(parts, data)
    assert not merkle.includes(parts[0], size, index, parts[1], parts[2:])


@given(SIZES, st.data())
def test_changed_consistency_proof_proves_nothing(second: int, data: st.DataObject) -> None:
    nodes = nodes_of_leaves(many(second))
    first = data.draw(st.integers(1, second))
    parts = [merkle.root(nodes, first), merkle.root(nodes, second), *merkle.consistency(nodes, first, second)]
    flip(parts, data)
    assert not merkle.extends(first, parts[0], second, parts[1], parts[2:])


@given(SIZES, st.data())
def test_wrong_length_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    nodes = nodes_of_leaves(leaves)
    root = merkle.root(nodes, size)
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    included, consistent = merkle.inclusion(nodes, index, size), merkle.consistency(nodes, first, size)
    more = data.draw(st.sampled_from(leaves))
    for wrong in ([*included, more], [more, *included], *([included[:-1]] if included else [])):
        assert not merkle.includes(root, size, index, leaves[index], wrong)
    for wrong in ([*consistent, more], *([consistent[:-1]] if consistent else [])):
        assert not merkle.extends(first, merkle.root(nodes, first), size, root, wrong)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_missing_leaf_has_no_proof(index: int, size: int) -> None:
    nodes = nodes_of_leaves(many(3))
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion(nodes, index, size)
    assert not merkle.includes(merkle.EMPTY, size, index, merkle.EMPTY, [])


def flip(parts: list[bytes], data: st.DataObject) -> None:
    """Change one bit in one of the hashes."""
    which = data.draw(st.integers(0, len(parts) - 1))
    changed = bytearray(parts[which])
    changed[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    parts[which] = bytes(changed)
