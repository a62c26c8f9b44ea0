"""The nodes of a Merkle tree whose leaves are all at hand."""

from collections.abc import Sequence

from lane.ledger.merkle import Nodes, node_hash


def nodes_of_leaves(leaves: Sequence[bytes]) -> Nodes:
    def node(level: int, number: int) -> bytes:
        if level == 0:
            return leaves[number]
        return node_hash(node(level - 1, 2 * number), node(level - 1, 2 * number + 1))

    return node
