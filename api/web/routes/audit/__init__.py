"""Passages, legal holds and proofs of the ledger as JSON."""
