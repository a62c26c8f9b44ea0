"""Bind what is measured to so many cores, as on a machine that has no more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def bound(count: int) -> Iterator[None]:
    """This thread, and all threads and processes that begin meanwhile; OpenCV's own threads likewise.

    Where there are no more cores, or the system cannot bind, nothing is bound.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if count >= len(allowed):
        yield
        return
    threads = cv2.getNumThreads()
    os.sched_setaffinity(0, allowed[:count])
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        cv2.setNumThreads(threads)
