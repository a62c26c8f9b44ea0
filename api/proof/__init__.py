"""The ledger for those who trust no desk: files, the verifier of one file, the witness."""
