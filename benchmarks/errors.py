"""What can go wrong in a benchmark: said to a person."""


class BenchmarkError(Exception):
    """A benchmark cannot start or cannot be believed; the message says why and what to do."""


class CeilingError(BenchmarkError):
    """A ceiling does not run or answers wrongly here, so its time is worth nothing."""
