"""What can go wrong in a benchmark: one kind, said to a person."""


class BenchmarkError(Exception):
    """A benchmark cannot start or cannot be believed; the message says why and what to do."""
