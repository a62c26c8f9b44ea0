"""A page that stands for a browser: it asks for state and pictures, and ends with who opened it."""

import select

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.harness.kiosk_page import open_page
from lane.capture.guidance import Instruction
from tests.support.http_service import answering
from tests.support.lane.kiosk_process import kiosk
from tests.support.processes import until


def test_page_gets_state_and_pictures() -> None:
    with kiosk() as shown, open_page(shown.address) as page:
        shown.kiosk(Instruction.LOOK)
        until(lambda: shown.write() and select.select([page.output], [], [], 0)[0])
        assert page.output.readline() == b"picture\n"
        assert page.process.poll() is None
    assert page.process.poll() is not None


def test_ended_page_is_an_error() -> None:
    def open_and_kill(address: str) -> None:
        with open_page(address) as page:
            page.process.kill()
            page.process.wait()

    with kiosk() as shown, pytest.raises(BenchmarkError, match="did not stay open"):
        open_and_kill(shown.address)


def test_page_ends_with_a_thread_that_fails() -> None:
    with answering(b"{}") as (address, _), pytest.raises(BenchmarkError, match="does not open"):
        open_page(address).__enter__()
