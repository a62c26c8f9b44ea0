"""Passwords: hashed with argon2id, few at a time, and a wrong name costs as much as a wrong password.

Whoever comes when too many are being checked is sent away at once: a flood of sign-ins must not take
the threads in which officers decide.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.errors import PasswordRefusedError, TooManyAttemptsError, TooManySignInsError
from api.settings import Argon2Cost

SHORTEST, LONGEST = 12, 256
_AT_ONCE = 2
MOST_SIGN_INS = 8
"""Sign-ins that are checked or wait for it; a check takes a fraction of a second, so none waits long."""
_ATTEMPTS = 5
_PAUSE = timedelta(minutes=1)
_NAMES_KEPT = 1024


def one_time() -> str:
    """A password that nobody could guess, to be told once."""
    return secrets.token_urlsafe(15)


def check_new(password: str, name: str) -> None:
    """Raise PasswordRefusedError unless somebody of this name may choose this password."""
    # Two letters are in many a word that is no name.
    named = len(name.encode()) > 2 and name.casefold() in password.casefold()
    if named or not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefusedError


class Passwords:
    """Hashes and checks. Argon2 takes memory on purpose, so only two checks run at the same time."""

    def __init__(self, cost: Argon2Cost) -> None:
        hasher = Argon2Hasher(
            time_cost=cost.time_cost, memory_cost=cost.memory_kib, parallelism=cost.parallelism
        )
        self._hash = PasswordHash((hasher,))
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._places = threading.BoundedSemaphore(MOST_SIGN_INS)
        self._nobody = self._hash.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return self._hash.hash(password)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of few places for sign-ins. Never waits: raises TooManySignInsError where none is free."""
        if not self._places.acquire(blocking=False):
            raise TooManySignInsError
        try:
            yield
        finally:
            self._places.release()

    def fits(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one; without a hash, the same time passes and it is not."""
        with self._turns:
            fits = self._hash.verify(password, password_hash or self._nobody)
        return fits and password_hash is not None


class Attempts:
    """Counts attempts for each name, in memory: five wrong ones in a minute, then a minute's pause.

    An attempt counts before its password is checked, so that guesses at the same moment count too.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, name: str) -> None:
        """Count one attempt. Raises TooManyAttemptsError while the name pauses."""
        with self._lock:
            recent = self._recent(name)
            if len(recent) >= _ATTEMPTS:
                raise TooManyAttemptsError
            self._wrong[name] = [*recent, self._clock()]
            self._wrong.move_to_end(name)
            while len(self._wrong) > _NAMES_KEPT:
                self._wrong.popitem(last=False)

    def right(self, name: str) -> None:
        """Forget the attempts: this one was no guess."""
        with self._lock:
            self._wrong.pop(name, None)

    def _recent(self, name: str) -> list[datetime]:
        since = self._clock() - _PAUSE
        return [at for at in self._wrong.get(name, []) if at > since]
