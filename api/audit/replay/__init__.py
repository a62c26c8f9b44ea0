"""The state of the desk as the ledger alone tells it, entry by entry."""
