"""Drawings: well-formed, with what they claim, for any data."""

from pathlib import Path
from statistics import NormalDist
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest

from benchmarks.accuracy.error_rates import Outcome
from benchmarks.accuracy.measure import Measured
from benchmarks.accuracy.score_plots import (
    COLOURS,
    DASHES,
    HEIGHT,
    SHARES,
    WIDTH,
    det,
    deviate,
    draw,
    histogram,
)
from benchmarks.accuracy.scores import Scored, listed_impostors
from benchmarks.acquisition.matchers import subject
from lane.decision.policy import load
from models.values.identity import MatcherIdentity
from tests.support.browser import CHROMIUM, NO_BROWSER, chromium

SVG = "{http://www.w3.org/2000/svg}"


def _outcome(seed: int, genuine: int = 400, strangers: int = 20_000) -> Outcome:
    rng = np.random.default_rng(seed)

    def scored(scores: np.ndarray) -> Scored:
        people = np.arange(len(scores))
        return Scored(scores.clip(-1, 1), people, people + 1)

    return Outcome(
        scored(rng.normal(0.6, 0.15, genuine)),
        listed_impostors(scored(rng.normal(0.1, 0.1, strangers))),
        people=30,
    )


def _points(line: Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]


def test_normal_scores_draw_straight_det_curve() -> None:
    page = fromstring(det({"all": _outcome(1, 50_000, 50_000)}, "DET", 0.4))
    (line,) = page.iter(f"{SVG}polyline")
    x, y = np.array([point for point in _points(line) if 150 < point[0] < 450 and 100 < point[1] < 420]).T
    slope, start = np.polyfit(x, y, 1)
    assert np.abs(slope * x + start - y).max() < 8


def test_curve_falls_and_stays_on_axes() -> None:
    """It falls as the FMR rises."""
    page = fromstring(det({name: _outcome(seed) for seed, name in enumerate("abc")}, "DET", {"a": 0.4}))
    lines = list(page.iter(f"{SVG}polyline"))
    assert len(lines) == 3
    for line in lines:
        points = _points(line)
        assert all(76 <= x <= 530 and 44 <= y <= 464 for x, y in points)
        steps = np.diff(np.array(points), axis=0)
        assert (steps[:, 0] <= 0).all() or (steps[:, 0] >= 0).all()
        assert (steps * np.sign(steps[:, :1].sum()) >= -0.11).all()
    assert len(list(page.iter(f"{SVG}circle"))) == 1


def test_each_histogram_has_unit_area() -> None:
    page = fromstring(histogram(_outcome(1), "scores", 0.4))
    areas = []
    for line in page.iter(f"{SVG}polyline"):
        x, y = np.array(_points(line)).T
        areas.append(float(((464 - y[1:]) * np.diff(x)).sum()))
    assert areas[0] == pytest.approx(areas[1], rel=0.02)


def test_names_escaped_empty_groups_draw_nothing() -> None:
    nobody = Outcome(Scored.none(), listed_impostors(Scored.none()))
    page = fromstring(det({"<b> & 'co'": _outcome(1), "nobody": nobody}, "a < b", 0.4))
    told = "".join(page.itertext())
    assert "<b> & 'co'" in told
    assert "nobody" not in told
    assert fromstring(histogram(nobody, "none")) is not None


def test_axis_is_even_in_normal_deviates() -> None:
    assert deviate(0.2) == pytest.approx(NormalDist().inv_cdf(0.2))
    assert deviate(0) == deviate(SHARES[0])
    assert len(set(zip(COLOURS, DASHES, strict=True))) == len(COLOURS)


def test_drawings_per_matcher_and_one_together() -> None:
    """One together where there are several matchers."""
    policy = load()
    one, two = (
        Measured(
            subject(MatcherIdentity(name, "a" * 64, "b" * 64), "cosine", policy), {"all": _outcome(1)}, ()
        )
        for name in ("one", "two")
    )
    assert set(draw([one, two])) == {"one-det", "one-scores", "two-det", "two-scores", "det"}
    assert set(draw([one])) == {"one-det", "one-scores"}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_no_drawing_text_leaves_page(tmp_path: Path) -> None:
    pages = {
        "det.svg": det(
            {"lfw_group_pairs/white_and_longer": _outcome(1), "casia_facev5/chinese": _outcome(2)}, "DET", 0.4
        ),
        "scores.svg": histogram(_outcome(1), "scores", 0.4),
    }
    with chromium() as browser:
        page = browser.new_page()
        for name, svg in pages.items():
            page.set_content(svg)
            boxes = page.eval_on_selector_all(
                "text",
                """all => all.map(one => {
                    const b = one.getBoundingClientRect(),
                          p = one.ownerSVGElement.getBoundingClientRect()
                    return [b.left - p.left, b.top - p.top, b.right - p.left, b.bottom - p.top]
                })""",
            )
            assert boxes, name
            for left, top, right, bottom in boxes:
                assert 0 <= left < right <= WIDTH, name
                assert 0 <= top < bottom <= HEIGHT, name
