"""The tree over the desk's chain, in tiles of 256 hashes: an append costs nothing, a proof a few rows.

Leaf i is entry i + 1, by its hash. Tiles hold nothing that the entries do not say: `verify` makes them anew.
"""

import hashlib
from collections.abc import Iterator

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from api.platform.database.tables import LedgerRow, TileRow
from api.platform.errors import StoreError
from lane.ledger import merkle

WIDTH = 256
LEVELS = 8
"""A tile spans so many levels of the tree."""
_HASH = 32


def grow(session: Session, size: int) -> None:
    """Write what the entry `size` completes. Called with each entry, in its transaction."""
    if size % WIDTH == 0:
        leaves = _leaves(session, size - WIDTH, size)
        number = size // WIDTH - 1
        session.execute(insert(TileRow).values(level=0, number=number, hashes=b"".join(leaves)))
        _put_above(session, 1, number, merkle.root_of_complete(leaves))


def _put_above(session: Session, level: int, place: int, root: bytes) -> None:
    number, within = divmod(place, WIDTH)
    tile = session.get(TileRow, (level, number))
    if tile is None:
        tile = TileRow(level=level, number=number, hashes=b"")
        session.add(tile)
    tile.hashes += root
    session.flush()
    if within == WIDTH - 1:
        _put_above(session, level + 1, number, merkle.root_of_complete(split(tile.hashes)))


class Tree:
    """The tree as it is stored, read tile by tile; each tile once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries."""
        return merkle.root(self.node, size)

    def leaf(self, seq: int) -> bytes:
        return self.node(0, seq - 1)

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """The proof that the entry `seq` is among the first `size`."""
        return merkle.inclusion(self.node, seq - 1, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the first `first` of `second` entries are those of the smaller tree."""
        return merkle.consistency(self.node, first, second)

    def node(self, level: int, number: int) -> bytes:
        """The hash of a complete subtree. Raises StoreError where its tile is not there."""
        tile_level, above = divmod(level, LEVELS)
        tile, first = divmod(number << above, WIDTH)
        found = self._tile(tile_level, tile)[first : first + (1 << above)]
        if len(found) != 1 << above:
            raise StoreError("the ledger's tree lacks a part: run `python -m api ledger verify`")
        return merkle.root_of_complete(found)

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self._tiles:
            row = self._session.get(TileRow, (level, number))
            self._tiles[level, number] = split(row.hashes) if row else self._partial(level, number)
        return self._tiles[level, number]

    def _partial(self, level: int, number: int) -> list[bytes]:
        """The last tile of leaves, which is not written yet: from the entries themselves."""
        first = number * WIDTH
        return _leaves(self._session, first, first + WIDTH) if level == 0 else []


class RebuiltTree:
    """All tiles, made again from the leaves while somebody walks the ledger: what the stored ones must be."""

    def __init__(self) -> None:
        self.size = 0
        self._open: list[list[bytes]] = [[]]
        self._closed: dict[tuple[int, int], bytes] = {}

    def add(self, leaf: bytes) -> None:
        self.size += 1
        self._open[0].append(leaf)
        if len(self._open[0]) == WIDTH:
            self._close(0)

    def _close(self, level: int) -> None:
        hashes, self._open[level] = self._open[level], []
        self._closed[level, self.size // WIDTH ** (level + 1) - 1] = digest(b"".join(hashes))
        if level + 1 == len(self._open):
            self._open.append([])
        self._open[level + 1].append(merkle.root_of_complete(hashes))
        if len(self._open[level + 1]) == WIDTH:
            self._close(level + 1)

    def root(self) -> bytes:
        growing = [merkle.Growing(hashes) for hashes in reversed(self._open)]
        peaks = [peak for one in growing for peak in one.peaks]
        return merkle.fold(peaks) if peaks else merkle.EMPTY

    def tiles(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Each tile that is to be stored: level and number, and the digest of its hashes."""
        yield from self._closed.items()
        for level, hashes in enumerate(self._open):
            if level and hashes:
                yield (level, self.size // WIDTH ** (level + 1)), digest(b"".join(hashes))


def digest(hashes: bytes) -> bytes:
    """A tile in 32 bytes: all tiles of a long ledger would not fit into memory."""
    return hashlib.sha256(hashes).digest()


def split(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + _HASH] for start in range(0, len(hashes), _HASH)]


def _leaves(session: Session, after: int, through: int) -> list[bytes]:
    rows = select(LedgerRow.hash).where(LedgerRow.seq > after, LedgerRow.seq <= through)
    found = session.scalars(rows.order_by(LedgerRow.seq))
    return [merkle.leaf_hash(bytes.fromhex(entry)) for entry in found]
