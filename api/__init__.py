"""The desk: officers, their queue and decisions, and the ledger; it never touches a gate."""
