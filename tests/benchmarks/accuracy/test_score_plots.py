"""Drawings: well-formed, with what they claim, for any data."""

from statistics import NormalDist
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

from benchmarks.accuracy.accuracy import Measured, drawings
from benchmarks.accuracy.error_rates import Outcome
from benchmarks.accuracy.score_plots import SHARES, det, deviate, histogram
from benchmarks.acquisition.matchers import matcher_under_test
from benchmarks.harness.plots import COLOURS, DASHES, HATCHES, bars, curves, svg
from lane.decision.policy import load
from models.values.identity import MatcherIdentity
from tests.support.benchmarks.made_up_scores import outcome
from tests.support.browser import CHROMIUM, NO_BROWSER, chromium

BESIDE_THE_PAGE = """all => all.filter(one => {
    const b = one.getBoundingClientRect(), p = one.ownerSVGElement.getBoundingClientRect()
    return b.left < p.left - 1 || b.right > p.right + 1 || b.top < p.top - 1 || b.bottom > p.bottom + 1
}).map(one => one.textContent)"""


def _outcome(seed: int, genuine: int = 400, strangers: int = 20_000) -> Outcome:
    rng = np.random.default_rng(seed)
    drawn, others = rng.normal(0.6, 0.15, genuine), rng.normal(0.1, 0.1, strangers)
    return outcome(drawn.clip(-1, 1), others.clip(-1, 1))


def _lines(page: Figure) -> list[NDArray[np.float64]]:
    """Points of those that have a name."""
    (axes,) = page.axes
    return [np.asarray(one.get_xydata()) for one in axes.lines if not str(one.get_label()).startswith("_")]


def test_normal_scores_draw_straight_det_curve() -> None:
    (line,) = _lines(det({"all": _outcome(1, 50_000, 50_000)}, "DET", 0.4))
    x, y = line[(np.abs(line + 2) < 1).all(1)].T
    slope, start = np.polyfit(x, y, 1)
    assert len(x) > 50
    assert np.abs(slope * x + start - y).max() < 0.09


def test_curve_falls_and_stays_on_axes() -> None:
    page = det({name: _outcome(seed) for seed, name in enumerate("abc")}, "DET", {"a": 0.4})
    assert len(_lines(page)) == 3
    for points in _lines(page):
        assert (points >= deviate(SHARES[0])).all()
        assert (points <= deviate(SHARES[-1])).all()
        x, y = np.diff(points, axis=0).T
        assert (x <= 0).all()
        assert (y >= 0).all()
    assert [one.get_gid() for one in page.axes[0].lines].count("ring") == 1


def test_each_histogram_has_unit_area() -> None:
    (axes,) = histogram(_outcome(1), "scores", 0.4).axes
    steps = [one.get_data() for one in axes.patches if isinstance(one, StepPatch)]
    areas = {round(float((values * np.diff(edges)).sum()), 6) for values, edges, _ in steps}
    assert areas == {1.0}


def test_names_escaped_empty_groups_draw_nothing() -> None:
    nobody = outcome([], [])
    first, again = (
        svg(det({"<b> & 'co' $x_": _outcome(1), "nobody": nobody}, "a < b", 0.4)) for _ in range(2)
    )
    assert first == again, "the same scores are the same file"
    assert "<dc:date>" not in first
    text = "".join(fromstring(first).itertext())
    assert "<b> & 'co' $x_" in text
    assert "nobody" not in text
    assert fromstring(svg(histogram(nobody, "none"))) is not None


def test_axis_is_even_in_normal_deviates() -> None:
    assert deviate(0.2) == pytest.approx(NormalDist().inv_cdf(0.2))
    assert deviate(0) == deviate(SHARES[0])
    assert len(set(COLOURS)) == len(set(DASHES)) == len(set(HATCHES)) == len(COLOURS)


def test_drawings_per_matcher_and_one_together() -> None:
    policy = load()
    matchers = [
        matcher_under_test(MatcherIdentity(name, "a" * 64, "b" * 64), "cosine", policy)
        for name in ("one", "two")
    ]
    one, two = (Measured(matcher, {"all": _outcome(1)}, ()) for matcher in matchers)
    assert set(drawings([one, two])) == {"one-det", "one-scores", "two-det", "two-scores", "det"}
    assert set(drawings([one])) == {"one-det", "one-scores"}


@pytest.mark.thorough
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_no_drawing_text_leaves_page() -> None:
    long = {"lfw_group_pairs/white_and_longer_than_any": _outcome(1), "casia_facev5/chinese": _outcome(2)}
    lines = {
        "a result with a very long name": [(1, 20), (2, 130)],
        "\N{CJK UNIFIED IDEOGRAPH-901A}" * 30: [(1, 9)],
    }
    pages = {
        "det": det(long, "DET", 0.4),
        "scores": histogram(_outcome(1), "scores", 0.4),
        "curves": curves("lanes", lines, "lanes", "p99, ms", (100, "limit 100 ms")),
        "bars": bars(
            "times", {"a name beyond all that fits " * 3: {"small": 1.5}, "b": {"large": 150}}, "ms"
        ),
    }
    with chromium() as browser:
        page = browser.new_page()
        for name, figure in pages.items():
            page.set_content(svg(figure))
            assert page.locator("text").count() > 5, name
            assert page.eval_on_selector_all("text", BESIDE_THE_PAGE) == [], name
