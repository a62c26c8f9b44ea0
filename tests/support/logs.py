"""Logs as they were before: a command that a test runs in its own process sets them up for good."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def kept_logs() -> Iterator[None]:
    root, desk = logging.getLogger(), logging.getLogger("api")
    handlers, levels, hook = root.handlers[:], (root.level, desk.level), threading.excepthook
    structured = structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        desk.setLevel(levels[1])
        threading.excepthook = hook
        structlog.configure(**structured)
