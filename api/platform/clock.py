"""The time of day."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)
