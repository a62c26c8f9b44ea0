"""What `check`, `replay` and `verify` print for people."""

from collections.abc import Iterable, Iterator
from math import floor
from typing import Any

from rich.console import Console
from rich.text import Text

from lane.decision.calibration import per_ten_thousand
from lane.platform.finding import Finding
from lane.recording.replay import Replayed

OUTCOME = {"admit": ("ADMIT", "green"), "refer": ("REFER", "yellow")}


def show_findings(console: Console, findings: Iterable[Finding]) -> bool:
    """A line for each, as it comes; True where all is well."""
    well = True
    for one in findings:
        _print_marked(console, one.ok, ("ok", "FAULT"), f"{one.device:14} {one.said}")
        well = well and one.ok
    return well


def show_replayed(console: Console, replayed: Iterable[Replayed]) -> None:
    """A line for each recording, and one for each difference."""
    for one in replayed:
        _print_marked(console, one.identical, ("same", "OTHER"), f"{one.file}  {one.outcome}")
        for difference in one.differences:
            console.print(f"       {difference}", soft_wrap=True, highlight=False, markup=False)


def _print_marked(console: Console, good: bool, words: tuple[str, str], text: str) -> None:  # noqa: FBT001
    word, colour = (words[0], "green") if good else (words[1], "red")
    line = Text.assemble((f"{word:5}  ", f"bold {colour}"), text)
    console.print(line, soft_wrap=True, highlight=False)


def show_comparison(console: Console, plain: dict[str, Any]) -> None:
    """A comparison for people: outcome, why, and the measures behind it."""
    word, colour = OUTCOME[plain["outcome"]]
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
        strangers = per_ten_thousand(plain["achieved_fmr"])
        yield f"in the worst group, {strangers:,} of 10,000 strangers score this high or higher"
    below = per_ten_thousand(plain["holders_below_threshold"])
    accepted = floor(plain["accepted_referral_load"] * 10_000)
    yield f"{below:,} of 10,000 holders score below and see an officer, {accepted:,} are accepted"
