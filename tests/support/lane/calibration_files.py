"""A small calibration made up for a test: whose matcher it is, and where its band lies."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lane.decision.policy import SHIPPED, Policy, load
from models.values.identity import MatcherIdentity

ADMIT, BORDERLINE, HOLDERS_BELOW = 0.46, 0.33, 0.05
"""The band that `plain` has under the shipped limits: no measurement, round figures."""


def plain(
    matcher: MatcherIdentity, *, admit: float = ADMIT, borderline: float = BORDERLINE
) -> dict[str, Any]:
    """A calibration as JSON values: strangers end at `admit`, holders get rare below `borderline`."""
    scores = sorted({-0.2, 0.0, 0.1, 0.2, 0.25, borderline, *(admit - step for step in (0.04, 0.01)), admit})
    scores += [round(admit + step, 3) for step in (0.05, 0.1, 0.2)]
    return {
        "format": "passenger-lane/calibration/1",
        "matcher": {
            "name": matcher.name,
            "sha256": matcher.sha256,
            "preprocessing": matcher.preprocessing,
            "arithmetic": "fp32",
        },
        "networks": [{"role": "matcher", "name": matcher.name, "sha256": matcher.sha256}],
        "made": {
            "date_utc": "2026-11-25T00:00:00+00:00",
            "commit": {"sha": "0" * 40, "modified": False},
            "libraries": {},
            "cpu": "none",
        },
        "data": [
            {
                "pairs": "none.csv",
                "pairs_sha256": "1" * 64,
                "pictures": 0,
                "pictures_sha256": "2" * 64,
                "failures_to_acquire": 0,
            }
        ],
        "impostors": "made up",
        "confidence": 0.95,
        "groups": {
            "large": {"people": 100, "genuine": 900, "impostors": 80_000},
            "small": {"people": 5, "genuine": 10, "impostors": 40},
        },
        "points": [_point(score, admit, borderline) for score in scores],
    }


def _point(score: float, admit: float, borderline: float) -> dict[str, Any]:
    fmr = _fmr(score, admit)
    below = HOLDERS_BELOW if score >= admit else 0.009 if score >= borderline else 0.0
    if borderline < score < admit:
        below = 0.02
    return {
        "score": score,
        "fmr": fmr,
        "fmr_high": min(1.0, fmr * 1.2 + 1e-5),
        "worst_group": "large",
        "worst_fmr": min(1.0, fmr * 5),
        "worst_fmr_low": fmr,
        "worst_fmr_high": min(1.0, fmr * 8 + 4e-5),
        "fnmr": below,
        "fnmr_low": below / 2,
        "fnmr_high": below * 1.5,
        "genuine_share_below": below,
    }


def _fmr(score: float, admit: float) -> float:
    if score >= admit:
        return 6e-5 if score < admit + 0.05 else 2e-5 if score < admit + 0.2 else 0.0
    return 1.0 if score < 0 else min(0.9, 0.1 / (1 + 100 * score) + 2e-4)


COMPARISON = """[comparison]
calibrations = ["made-up.json"]
max_fmr = 0.0001
max_worst_group_fmr = 0.001
sureness = "measured"
rare_holders = 0.01
accepted_referral_load = 0.1
"""


def policy_text() -> str:
    """The shipped rules, with a calibration that this module makes up in place of the shipped one."""
    text = SHIPPED.read_text(encoding="utf-8")
    return text[: text.index("[comparison]")] + COMPARISON


def policy_for(matcher: MatcherIdentity, **where: float) -> Policy:
    """A policy whose band for this matcher is known, whatever the shipped calibration says."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / "made-up.json", matcher, **where)
        path = Path(folder) / "policy.toml"
        path.write_text(policy_text(), encoding="utf-8")
        return load(path)


def write(path: Path, matcher: MatcherIdentity, **where: float) -> Path:
    """The same as a file."""
    path.write_text(json.dumps(plain(matcher, **where)), encoding="utf-8")
    return path
