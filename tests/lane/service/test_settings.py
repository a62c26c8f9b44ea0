"""Settings are read once; what is wrong in them is said before anything opens."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from lane.platform.errors import SettingsError
from lane.platform.toml_positions import lines
from lane.service import settings


def written(folder: Path, text: str) -> Path:
    path = folder / "lane.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_environment_overrides_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, 'lane = "lane-7"\ntime_zone = "Asia/Shanghai"\n')
    monkeypatch.setenv("PASSENGER_LANE_LANE", "lane-8")
    found = settings.read(path)
    assert found.lane == "lane-8"
    assert str(found.zone()) == "Asia/Shanghai"


@pytest.mark.parametrize(
    "address", ["https://desk.example", "http://127.0.0.1:8300", "http://[::1]:1", "http://localhost"]
)
def test_desk_needs_https_or_localhost(address: str) -> None:
    assert settings.read(desk={"address": address}).desk.address == address


@pytest.mark.parametrize(
    "address", ["http://10.0.0.5:8300", "http://desk.example", "nonsense", "ftp://desk.example", "https://"]
)
def test_faces_and_decisions_travel_encrypted(address: str) -> None:
    with pytest.raises(SettingsError, match="desk"):
        settings.read(desk={"address": address})


def test_unknown_setting_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, 'polcy = "x.toml"\n')
    with pytest.raises(SettingsError, match="polcy"):
        settings.read(path)
    monkeypatch.setenv("PASSENGER_LANE_POLICYY", "x.toml")
    with pytest.raises(SettingsError, match="policyy"):
        settings.read()


def test_foreign_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the desk and of the networks are not the lane's."""
    monkeypatch.setenv("PASSENGER_LANE_DESK_PORT", "1")
    monkeypatch.setenv("PASSENGER_LANE_CACHE", "/nowhere")
    monkeypatch.setenv("PASSENGER_LANE_CATALOGUE", "/nowhere/own.toml")
    assert settings.read().lane == "lane-1"


def test_a_secret_is_in_no_message() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read(desk={"token": "very-secret-token"}, lane="NOT A NAME")
    assert "very-secret" not in str(caught.value)
    assert "very-secret" not in repr(settings.read(desk={"token": "very-secret-token"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lane = [", "not TOML"),
        ('time_zone = "Asia/Nowhere"', "not known"),
        ("[engine]\nthreads = 0", "threads"),
        (None, "cannot be read"),
    ],
)
def test_wrong_file_is_told_with_reason(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "none.toml" if text is None else written(tmp_path, text)
    with pytest.raises(SettingsError, match=said):
        settings.read(path)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            'lane = "lane-1"\n\n[desk]\n# the site\'s\nadress = "x"\n',
            5,
            "desk.adress: there is no such setting",
        ),
        ('[desk]\nadress = "x"\n', 2, "did you mean desk.address?"),
        ('[engine]\naddress = "x"\n', 2, "did you mean desk.address?"),
        ('[desk]\naddress = "http://desk.example"\n', 2, "desk.address: faces and decisions travel here"),
        ("evaluation.cohort_groups = [\n  'CHN',\n  'lower',\n]\n", 1, "evaluation.cohort_groups"),
        ('policy = """\nnot\n[desk]\n"""\ntime_zone = "Asia/Nowhere"\n', 5, "time_zone: Asia/Nowhere is not"),
        ("engine = { threads = 0 }\n", 1, "engine.threads: "),
        ('lane = "a"\n[desk]\ntoken = 5\n', 3, "desk.token: "),
        ("desk = 'http://127.0.0.1:1'", 1, "desk: is a section: write address under [desk]"),
        ("token = 'x'", 1, "token: there is no such setting; did you mean desk.token?"),
    ],
)
def test_file_error_names_line_and_key(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        settings.read(path)
    assert f"{path}, line {line}, " in str(caught.value)
    assert said in str(caught.value)


def test_all_errors_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "lane = 'NO NAME'\n[retention]\npictures_for_s = -1\n")
    monkeypatch.setenv("PASSENGER_LANE_ENGINE__THREADS", "none")
    with pytest.raises(SettingsError) as caught:
        settings.read(path)
    places = [line.partition(": ")[0] for line in str(caught.value).splitlines()]
    in_file = [f"{path}, line 1, lane", f"{path}, line 3, retention.pictures_for_s"]
    assert sorted(places) == sorted([*in_file, "PASSENGER_LANE_ENGINE__THREADS"])


def test_section_merges_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, '[desk]\naddress = "https://desk.example"\ntoken = "of-the-file"\n')
    monkeypatch.setenv("PASSENGER_LANE_DESK__TOKEN", "of-the-environment")
    monkeypatch.setenv("PASSENGER_LANE_EVALUATION__COHORT_GROUPS", '["CHN", "JPN"]')
    found = settings.read(path)
    assert found.desk.address == "https://desk.example"
    assert found.desk.token.get_secret_value() == "of-the-environment"
    assert found.evaluation.cohort_groups == {"CHN", "JPN"}


@given(st.text(alphabet=" \t\n[].='\"#\\{},ab1_-", max_size=60))
def test_every_toml_key_has_its_line(text: str) -> None:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = lines(text)
    assert {where[0] for where in found} == set(values)
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in found.values())


EXAMPLE = Path(__file__).parents[3] / ".deploy" / "lane.toml"


@pytest.mark.parametrize("everything", [False, True], ids=["as it is", "with all that is commented out"])
def test_the_example_is_a_lanes_settings(everything: bool, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    if everything:
        text = re.sub(r"^#(?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
        text = text.replace('user = "lane"', 'user = "lane"\npassword = "x"')
    path = written(tmp_path, text)
    settings.read(path)
    assert set(tomllib.loads(text)) >= {
        name for name, part in settings.Settings.model_fields.items() if isinstance(part.default, BaseModel)
    }
