"""The officer's page: what officers read, see and press; it decides nothing."""
