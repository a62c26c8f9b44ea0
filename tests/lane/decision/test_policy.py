"""A policy file is read strictly: what is wrong in it is said, and no check goes missing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from lane.decision.policy import DOCUMENT, LIVE, SHIPPED, Policy, load
from lane.platform.errors import PolicyError
from models.networks.build import Networks
from models.values.identity import MatcherIdentity
from models.values.measurement import Measured, NotAssessed
from tests.support.lane.calibration_files import ADMIT, BORDERLINE, policy_text, write

MATCHER = MatcherIdentity("net", "a" * 64, "b" * 64)


def site(folder: Path, *changes: tuple[str, str]) -> Policy:
    """A policy with a made-up calibration beside it, read from files with these changes."""
    write(folder / "made-up.json", MATCHER)
    text = policy_text()
    for change in changes:
        assert change[0] in text
        text = text.replace(*change, 1)
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_required_limits() -> None:
    moving = {"yaw_deg", "pitch_deg", "roll_deg", "motion"}
    assert {"inter_eye_distance_px", "shown", "sharpness", "brightness", *moving} == LIVE
    assert {"inter_eye_distance_px", "shown"} == DOCUMENT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\ngood_frames = 2", "\ngood_frames = 0"), "good_frames"),
        (("\ngood_frames = 2", "\ngood_frame = 2"), "good_frame"),
        (("timeout_s = 7.0", "timeout_s = nan"), "timeout_s"),
        (('when_not_assessed = "signal"', 'when_not_assessed = "ignore"'), "when_not_assessed"),
        (("brightness = {", "brightness = { mix = 1 } #"), "mix"),
        (("[liveness]", "[liveness"), "not TOML"),
        (("sharpness = ", "# sharpness = "), "no limit for sharpness"),
        (("[quality.document]\ninter_eye", "[quality.document]\n# inter_eye"), "no limit for inter_eye"),
        (("yaw_deg = { min = -30, max = 30 }", "yaw_deg = { min = 30, max = -30 }"), "min is above max"),
        (("\ngood_frames = 2", "\ngood_frames = true"), "good_frames"),
        (("\ngood_frames = 2", "\ngood_frames = 1"), "good_frames"),
        (("most_good_frames = 8", "most_good_frames = 1"), "most_good_frames"),
        (("\ngood_frames = 2", "\ngood_frames = 9"), "most_good_frames is below good_frames"),
        (("least_s = 0.0", "least_s = 1.1"), "least_s is above half of max_span_s"),
        (("score_varies = 0.04", "score_varies = 0.0"), "score_varies"),
        (("minimum = 0.5", "minimum = 0.0"), "minimum"),
        (("second_face_ratio = 0.5", "second_face_ratio = 1.0"), "second_face_ratio"),
        (("right = 0.95", "right = 0.05"), "the zone is empty"),
        (("left_after_s = 3.0", "left_after_s = inf"), "left_after_s"),
        (("version = ", "for_stills = true\nversion = "), "not for a file to say"),
        (("version = ", "calibrated = []\nversion = "), "not for a file to say"),
        (("max_fmr = 0.0001", "max_fmr = 1"), "max_fmr"),
        (("max_fmr = 0.0001", "max_fmr = 0"), "max_fmr"),
        (("max_fmr = 0.0001", "max_fmr = nan"), "max_fmr"),
        (("max_fmr = 0.0001", 'max_fmr = "0.0001"'), "max_fmr"),
        (("max_worst_group_fmr = 0.001", ""), "max_worst_group_fmr"),
        (("max_worst_group_fmr = 0.001", "max_worst_group_fmr = 0.1"), "max_worst_group_fmr"),
        (("max_worst_group_fmr = 0.001", "max_worst_group_fmr = 1e-9"), "too few to show"),
        (('sureness = "measured"', 'sureness = "hoped"'), "sureness"),
        (("rare_holders = 0.01", "rare_holders = -0.01"), "rare_holders"),
        (("accepted_referral_load = 0.1", "accepted_referral_load = nan"), "accepted_referral_load"),
        (("accepted_referral_load = 0.1", "admit = 0.3"), "admit"),
        (('["made-up.json"]', "[]"), "calibrations"),
        (('["made-up.json"]', '["none.json"]'), r"calibration .*none\.json cannot be read"),
        (('["made-up.json"]', '["made-up.json\\u0000"]'), "calibrations"),
        (('["made-up.json"]', '[""]'), "calibrations"),
        (("version = ", f"deep = {'[' * 5000}\nversion = "), "not TOML"),
        (('["made-up.json"]', '["policy.toml"]'), r"calibration policy\.toml is not a calibration"),
        (('["made-up.json"]', '["made-up.json", "made-up.json"]'), "two for one matcher"),
    ],
)
def test_wrong_policy_is_refused_with_reason(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        site(tmp_path, change)


def test_a_missing_policy_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_band_follows_calibration_and_site_demand(tmp_path: Path) -> None:
    band = site(tmp_path).check(MATCHER)
    assert (band.admit, band.borderline) == (ADMIT, BORDERLINE)
    stricter = site(tmp_path, ("max_worst_group_fmr = 0.001", "max_worst_group_fmr = 0.0002"))
    assert stricter.check(MATCHER).admit > ADMIT
    surer = site(tmp_path, ("max_fmr = 0.0001", "max_fmr = 0.00007"), ('"measured"', '"upper"'))
    assert surer.check(MATCHER).admit > ADMIT
    patient = site(tmp_path, ("rare_holders = 0.01", "rare_holders = 0.001"))
    assert patient.check(MATCHER).borderline < BORDERLINE


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(MATCHER, name="net2"), "no calibration for matcher net2, only for net"),
        (replace(MATCHER, sha256="c" * 64), r"made-up\.json was measured with other weights of net"),
        (
            replace(MATCHER, preprocessing="c" * 64),
            r"made-up\.json \(in fp32\): measured with other preprocessing or in another arithmetic",
        ),
    ],
)
def test_uncalibrated_matcher_stops_start_with_advice(
    tmp_path: Path, other: MatcherIdentity, said: str
) -> None:
    policy = site(tmp_path)
    with pytest.raises(PolicyError, match=rf"{said}.*python -m benchmarks calibrate"):
        policy.check(other)
    assert policy.band(other) is None
    assert isinstance(policy.achieved_fmr(other, Measured(0.9)), NotAssessed)
    assert isinstance(policy.achieved_fmr(MATCHER, NotAssessed("no face")), NotAssessed)


def test_unaccepted_load_stops_start(tmp_path: Path) -> None:
    """It lowers no threshold."""
    policy = site(tmp_path, ("accepted_referral_load = 0.1", "accepted_referral_load = 0.049"))
    with pytest.raises(PolicyError, match=r"5\.00% of genuine holders .* accepted_referral_load is 4\.90%"):
        policy.check(MATCHER)
    band = policy.band(MATCHER)
    assert band is not None
    assert band.admit == ADMIT


def test_policy_hash_covers_calibrations(tmp_path: Path) -> None:
    """It can be computed by hand."""
    before = site(tmp_path)
    files = [tmp_path / "policy.toml", tmp_path / "made-up.json"]
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in files)
    assert before.identity()["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    with files[1].open("a", encoding="utf-8") as file:
        file.write("\n")
    assert load(files[0]).identity()["sha256"] != before.identity()["sha256"]


def test_sites_policy_finds_shipped_calibrations(tmp_path: Path) -> None:
    """But none in place of a link that leads nowhere."""
    copy = tmp_path / "policy.toml"
    copy.write_bytes(SHIPPED.read_bytes())
    assert load(copy).identity() == load().identity()
    (tmp_path / load().comparison.calibrations[0]).symlink_to(tmp_path / "gone.json")
    with pytest.raises(PolicyError, match="cannot be read"):
        load(copy)


def test_shipped_policy_starts_with_shipped_networks(networks: Networks) -> None:
    policy = load()
    band = policy.check(networks.embedder.identity)
    assert band.borderline < band.admit
    rule = policy.comparison
    assert rule.max_fmr <= 1e-4
    assert rule.max_worst_group_fmr <= 1e-3
    achieved = policy.achieved_fmr(networks.embedder.identity, Measured(band.admit))
    assert isinstance(achieved, Measured)
    assert achieved.value <= rule.max_worst_group_fmr


def test_policy_error_names_line_and_key(tmp_path: Path) -> None:
    line = policy_text().splitlines().index("[capture]") + 2
    with pytest.raises(PolicyError) as caught:
        site(
            tmp_path, ("\ngood_frames = 2", "\ngood_frames = 0"), ('when_lost = "cpu"', 'when_lost = "hope"')
        )
    said = str(caught.value).splitlines()
    assert f"policy {tmp_path / 'policy.toml'}, line {line}, capture.good_frames: " in said[1]
    assert ", engine.when_lost: " in said[0]
