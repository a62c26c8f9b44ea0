"""A policy file is read strictly: what is wrong in it is said, and no check goes missing."""

from pathlib import Path

import pytest

from lane.errors import PolicyError
from lane.policy import SHIPPED, load
from tests.lane.evidence import BAND


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("borderline = ", "borderline = 0.99 #"), "borderline must not be above admit"),
        (("good_frames = 3", "good_frames = 0"), "good_frames"),
        (("good_frames = 3", "good_frame = 3"), "good_frame"),
        (("timeout_s = 7.0", "timeout_s = nan"), "timeout_s"),
        (('when_not_assessed = "signal"', 'when_not_assessed = "ignore"'), "when_not_assessed"),
        (("brightness = {", "brightness = { mix = 1 } #"), "mix"),
        (("[liveness]", "[liveness"), "not TOML"),
        (("source = ", 'source = "" #'), "source"),
        (("sharpness = ", "# sharpness = "), "no limit for sharpness"),
        (("[quality.document]\ninter_eye", "[quality.document]\n# inter_eye"), "no limit for inter_eye"),
        (("yaw_deg = { min = -30, max = 30 }", "yaw_deg = { min = 30, max = -30 }"), "min is above max"),
        (("admit = 0.46", "admit = -1"), "admit"),
        (("admit = 0.46", 'admit = "0.46"'), "admit"),
        (("good_frames = 3", "good_frames = true"), "good_frames"),
        (("good_frames = 3", "good_frames = 1"), "good_frames"),
        (("minimum = 0.5", "minimum = 0.0"), "minimum"),
        (("second_face_ratio = 0.5", "second_face_ratio = 1.0"), "second_face_ratio"),
        (("version = ", "for_stills = true\nversion = "), "not for a file to say"),
    ],
)
def test_a_wrong_policy_is_refused_and_says_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(SHIPPED.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match=said):
        load(path)


def test_two_thresholds_for_one_file_are_refused(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    path = tmp_path / "policy.toml"
    path.write_text(text + text[text.index("[[matcher]]") :].replace("0.46", "0.40"), encoding="utf-8")
    with pytest.raises(PolicyError, match="two thresholds"):
        load(path)


def test_the_shipped_source_is_a_file_that_exists() -> None:
    assert (Path(__file__).parents[2] / BAND.source).is_file()


def test_a_missing_policy_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "none.toml")
