"""Tests of `lane.ledger.chain`."""
