"""The desk's ledger: the chain of entries, the Merkle tree over it, signed heads, proofs, search."""
