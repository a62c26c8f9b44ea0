"""Results of several machines side by side, and the report for who buys one: verdict first, all is escaped.

What differs is said, what cannot be compared is not, and nothing comes from anywhere else.
"""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.errors import BenchmarkError
from benchmarks.harness.plots import svg
from benchmarks.harness.result import LARGEST_BYTES, Result, parse, printable, read
from benchmarks.report.compare import Comparison, Stored, as_json, draw, hold_against
from benchmarks.report.report import page
from benchmarks.report.wording import LANGUAGES, NAMES, WORDS
from tests.support.benchmarks.command_line import run_here
from tests.support.benchmarks.made_up_results import CPU, NETWORKS, capacity, latency, limit, result, write
from tests.support.browser import CHROMIUM, NO_BROWSER, chromium, quiet_page

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PICTURE = "data:image/svg+xml;base64,"
FOREIGN = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b&amp;'


def compared(*results: Result) -> Comparison:
    return hold_against([Stored(name, one) for name, one in zip("abcdefgh", results, strict=False)])


def test_every_figure_shows_its_improvement() -> None:
    made = compared(latency(), latency(0.5))
    tail = next(row for row in made.rows if row.name == (CPU, "end to end", "p99"))
    assert tail.values == (35.0, 17.5)
    assert tail.ratios() == (1.0, 2.0)
    lanes = next(row for row in compared(capacity(2), capacity(4)).rows if row.name == ("lanes",))
    assert (lanes.values, lanes.ratios()) == ((2.0, 4.0), (1.0, 2.0))
    saturated = compared(limit(), limit({"int8 product": "not available here: it saturates"}))
    row = next(row for row in saturated.rows if row.name == ("ceilings", "int8 product", "median"))
    assert (row.values, row.ratios()) == ((1100.0, None), (1.0, None))
    missing = "ceilings, int8 product (not available here: it saturates)"
    assert saturated.differences == {"not_available": ("none", missing)}


def test_only_machine_differences_are_named() -> None:
    other = latency(
        cpu="Another", gpu_models=["Some GPU"], libraries={"onnxruntime": "1.33.0", "numpy": "2.4.6"}
    )
    assert compared(latency(), other).differences == {
        "cpu": ("Some Processor", "Another"),
        "gpu_models": ("none", "Some GPU"),
        "onnxruntime": ("1.32.0", "1.33.0"),
    }
    assert compared(latency(), latency(2.0)).differences == {}


def test_placement_arithmetic_and_cores_are_differences() -> None:
    """As many threads as there are cores is one question everywhere."""
    elsewhere = [{**one, "provider": "CUDAExecutionProvider"} for one in NETWORKS]
    assert set(compared(latency(), latency(networks=elsewhere)).differences) == {"ran on"}
    rounded = compared(latency(arithmetic="fp32"), latency(arithmetic="bf16 by amx, plugin 1"))
    assert rounded.differences == {"arithmetic": ("fp32", "bf16 by amx, plugin 1")}
    assert compared(latency(), latency(threads=16, cores=16)).differences["threads"] == ("2", "16")


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([latency()], "two results or more"),
        ([result("film")] * 2, "results of film have no figures by which they are compared"),
        ([latency(), capacity()], "different benchmarks: a of latency, b of capacity"),
        ([latency(), latency(conditions={"frames": "1280x720"})], "frames must be the same"),
        ([latency(), latency(policy={"version": "2", "sha256": "b" * 64})], "policy must be the same"),
        (
            [latency(), latency(networks=[{**one, "sha256": "9" * 64} for one in NETWORKS])],
            "weights must be the same",
        ),
        ([latency(), latency(networks=[])], "does not say which weights"),
        (
            [latency(), latency(threads=1, threads_asked=1)],
            "threads must be the same and is not: a: 2; b: 1",
        ),
        *(
            ([capacity(), capacity(conditions={what: 1})], f"{what} must be the same")
            for what in ("frames_per_second", "limit_ms", "passenger_every_s", "good_frames")
        ),
    ],
)
def test_other_work_is_refused_by_name(results: list[Result], why: str) -> None:
    with pytest.raises(BenchmarkError, match=why):
        compared(*results)


