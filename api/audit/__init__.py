"""What auditors do: search, replay, verify, export, witness."""
