"""Whether more errors occur than are expected: an exact test, made once an hour at most.

False alarms: while the true rate is as expected, one test raises an alarm with a probability of at most
`FALSE_ALARM`. So the 24 × 366 tests of a year raise one with at most 0.9 %, for each rate, however the tests
depend on each other (union bound).

That takes one passenger's outcome to say nothing of the next one's. Of strangers this is not quite so: a
document whose photo is like many people is met by a hundred passengers. Where documents differ threefold in
this (coefficient of variation), none of 400 simulated windows raised a false alarm; where they differ tenfold
and the true rate is exactly what is expected at most, one in twenty did. And after a lane got a stricter
calibration, what it counted by the laxer one is held against the stricter limit until the window has passed.
"""

from dataclasses import dataclass

from lane.evaluation.intervals import chance

FALSE_ALARM = 1e-6
"""The probability of a false alarm, for one test."""
FEWEST_ERRORS = 3
FEWEST_PASSENGERS = 30


@dataclass(frozen=True, slots=True)
class Trials:
    """Passengers of a window, how many of them went wrong, and the share of whom that is expected."""

    errors: int
    passengers: int
    expected: float

    @property
    def expected_errors(self) -> float:
        """The mean where the share is as expected."""
        return self.passengers * self.expected

    @property
    def chance(self) -> float:
        """How often so many errors or more come by chance where all is as expected."""
        return chance(self.errors, self.passengers, self.expected)

    @property
    def alarming(self) -> bool:
        """Whether there are more errors than chance explains, and enough of them to judge."""
        enough = self.errors >= FEWEST_ERRORS and self.passengers >= FEWEST_PASSENGERS
        return enough and self.errors >= self.expected_errors + 1 and self.chance <= FALSE_ALARM

    @property
    def clean(self) -> bool:
        """Whether there are no more errors than expected."""
        return self.errors <= self.expected_errors


def of_strangers(matched: int, passengers: int, compared: int, limit: float) -> Trials:
    """Of `passengers`, `matched` would have passed with the document of one stranger or more.

    Each was compared with several, `compared` in all, and what comes of these comparisons hangs together: a
    face that is like many matches many. So passengers are counted, not comparisons. One of them matches any
    of its n strangers with a probability of at most n times `limit`, however the n hang together (union
    bound); and so many of them, or more, come at most as often as with the mean of all these probabilities
    for each (Hoeffding 1956, from one error above the mean on).
    """
    expected = min(1.0, limit * compared / passengers) if passengers else 0.0
    return Trials(matched, passengers, expected)


def of_holders(unrecognised: int, recognised: int, limit: float) -> Trials:
    """Of all holders, `unrecognised` did not match their own document."""
    return Trials(unrecognised, unrecognised + recognised, limit)