@given(st.sampled_from([latency, capacity, limit]), JSON, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_file_is_refused_or_has_its_page(
    make: Callable[[], Result], other: Any, data: st.DataObject
) -> None:
    """And is compared, or not comparable."""
    whole = make()
    spoilt = json.loads(whole.text())
    name = data.draw(st.text(max_size=8))
    places = [spoilt, spoilt["stamp"], spoilt["conditions"], *spoilt["figures"][:3]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from([*place, name]))] = other
    try:
        read = parse(json.dumps(spoilt), "made up")
    except BenchmarkError:
        return
    assert made(read, whole).rstrip().endswith("</html>")
    try:
        together = compared(read, whole)
    except BenchmarkError:
        return
    json.dumps(as_json(together), allow_nan=False)
    for figure in draw(together).values():
        fromstring(svg(figure))


def test_written_result_reads_back_unchanged_without_doubles() -> None:
    twice = json.loads(latency().text())
    twice["figures"] *= 2
    with pytest.raises(BenchmarkError, match="a figure stands twice"):
        parse(json.dumps(twice), "made up")
    for one in (latency(), capacity(), limit({"int8 product": "it saturates"})):
        assert parse(one.text(), "made up") == one


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"benchmark": "latency", "stamp": {"cores": NaN}}', "NaN is no number"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "in form 1: the whole: Input should be"),
        (b'{"stamp": {}}', "in form 1: benchmark: Field required. Measure it again"),
    ],
)
def test_file_without_result_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    (path := tmp_path / "some.json").write_bytes(content)
    with pytest.raises(BenchmarkError, match=why):
        read(path)


def test_oversized_file_is_not_parsed(tmp_path: Path) -> None:
    with (path := tmp_path / "large.json").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(BenchmarkError, match="larger than any result"):
        read(path)


def test_the_command_tells_draws_and_writes(tmp_path: Path) -> None:
    first = write(latency(), tmp_path / "small.json")
    second = write(latency(0.5, cpu="[red]Another\x1b[31m"), tmp_path / "large.json")
    out = tmp_path / "out.json"
    done = run_here("compare", str(first), str(second), "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "[red]Another\N{REPLACEMENT CHARACTER}[31m" in done.stdout
    assert "end to end p99" in done.stdout
    written = json.loads(out.read_text())
    assert written["results"] == ["small", "large"]
    assert written["drawings"]
    for name in written["drawings"]:
        assert "small" in "".join(fromstring((tmp_path / name).read_text()).itertext())
    done = run_here("compare", str(first), str(write(capacity(), tmp_path / "b.json")))
    assert done.returncode == 2
    assert done.stderr.startswith("error: these are results of different benchmarks")


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
    said = Read(made(limit({"int8 product": "not available here: it saturates"}))).said
    assert "Not measured there: ceilings, int8 product (not available here: it saturates)" in said
    assert "Not measured there" not in Read(made(limit())).said


def test_newest_result_gives_each_machine_verdict() -> None:
    before, after = "2026-11-24T10:00:00+00:00", "2026-11-25T10:00:00+00:00"
    text = made(
        capacity(8, cpu="Large", date_utc=after), capacity(2, cpu="Large", date_utc=before), capacity(1)
    )
    assert verdicts(text)[::3] == ["8", "1"]
    none = made(capacity(0))
    assert verdicts(none)[0] == "0"
    assert "not even one kept within the limit" in none


def test_thin_tail_and_impossible_share_flagged() -> None:
    said = Read(made(latency(samples=10), limit(share=1.2))).said
    assert "of 10 measured" in said
    assert "fewer than 100" in said
    assert "above 100 %, which cannot be" in said
    usual = Read(made(latency(), limit())).said
    assert "of 200 measured" in usual
    assert "fewer than" not in usual
    assert "cannot be" not in usual


def test_incomparable_results_stand_apart_with_reason() -> None:
    assert "cannot be held against each other: not comparable, since frames" in made(
        latency(), latency(conditions={"frames": "1920x1080"})
    )
    assert "cannot be held" not in made(latency(), latency(0.5, cpu="Other"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_result_text_never_becomes_markup(language: str) -> None:
    fields: dict[str, Any] = {"cpu": FOREIGN, "os": FOREIGN, "gpu_models": [FOREIGN]}
    fields["libraries"] = missing = {FOREIGN: FOREIGN}
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
