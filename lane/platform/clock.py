"""The machine's clocks, and one for simulations that can skip time instead of waiting."""

import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one to tell when, one to tell how long, which never jumps."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def today(self) -> date:
        """The calendar day where the lane stands: a document's expiry is a day of that calendar."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """See `Clock`. Without a zone, the calendar is that of the machine's own time zone."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().astimezone(self._zone).date()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SkippingClock(SystemClock):
    """The machine's clock, which jumps ahead where a simulated camera skips a wait."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        super().__init__(zone)
        self._skipped_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._skipped_s)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._skipped_s

    def skip(self, seconds: float) -> None:
        self._skipped_s += seconds
