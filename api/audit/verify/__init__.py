"""The ledger held against itself, against the tables, and against the faces that are kept."""
