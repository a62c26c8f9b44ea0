"""What a lane does when something of it fails: a table, written by `python -m
tests.support.lane.failure_table`.

A row stands beside the test that makes the thing fail. What the row claims is compared with what happened.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

from lane.decision.reason_codes import Code

README = Path(__file__).parents[3] / ".deploy" / "README.md"
TITLE = "## When something fails"
SAFE_WITHIN_S = 2.0
"""So soon after the fault the gate is shut, and proved to be."""

Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Row:
    fails: str
    codes: tuple[Code, ...]
    does: str
    until: str
    test: str

    def said(self) -> str:
        codes = " ".join(code.value for code in self.codes) or "–"
        return f"| {self.fails} | {codes} | {self.does} | {self.until} | {self.test.replace('_', ' ')} |"


@dataclass(frozen=True, slots=True)
class Seen:
    codes: Iterable[Code]
    """Of the passenger in whose passage it failed."""
    openings: int
    """How often the gate opened for that passenger; an officer's *admit* apart."""
    shut_after_s: float = 0.0
    """How long after the fault the gate was shut."""


ROWS: list[Row] = []


def degraded(
    fails: str, *codes: Code, does: str, until: str
) -> Callable[[Callable[Given, Seen]], Callable[Given, None]]:
    """Mark the test of one degraded mode: it returns what it saw, and the table says no other."""

    def mark(test: Callable[Given, Seen]) -> Callable[Given, None]:
        ROWS.append(Row(fails, codes, does, until, test.__name__.removeprefix("test_")))

        @functools.wraps(test)
        def run(*given: Given.args, **named: Given.kwargs) -> None:
            seen = test(*given, **named)
            found = sorted(map(str, seen.codes))
            assert found == sorted(map(str, codes)), found
            assert seen.openings == 0
            assert seen.shut_after_s <= SAFE_WITHIN_S

        return run

    return mark


def table() -> str:
    """The section of `.deploy/README.md`."""
    lines = [
        TITLE,
        "",
        "The gate is shut unless it is proved that it may be open, so each of these is safe at once, and "
        "within two seconds at most. `make test ARGS=tests/lane/service/test_failures.py` makes each "
        "happen, and holds this table against what it saw. Codes are the case's reasons "
        "(`lane/decision/reason_codes.py`).",
        "",
        "| what fails | code | what the lane does | until | test |",
        "|---|---|---|---|---|",
        *(row.said() for row in ROWS),
    ]
    return "\n".join(lines) + "\n"


def section(readme: str) -> str:
    found = re.search(rf"^{re.escape(TITLE)}\n.*?(?=^## )", readme, re.MULTILINE | re.DOTALL)
    return found.group(0).rstrip("\n") + "\n" if found else ""


def main() -> None:
    from tests.lane.service.test_failures import said  # noqa: PLC0415  the rows stand beside its tests

    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(section(text), said()), encoding="utf-8")


if __name__ == "__main__":
    main()
