"""A calibration is believed only as far as it goes: read strictly, for its own matcher, never made better."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.calibration import LARGEST_BYTES, Calibration, ComparisonRule, load, parse
from lane.platform.errors import CalibrationError
from models.values.identity import MatcherIdentity
from models.values.measurement import Measured, NotAssessed
from tests.support.lane.calibration_files import ADMIT, BORDERLINE, HOLDERS_BELOW, plain, write

MATCHER = MatcherIdentity("net", "a" * 64, "b" * 64)


def rule(**change: Any) -> ComparisonRule:
    usual = {"max_fmr": 1e-4, "max_worst_group_fmr": 1e-3, "sureness": "measured", "rare_holders": 0.01}
    return ComparisonRule(calibrations=["test.json"], accepted_referral_load=1, **usual | change)  # type: ignore[arg-type]


SHIPPED = rule()


def read(fields: dict[str, Any]) -> Calibration:
    return parse(json.dumps(fields).encode(), "test.json")


MADE_UP = read(plain(MATCHER))


def test_band_follows_limits_and_rare_holders(tmp_path: Path) -> None:
    band = load(write(tmp_path / "net.json", MATCHER)).band(SHIPPED)
    assert (band.admit, band.borderline, band.holders_below) == (ADMIT, BORDERLINE, HOLDERS_BELOW)


@pytest.mark.parametrize(
    "other",
    [
        replace(MATCHER, name="net2"),
        replace(MATCHER, sha256="c" * 64),
        replace(MATCHER, preprocessing="c" * 64),
    ],
    ids=["name", "weights", "preprocessing"],
)
def test_calibration_fits_only_measured_matcher(other: MatcherIdentity) -> None:
    assert MADE_UP.fits(MATCHER)
    assert not MADE_UP.fits(other)


def test_reported_rate_is_the_worst_groups() -> None:
    """Never a better rate, and never none."""
    points = MADE_UP.content.points
    assert MADE_UP.achieved_fmr(points[0].score - 0.001) == Measured(1.0)
    for low, high in pairwise(points):
        between = (low.score + high.score) / 2
        assert MADE_UP.achieved_fmr(low.score) == MADE_UP.achieved_fmr(between) == Measured(low.worst_fmr)
    assert points[-1].worst_fmr == 0
    assert MADE_UP.achieved_fmr(1e9) == MADE_UP.achieved_fmr(points[-1].score)
    assert MADE_UP.achieved_fmr(1e9) == Measured(points[-1].worst_fmr_high)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_non_number_score_has_no_rate(score: float) -> None:
    assert isinstance(MADE_UP.achieved_fmr(score), NotAssessed)


def point(number: int, **change: Any) -> Callable[[dict[str, Any]], None]:
    return lambda fields: fields["points"][number].update(change)


def field(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(fields: dict[str, Any]) -> None:
        for key in path[:-1]:
            fields = fields[key]
        fields[path[-1]] = to

    return change


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "other format": (field("format", to="passenger-lane/calibration/2"), "format"),
    "unknown key": (field("threshold", to=0.1), "threshold"),
    "unknown key of a point": (point(3, far=0.1), "far"),
    "key missing": (lambda fields: fields.pop("confidence"), "confidence"),
    "rate missing": (lambda fields: fields["points"][3].pop("worst_fmr"), "worst_fmr"),
    "too few points": (lambda fields: fields["points"].__delitem__(slice(3, None)), "points"),
    "wrong order": (lambda fields: fields["points"].reverse(), "points must ascend"),
    "a point twice": (lambda fields: fields["points"].append(fields["points"][-1]), "points must ascend"),
    "fmr rises": (point(-1, fmr=1e-4, fmr_high=1e-3), "fmr must not rise"),
    "worst fmr rises": (point(-1, worst_fmr=0.5, worst_fmr_high=0.6), "worst_fmr must not rise"),
    "fnmr falls": (point(-1, fnmr=0.0, fnmr_low=0.0), "fnmr must not fall"),
    "holders come back": (point(-1, genuine_share_below=0.0), "genuine_share_below must not fall"),
    "rate above one": (point(0, fmr=1.5), "fmr"),
    "rate below zero": (point(-1, fmr=-1e-9), "fmr"),
    "rate as text": (point(3, fmr="0.1"), "fmr"),
    "rate as truth": (point(3, fmr=True), "fmr"),
    "rate outside its interval": (point(3, worst_fmr_low=1.0), "worst_fmr lies outside"),
    "fmr above its interval": (point(3, fmr_high=0.0), "fmr lies outside"),
    "surely no stranger": (point(-1, worst_fmr_high=0.0), "worst_fmr_high"),
    "score out of range": (point(-1, score=1.2), "score"),
    "only the end of the scale": (
        lambda fields: fields["points"].__delitem__(slice(0, 1)),
        "begin where most strangers score",
    ),
    "worst group unknown": (point(3, worst_group="nobody"), "worst group nobody"),
    "worst group too small": (point(3, worst_group="small"), "worst group small"),
    "no data": (field("data", to=[]), "data"),
    "weights without a hash": (field("matcher", "sha256", to="a" * 63), "sha256"),
    "people as a fraction": (field("groups", "large", "people", to=99.5), "people"),
    "a list": (field("points", to={}), "points"),
}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG)
def test_wrong_calibration_is_refused_with_reason(
    spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    fields = plain(MATCHER)
    spoil(fields)
    with pytest.raises(CalibrationError, match=said):
        read(fields)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": ' + b"9" * 5000 + b"}",
        json.dumps(plain(MATCHER)).replace('"confidence": 0.95', '"confidence": NaN').encode(),
        json.dumps(plain(MATCHER)).replace('"fmr": 1.0', '"fmr": Infinity').encode(),
        json.dumps(plain(MATCHER)).replace('"fmr": 1.0', '"fmr": 1e999').encode(),
        json.dumps(plain(MATCHER)).replace('"fmr": 1.0', '"fmr": 1' + "0" * 400).encode(),
        json.dumps(plain(MATCHER)).replace('"fmr": 1.0', '"fmr": 1.0, "fmr": 0.9').encode(),
    ],
    ids=["empty", "list", "bytes", "deep", "long", "nan", "infinite", "overflow", "huge", "twice"],
)
def test_what_is_no_calibration_is_refused(content: bytes) -> None:
    with pytest.raises(CalibrationError, match=r"test\.json"):
        parse(content, "test.json")


def test_calibration_read_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * (LARGEST_BYTES + 1))
    with pytest.raises(CalibrationError, match="larger"):
        load(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_unkept_limit_has_no_band() -> None:
    with pytest.raises(CalibrationError, match=r"no score keeps FMR surely ≤ 0\.0001"):
        MADE_UP.band(rule(max_worst_group_fmr=2e-5, sureness="upper"))


def test_too_few_strangers_prove_no_limit() -> None:
    fields = plain(MATCHER)
    fields["groups"]["large"]["impostors"] = 9_000
    with pytest.raises(CalibrationError, match="9040 pairs of strangers, 9000 in the largest group, are too"):
        read(fields).band(SHIPPED)
    assert read(fields).band(rule(max_fmr=2e-4)).admit == ADMIT


# --- properties: whatever a file holds


rates = st.one_of(st.sampled_from([0.0, 1e-5, 1e-4, 1e-3, 0.01, 1.0]), st.floats(0, 1))


@st.composite
def calibrations(draw: st.DrawFn) -> dict[str, Any]:
    """Any calibration that is in order: its intervals are as wide and as uneven as it likes."""
    fields = plain(MATCHER)
    count = draw(st.integers(10, 30))
    steps = draw(st.lists(st.integers(-100, 199), min_size=count, max_size=count, unique=True))
    falling = [sorted(draw(st.lists(rates, min_size=count, max_size=count)), reverse=True) for _ in "12"]
    rising = sorted(draw(st.lists(rates, min_size=count, max_size=count)))
    falling[0][0] = 1.0
    wide = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    fields["points"] = [
        {
            "score": step / 200,
            "fmr": fmr,
            "fmr_high": fmr + (1 - fmr) * width,
            "worst_group": "large",
            "worst_fmr": worst,
            "worst_fmr_low": worst * (1 - width),
            "worst_fmr_high": max(5e-324, worst, min(1.0, worst + (1 - worst) * width)),
            "fnmr": fnmr,
            "fnmr_low": fnmr * (1 - width),
            "fnmr_high": max(fnmr, min(1.0, fnmr + (1 - fnmr) * width)),
            "genuine_share_below": fnmr,
        }
        for step, fmr, worst, fnmr, width in zip(sorted(steps), *falling, rising, wide, strict=True)
    ]
    for one in fields["points"]:
        one["fmr_high"] = max(one["fmr"], min(1.0, one["fmr_high"]))
    return fields


wanted = st.builds(
    rule,
    max_fmr=st.sampled_from([1e-4, 1e-3, 0.01]),
    max_worst_group_fmr=st.sampled_from([1e-4, 1e-3, 0.01]),
    sureness=st.sampled_from(["measured", "upper"]),
    rare_holders=st.sampled_from([0.0, 0.01, 0.5]),
)


def kept(one: dict[str, Any], limits: ComparisonRule) -> bool:
    end = "_high" if limits.sureness == "upper" else ""
    return bool(one[f"fmr{end}"] <= limits.max_fmr and one[f"worst_fmr{end}"] <= limits.max_worst_group_fmr)


@given(calibrations(), wanted)
def test_admit_is_lowest_point_keeping_limits(fields: dict[str, Any], limits: ComparisonRule) -> None:
    points = fields["points"]
    secure = [one["score"] for n, one in enumerate(points) if all(kept(p, limits) for p in points[n:])]
    if not secure:
        with pytest.raises(CalibrationError):
            read(fields).band(limits)
        return
    band = read(fields).band(limits)
    assert band.admit == secure[0]
    assert band.admit >= min(one["score"] for one in points if kept(one, limits))
    assert band.borderline <= band.admit


@given(calibrations(), wanted)
def test_sureness_never_lowers_threshold(fields: dict[str, Any], limits: ComparisonRule) -> None:
    try:
        sure = read(fields).band(limits.model_copy(update={"sureness": "upper"}))
    except CalibrationError:
        return
    assert sure.admit >= read(fields).band(limits.model_copy(update={"sureness": "measured"})).admit


@given(calibrations(), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_higher_score_never_counts_less(fields: dict[str, Any], one: float, other: float) -> None:
    calibration = read(fields)
    low, high = (calibration.achieved_fmr(score) for score in sorted((one, other)))
    assert isinstance(low, Measured)
    assert isinstance(high, Measured)
    assert 0 < high.value <= low.value <= 1
    below = [point["worst_fmr"] for point in fields["points"] if point["score"] <= max(one, other)]
    assert high.value >= (below[-1] if below else 1.0), "never better than the point below it"


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.sampled_from([-1, 0, 1e-9, 1e-4, 0.5, 1, 2]),
)


@given(st.data(), wanted)
def test_hostile_value_never_loosens_band(data: st.DataObject, limits: ComparisonRule) -> None:
    fields = plain(MATCHER)
    for _ in range(data.draw(st.integers(1, 4))):
        one = data.draw(st.sampled_from(fields["points"]))
        one[data.draw(st.sampled_from(sorted(one)))] = data.draw(junk)
    assert refused_or_kept(json.dumps(fields).encode(), limits)


@given(st.data(), wanted)
def test_garbled_bytes_never_loosen_band(data: st.DataObject, limits: ComparisonRule) -> None:
    content = bytearray(json.dumps(plain(MATCHER)).encode())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=6))
    assert refused_or_kept(bytes(content), limits)


def refused_or_kept(content: bytes, limits: ComparisonRule) -> bool:
    """Refused; or every point from `admit` on keeps the limits by what stands in the file itself."""
    try:
        band = parse(content, "test.json").band(limits)
    except CalibrationError:
        return True
    from_admit_on = [one for one in json.loads(content)["points"] if one["score"] >= band.admit]
    return all(kept(one, limits) for one in from_admit_on) and band.borderline <= band.admit <= 1
