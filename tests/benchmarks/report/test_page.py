"""The report for who buys a machine: verdict first, all of it escaped, nothing from anywhere else."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.errors import BenchmarkError
from benchmarks.harness.result import Result
from benchmarks.harness.result_file import parse, printable
from benchmarks.report.comparison import Stored
from benchmarks.report.page import page
from benchmarks.report.wording import LANGUAGES, NAMES, WORDS
from tests.benchmarks.report.test_comparison import JSON
from tests.support import tiers
from tests.support.benchmarks.command_line import run_here
from tests.support.benchmarks.made_up_results import capacity, latency, limit, result, write
from tests.support.browser import CHROMIUM, NO_BROWSER, chromium, quiet_page

PICTURE = "data:image/svg+xml;base64,"
FOREIGN = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b&amp;'


class Read(HTMLParser):
    """Which tags there are, and what they say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def values(self, attribute: str) -> list[str]:
        return [value for name, value in self.attributes if name == attribute]

    def handle_data(self, data: str) -> None:
        self.said += " ".join(data.split()) + " "


def made(*results: Result, language: str = "en") -> str:
    return page([Stored(f"r{place}", one) for place, one in enumerate(results)], language)


def verdicts(text: str) -> list[str]:
    return re.findall(r"<strong>(.*?)</strong>", text)


def test_verdict_first_with_lanes_tail_share() -> None:
    text = made(latency(), capacity(4), limit())
    assert verdicts(text) == ["4", "35\N{NO-BREAK SPACE}ms", "86%"]
    said = Read(text).said
    assert said.index("Verdict") < said.index("Figures") < said.index("What the figures depend on")
    assert "each at 15 frames a second, 99 of 100 decisions within 100 ms of the last frame" in said
    assert "the lane’s own work adds 11" in said


def test_unmeasured_is_said_with_way() -> None:
    text = made(latency())
    assert verdicts(text) == ["not measured", "35\N{NO-BREAK SPACE}ms", "not measured"]
    assert "python -m benchmarks capacity --json capacity.json" in text
    assert verdicts(made(result("film"))) == ["not measured"] * 3


def test_unavailable_ceiling_is_said_with_reason() -> None:
    said = Read(made(limit({"int8 product": "not available here: it saturates"}))).said
    assert "Not measured there: ceilings, int8 product (not available here: it saturates)" in said
    assert "Not measured there" not in Read(made(limit())).said


def test_newest_result_gives_each_machine_verdict() -> None:
    before, after = "2026-11-24T10:00:00+00:00", "2026-11-25T10:00:00+00:00"
    text = made(
        capacity(8, cpu="Large", date_utc=after), capacity(2, cpu="Large", date_utc=before), capacity(1)
    )
    assert verdicts(text)[::3] == ["8", "1"]


def test_thin_tail_and_impossible_share_flagged() -> None:
    said = Read(made(latency(samples=10), limit(share=1.2))).said
    assert "of 10 measured" in said
    assert "fewer than 100" in said
    assert "above 100 %, which cannot be" in said
    usual = Read(made(latency(), limit())).said
    assert "of 200 measured" in usual
    assert "fewer than" not in usual
    assert "cannot be" not in usual


def test_machine_carrying_no_lane_says_so() -> None:
    text = made(capacity(0))
    assert verdicts(text)[0] == "0"
    assert "not even one kept within the limit" in text


def test_incomparable_results_stand_apart_with_reason() -> None:
    assert "cannot be held against each other: not comparable, since frames" in made(
        latency(), latency(conditions={"frames": "1920x1080"})
    )
    assert "cannot be held" not in made(latency(), latency(0.5, cpu="Other"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_result_text_never_becomes_markup(language: str) -> None:
    fields: dict[str, Any] = {
        "cpu": FOREIGN,
        "os": FOREIGN,
        "gpu_models": [FOREIGN],
        "libraries": {FOREIGN: FOREIGN},
    }
    missing = {FOREIGN: FOREIGN}
    hostile = latency(conditions={"frames": FOREIGN}, missing=missing, provider=FOREIGN, **fields)
    strange, lanes = result(FOREIGN, cpu=FOREIGN), capacity(cpu=FOREIGN)
    stored = [Stored(printable(FOREIGN), parse(one.text(), "made up")) for one in (hostile, strange, lanes)]
    text = page(stored, language)
    read = Read(text)
    assert not {"script", "svg", "iframe", "link", "object", "a"} & set(read.tags)
    assert all(one.startswith(PICTURE) for one in read.values("src"))
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert FOREIGN.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in read.said
    assert "\x1b" not in text


def test_nothing_is_loaded_from_anywhere() -> None:
    text = made(latency(), capacity(), limit())
    read = Read(text)
    assert re.findall(r"https?://[^\s\"']*", text) == []
    assert not [name for name, _ in read.attributes if name in ("href", "style")]
    assert len(read.values("src")) > 2
    assert all(one.startswith(PICTURE) for one in read.values("src"))
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_words_match_in_both_languages() -> None:
    for english, chinese in (*WORDS.values(), *NAMES.values()):
        assert english
        assert chinese
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))
    text = made(latency(), capacity(), limit(), language="zh")
    assert '<html lang="zh-Hans">' in text
    assert {"结论", "可承载通道数", "测量条件"} <= set(Read(text).said.split())


@given(st.sampled_from([latency, capacity, limit]), JSON, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=tiers.examples(60))
def test_any_result_yields_page(make: Callable[[], Result], other: Any, data: st.DataObject) -> None:
    whole = make()
    spoilt = json.loads(whole.text())
    place = data.draw(st.sampled_from([spoilt["stamp"], spoilt["conditions"], *spoilt["figures"][:3]]))
    place[data.draw(st.sampled_from([*place]))] = other
    try:
        read = parse(json.dumps(spoilt), "made up")
    except BenchmarkError:
        return
    assert made(read, whole).rstrip().endswith("</html>")


def test_command_writes_file_refuses_before_reading(tmp_path: Path) -> None:
    result, out = write(latency(), tmp_path / "latency.json"), tmp_path / "report.html"
    done = run_here("report", str(result), "--out", str(out), "--language", "zh")
    assert (done.returncode, done.stdout) == (0, "")
    assert "latency" in out.read_text(encoding="utf-8")
    assert run_here("report", str(result), "--out", str(tmp_path / "no" / "report.html")).returncode == 2
    assert "no result" in run_here("report", str(out), "--out", str(tmp_path / "b.html")).stderr


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_page_is_readable_screen_and_paper(tmp_path: Path) -> None:
    other: dict[str, Any] = {"cpu": "Large Processor 9000 with a long name", "cores": 16, "threads": 16}
    results = (latency(), latency(0.4, **other), capacity(), capacity(9, 0.4, **other), limit())
    few = (latency(), limit())
    with chromium() as browser:
        for language, of_it in product(LANGUAGES, (results, few)):
            (path := tmp_path / "report.html").write_text(made(*of_it, language=language))
            with quiet_page(browser) as shown:
                for scheme in ("light", "dark"):
                    shown.emulate_media(color_scheme=scheme)
                    shown.set_content(path.read_text())
                    found = Axe().run(shown).response
                    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
                wide = shown.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
                assert wide
                assert min(wide) > 300  # each is drawn
                for width in (320, 640, 1280):
                    shown.set_viewport_size({"width": width, "height": 800})
                    assert shown.evaluate("document.documentElement.scrollWidth") <= width
                assert shown.pdf(prefer_css_page_size=True).startswith(b"%PDF")
