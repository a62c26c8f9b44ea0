"""The state of the desk by the ledger alone, entry by entry."""
