"""Settings are read once; what is wrong in them is said before anything opens."""

from pathlib import Path

import pytest

from lane import config
from lane.errors import SettingsError


def test_the_environment_weighs_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lane.toml"
    path.write_text('lane = "lane-7"\ntime_zone = "Asia/Shanghai"\n', encoding="utf-8")
    monkeypatch.setenv("PASSENGER_LANE_LANE", "lane-8")
    settings = config.read(path)
    assert settings.lane == "lane-8"
    assert str(settings.zone()) == "Asia/Shanghai"


@pytest.mark.parametrize(
    "address", ["https://desk.example", "http://127.0.0.1:8300", "http://[::1]:1", "http://localhost"]
)
def test_a_desk_is_reached_by_https_or_on_this_machine(address: str) -> None:
    assert config.read(desk=address).desk == address


@pytest.mark.parametrize(
    "address", ["http://10.0.0.5:8300", "http://desk.example", "nonsense", "ftp://desk.example", "https://"]
)
def test_faces_and_decisions_never_travel_in_the_clear(address: str) -> None:
    with pytest.raises(SettingsError, match="desk"):
        config.read(desk=address)


def test_an_unknown_setting_is_an_error_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lane.toml"
    path.write_text('polcy = "x.toml"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="polcy"):
        config.read(path)
    monkeypatch.setenv("PASSENGER_LANE_POLICYY", "x.toml")
    with pytest.raises(SettingsError, match="policyy"):
        config.read()


def test_the_desks_and_the_networks_variables_are_not_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_LANE_DESK_PORT", "1")
    monkeypatch.setenv("PASSENGER_LANE_CACHE", "/nowhere")
    monkeypatch.setenv("PASSENGER_LANE_CATALOGUE", "/nowhere/own.toml")
    assert config.read().lane == "lane-1"


def test_a_secret_is_in_no_message() -> None:
    with pytest.raises(SettingsError) as caught:
        config.read(token="very-secret-token", lane="NOT A NAME")
    assert "very-secret" not in str(caught.value)
    assert "very-secret" not in repr(config.read(token="very-secret-token"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("lane = [", "not TOML"), ('time_zone = "Asia/Nowhere"', "not known"), ("threads = 0", "threads")],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "lane.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        config.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        config.read(tmp_path / "none.toml")
