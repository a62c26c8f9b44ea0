"""What can go wrong in a benchmark: said to a person."""


class BenchmarkError(Exception):
    """A benchmark cannot start or cannot be believed; the message says why and what to do."""


class LibraryMissingError(BenchmarkError):
    """Another library, or its weights, is not installed here: it is skipped with this reason."""


class CeilingError(BenchmarkError):
    """A ceiling does not run or answers wrongly here, so its time is worth nothing."""
