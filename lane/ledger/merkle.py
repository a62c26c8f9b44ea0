"""The ledger as a Merkle tree (RFC 6962, RFC 9162): roots, and short proofs that a stranger can check.

Own code, for want of a library: pymerkle, the one that is maintained, is GPL, and what is under a free
licence is part of a certificate log's client. It is short, and it is checked against the published vectors.
A tree asks for its nodes where it needs them, so that a proof over millions of entries reads a few.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

Nodes = Callable[[int, int], bytes]
"""The hash of a complete subtree: its level (leaves are 0) and its number on that level."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: never that of a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_complete(leaves: Sequence[bytes]) -> bytes:
    """The root of a complete tree, whose leaves are a power of two: level by level, as fast as can be."""
    level = leaves
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def root(nodes: Nodes, size: int) -> bytes:
    """The root of the first `size` leaves."""
    return _range(nodes, 0, size) if size else EMPTY


def inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """What proves, with the leaf at `index`, the root of the first `size` leaves: from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    _, _, siblings = _descend(nodes, index, size, lambda low, high: high - low == 1)
    return siblings


def consistency(nodes: Nodes, first: int, second: int) -> list[bytes]:
    """What proves that the first `first` of `second` leaves are those of the smaller tree."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {first} is not the beginning of one of {second}")
    if first in (0, second):
        return []
    low, high, siblings = _descend(nodes, first - 1, second, lambda _, high: high == first)
    # Where the smaller tree is one whole subtree of the larger, its root is known already.
    return ([_range(nodes, low, high)] if low else []) + siblings


def _descend(
    nodes: Nodes, index: int, size: int, found: Callable[[int, int], bool]
) -> tuple[int, int, list[bytes]]:
    """From the root towards the leaf at `index`, down to the subtree that is `found`; its siblings upwards.

    A subtree is the range of its leaves, from the first to behind the last.
    """
    low, high, siblings = 0, size, list[bytes]()
    while not found(low, high):
        middle = low + _split(high - low)
        if index < middle:
            siblings.append(_range(nodes, middle, high))
            high = middle
        else:
            siblings.append(_range(nodes, low, middle))
            low = middle
    return low, high, siblings[::-1]


def includes(root_: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows this leaf at `index` in the tree of `size` with this root (9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    roots = _roots_of_path([leaf, *proof], index, size - 1)
    return roots is not None and roots[1] == root_


def extends(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the larger tree begins with the smaller one (9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        same = first_root == (second_root if first else EMPTY)
        return same and not proof
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _roots_of_path(path, place, last) == (first_root, second_root)


def _roots_of_path(path: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes] | None:
    """The roots of the tree up to `place` and of that up to `last`, from the first hash of the path upwards.

    None where the path is too short or too long.
    """
    if not path:
        return None
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            place, last = _up_to_a_right_turn(place, last)
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _up_to_a_right_turn(place: int, last: int) -> tuple[int, int]:
    while not place & 1 and place:
        place, last = place >> 1, last >> 1
    return place, last


class Growing:
    """A root that grows leaf by leaf and keeps one hash a level: for whoever walks a whole ledger."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self.peaks: list[bytes] = []
        """The roots of the complete subtrees so far, from left to right."""
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        self.size += 1
        size = self.size
        while not size & 1:
            leaf = hashlib.sha256(b"\x01" + self.peaks.pop() + leaf).digest()
            size >>= 1
        self.peaks.append(leaf)

    def root(self) -> bytes:
        return fold(self.peaks) if self.peaks else EMPTY


def fold(peaks: Iterable[bytes]) -> bytes:
    """The root over complete subtrees of falling size, from left to right."""
    *rest, found = peaks
    for peak in reversed(rest):
        found = node_hash(peak, found)
    return found


def _range(nodes: Nodes, low: int, high: int) -> bytes:
    """The hash over the leaves from `low` to before `high`, a range as the tree divides it."""
    peaks = []
    while low < high:
        level = (high - low).bit_length() - 1
        peaks.append(nodes(level, low >> level))
        low += 1 << level
    return fold(peaks)


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
