"""The HTTP interface, JSON."""
