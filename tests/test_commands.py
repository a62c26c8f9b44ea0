"""What every command line of the project keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import api.platform.settings
import lane.service.settings
from lane.platform.settings import keys
from tests.support import tiers

ROOT = Path(__file__).parents[1]
SETTINGS = [
    pytest.param("api", api.platform.settings.Settings, api.platform.settings.ENV_PREFIX, id="api"),
    pytest.param("lane", lane.service.settings.Settings, lane.service.settings.PREFIX, id="lane"),
]


HEAVY = {
    "alembic", "authlib", "av", "cryptography", "cv2", "fastapi", "httpx", "matplotlib", "numpy", "onnx",
    "onnxruntime", "PIL", "pydantic", "pydantic_settings", "sqlalchemy", "starlette", "uvicorn", "webauthn",
}  # fmt: skip
"""Packages that take longer to load than a command line may take to answer."""


@pytest.mark.parametrize(
    ("package", "may_load"),
    [
        ("api", set[str]()),
        ("benchmarks", set[str]()),
        ("lane", set[str]()),
        ("models", {"pydantic"}),  # the catalogue's few types take 0.05 s
    ],
)
def test_help_loads_no_heavy_package(package: str, may_load: set[str]) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{package!r}, '--help']\n"
        f"try: runpy.run_module({package!r}, run_name='__main__')\n"
        f"finally: print(sorted({HEAVY - may_load!r} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stderr.strip() == "[]"


@tiers.parametrize("command", ["lane settings", "api openapi", "api settings", "models --help"], quick=1)
def test_command_survives_its_gone_reader(command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.parametrize(("package", "settings", "prefix"), SETTINGS)
def test_every_setting_is_told_with_meaning(package: str, settings: type[BaseModel], prefix: str) -> None:
    found = list(keys(settings, prefix))
    assert [key.key for key in found if not key.meaning.endswith(".")] == []
    assert {key.key.partition(".")[0] for key in found} == set(settings.model_fields)
    command = [sys.executable, "-m", package, "settings"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [key["key"] for key in json.loads(told)] == [key.key for key in found]
    for key in found:
        assert f"{key.key} = " in text
        assert key.environment in text


@pytest.mark.parametrize(("package", "settings", "prefix"), SETTINGS)
def test_setting_reads_its_told_variable(
    package: str, settings: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = api.platform.settings.load if package == "api" else lane.service.settings.read
    defaults = load().model_dump()
    for key in keys(settings, prefix):
        if key.default and not key.default.startswith("["):
            monkeypatch.setenv(key.environment, str(json.loads(key.default)))
    assert load().model_dump() == defaults
