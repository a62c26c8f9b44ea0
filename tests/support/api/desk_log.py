"""The log of a desk in this process, as it would come to standard error."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
import structlog

from api.serving import logs


@contextmanager
def everything_logged(known: tuple[str, ...] = ()) -> Iterator[StringIO]:
    """What a desk in this process logs at level debug; it knows these secrets."""
    written, root = StringIO(), logging.getLogger()
    before, level, hook = root.handlers[:], root.level, threading.excepthook
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", written)
        logs.configure("debug", known)
    try:
        yield written
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        threading.excepthook = hook
        logging.getLogger("api").setLevel(logging.NOTSET)
        structlog.reset_defaults()
