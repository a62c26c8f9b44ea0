"""What the demo shows on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lane.decision.reason_codes import Reason
from lane.decision.referral import Answer
from lane.demo.passengers import Passenger
from lane.passage.station import PassageReport
from lane.service.terminal import OUTCOME

_STAGES = ("detect", "quality", "align", "embed", "compare", "decide")
_ANSWERS = {
    Answer.ADMIT: "admit",
    Answer.SECOND_LINE: "secondary inspection",
    Answer.REPEAT_CAPTURE: "capture again",
    Answer.OTHER_AGENCY: "other agency",
}


class Terminal:
    def __init__(self, console: Console, *, headless: bool) -> None:
        self._console = console
        self._headless = headless
        self._address = ""

    def ready(self, address: str, sign_ins: Mapping[str, str]) -> None:
        """The desk runs at this address, with these one-time passwords by name."""
        self._address = address
        say = self._console.print
        say(f"[bold]Officer's desk[/]   {address}", highlight=False)
        if self._headless:
            say("a scripted officer decides", style="dim")
        else:
            say("sign in as       with the one-time password (this run only)", style="dim")
            for name, password in sign_ins.items():
                say(f"[bold]{name:15}[/]  [bold]{password}[/]", highlight=False)
        say("\nTimes are milliseconds a frame, in brackets of the passage with its document.", style="dim")
        say()

    def screen(self, address: str) -> None:
        self._console.print(f"[bold]Traveller's screen[/]  {address}\n", highlight=False)

    def enters(self, number: int, passenger: Passenger) -> None:
        self._console.print(f"{number}  [bold]{passenger.name}[/]: {passenger.story}", highlight=False)

    def asks_officer(self) -> None:
        if not self._headless:
            text = f"   waiting behind a closed gate: decide at {self._address}"
            self._console.print(text, style="yellow", highlight=False)

    def passed(self, report: PassageReport) -> None:
        """One line with outcome, reasons and the time of each stage."""
        word, colour = OUTCOME[report.outcome]
        line = Text("   ")
        line.append(f"{word:6}", style=f"bold {colour}")
        gate = "gate opened" if report.gate_opened else "gate closed"
        officer = f"officer: {_ANSWERS[report.officer]}" if report.officer else ""
        parts = [_codes(report.reasons), officer, gate]
        line.append("  ".join(part for part in parts if part))
        if report.remarks:
            line.append(f"  signalled: {_codes(report.remarks)}", style="dim")
        self._console.print(line, soft_wrap=True)
        self._console.print(f"   {_times(report)}", style="dim", soft_wrap=True, highlight=False)

    def stays(self) -> None:
        text = "Everybody is through. Desk and traveller's screen go on; Ctrl-C ends the demo."
        self._console.print(f"\n[bold]{text}[/]", soft_wrap=True, highlight=False)

    def ended(self, summary: dict[str, Any]) -> None:
        table = Table("passenger", "outcome", "reasons", "officer", "gate", box=None, header_style="dim")
        for line in summary["passages"]:
            gate = "opened" if line["gate_opened"] else "closed"
            officer = _ANSWERS[Answer(line["officer"])] if line["officer"] else ""
            table.add_row(line["passenger"], line["outcome"], " ".join(line["reasons"]), officer, gate)
        ledger = summary["ledger"]
        self._console.print()
        self._console.print(table)
        held = "verified" if ledger["verified"] else "[bold red]BROKEN[/]"
        self._console.print(f"\nledger: {ledger['entries']} entries, {held}", highlight=False)


def _times(report: PassageReport) -> str:
    """Milliseconds of each stage: a frame, and in brackets in all. Who was not captured has no frame."""
    totals_ms = {stage: report.timings_ms.get(stage, 0.0) for stage in _STAGES}
    if not report.frames:
        return "no frame: " + " · ".join(f"{stage} ({ms:.1f})" for stage, ms in totals_ms.items()) + " ms"
    each = (f"{stage} {ms / report.frames:.1f} ({ms:.1f})" for stage, ms in totals_ms.items())
    return f"{report.frames} frames: " + " · ".join(each) + " ms"


def _codes(reasons: tuple[Reason, ...]) -> str:
    """`F04 quality [sharpness]`: the code, what it is called, and what it is about."""
    return ", ".join(_words(reason) for reason in reasons)


def _words(reason: Reason) -> str:
    called = reason.code.name.lower().replace("_", " ")
    about = f" [{', '.join(reason.components)}]" if reason.components else ""
    return f"{reason.code} {called}{about}"
