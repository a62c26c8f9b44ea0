"""Passwords: hashed with argon2id, few at a time, and a wrong name costs as much as a wrong password.

A sign-in beyond that number is refused at once: a flood of sign-ins must not take the threads in which
officers decide.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.platform.errors import PasswordRefusedError, TooManySignInsError
from api.platform.settings import Argon2Cost

SHORTEST, LONGEST = 12, 256
_AT_ONCE = 2
MOST_SIGN_INS = 8
"""Sign-ins that are checked or wait for it; a check takes a fraction of a second, so none waits long."""


def one_time_password() -> str:
    """A random password, shown once."""
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
        """Whether the password fits; without a hash it does not, after the same time."""
        with self._turns:
            fits = self._hash.verify(password, password_hash or self._nobody)
        return fits and password_hash is not None
