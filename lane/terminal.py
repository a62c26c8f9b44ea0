"""What the demo and a comparison look like on a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from math import floor
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lane.calibration import of_ten_thousand
from lane.cast import Passenger
from lane.checking import Finding
from lane.reasons import Reason
from lane.referral import Answer
from lane.replaying import Replayed
from lane.station import PassageReport

_STAGES = ("detect", "quality", "align", "embed", "compare", "decide")
_OUTCOME = {"admit": ("ADMIT", "green"), "refer": ("REFER", "yellow")}
_OFFICER = {None: "", Answer.ADMIT: "officer: admit", Answer.SECOND_LINE: "officer: second line"}


def show_findings(console: Console, findings: Iterable[Finding]) -> bool:
    """A line for each, as it comes; True where all is well."""
    well = True
    for one in findings:
        word, colour = ("ok", "green") if one.ok else ("FAULT", "red")
        line = Text()
        line.append(f"{word:5}  ", style=f"bold {colour}")
        line.append(f"{one.device:14} ")
        line.append(one.said)
        console.print(line, soft_wrap=True, highlight=False)
        well = well and one.ok
    return well


def show_replayed(console: Console, replayed: Iterable[Replayed]) -> None:
    """A line for each recording, and one for each difference."""
    for one in replayed:
        word, colour = ("same", "green") if one.identical else ("OTHER", "red")
        line = Text()
        line.append(f"{word:5}  ", style=f"bold {colour}")
        line.append(f"{one.file}  {one.outcome}")
        console.print(line, soft_wrap=True, highlight=False)
        for difference in one.differences:
            console.print(f"       {difference}", soft_wrap=True, highlight=False, markup=False)


class Terminal:
    """Tells a person at a terminal how the demo goes. See `lane.demo.Audience`."""

    def __init__(self, console: Console, *, headless: bool) -> None:
        self._console = console
        self._headless = headless
        self._address = ""

    def ready(self, address: str, sign_ins: Mapping[str, str]) -> None:
        """The desk runs: where, and with which names and one-time passwords."""
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
        """Where the traveller's screen is."""
        self._console.print(f"[bold]Traveller's screen[/]  {address}\n", highlight=False)

    def enters(self, number: int, passenger: Passenger) -> None:
        """Somebody presents a document."""
        self._console.print(f"{number}  [bold]{passenger.name}[/]: {passenger.story}", highlight=False)

    def asks_officer(self) -> None:
        """A passage waits for an officer."""
        if not self._headless:
            said = f"   waiting behind a closed gate: decide at {self._address}"
            self._console.print(said, style="yellow", highlight=False)

    def passed(self, report: PassageReport) -> None:
        """One line with outcome, reasons and the time of each stage."""
        word, colour = _OUTCOME[report.outcome]
        line = Text("   ")
        line.append(f"{word:6}", style=f"bold {colour}")
        parts = [_codes(report.reasons), _OFFICER[report.officer], _gate(report.gate_opened)]
        line.append("  ".join(part for part in parts if part))
        if report.remarks:
            line.append(f"  signalled: {_codes(report.remarks)}", style="dim")
        self._console.print(line, soft_wrap=True)
        self._console.print(f"   {_times(report)}", style="dim", soft_wrap=True, highlight=False)

    def stays(self) -> None:
        """Everybody is through."""
        said = "Everybody is through. Desk and traveller's screen go on; Ctrl-C ends the demo."
        self._console.print(f"\n[bold]{said}[/]", soft_wrap=True, highlight=False)

    def ended(self, summary: dict[str, Any]) -> None:
        """All through: a table, and whether the ledger holds."""
        table = Table("passenger", "outcome", "reasons", "officer", "gate", box=None, header_style="dim")
        for line in summary["passages"]:
            gate = "opened" if line["gate_opened"] else "closed"
            table.add_row(
                line["passenger"], line["outcome"], " ".join(line["reasons"]), line["officer"] or "", gate
            )
        ledger = summary["ledger"]
        self._console.print()
        self._console.print(table)
        held = "verified" if ledger["verified"] else "[bold red]BROKEN[/]"
        self._console.print(f"\nledger: {ledger['entries']} entries, {held}", highlight=False)


def show_comparison(console: Console, plain: dict[str, Any]) -> None:
    """A comparison for people: outcome, why, and the measures behind it."""
    word, colour = _OUTCOME[plain["outcome"]]
    console.print(Text(word, style=f"bold {colour}"), " ".join(plain["reasons"]))
    for code, components in plain["components"].items():
        console.print(f"{code}: {', '.join(components)}", style="dim", highlight=False)
    similarity = plain["similarity"]
    said = "not compared" if similarity is None else f"{similarity:.3f}"
    console.print(f"similarity {said}, admitted from {plain['threshold']:.3f}", highlight=False)
    for text in _worth(plain):
        console.print(text, highlight=False)
    console.print(f"matcher {plain['matcher']['name']}", style="dim", highlight=False)
    for name, value in plain["quality"].items():
        mapped = plain["quality_mapped"][name]
        shown = "not assessed" if value is None else f"{value:8.2f}   {mapped:3.0f} of 100"
        console.print(f"  {name:24} {shown}", highlight=False)


def _worth(plain: dict[str, Any]) -> Iterator[str]:
    """What the score and the threshold are worth, by the calibration."""
    if plain["achieved_fmr"] is not None:
        strangers = of_ten_thousand(plain["achieved_fmr"])
        yield f"in the worst group, {strangers:,} of 10,000 strangers score this high or higher"
    below = of_ten_thousand(plain["holders_below_threshold"])
    accepted = floor(plain["accepted_referral_load"] * 10_000)
    yield f"{below:,} of 10,000 holders score below and see an officer, {accepted:,} are accepted"


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


def _gate(opened: bool) -> str:  # noqa: FBT001  a fact, not a switch
    return "gate opened" if opened else "gate closed"
