"""What an operator installs: units, container file, proxies. No container runtime or proxy runs here."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.platform.settings import ENV_PREFIX, Settings
from api.serving.connections import Bounds
from api.serving.process import END_WITHIN_S
from api.web.middleware.strict_headers import MOST_ENTRIES_BYTES, MOST_IMAGE_BYTES
from lane.service import settings
from tests.support.api.running_desk import running

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / ".deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze on this machine")


def analyzed(unit: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A copy whose program exists here; the rest is checked as it is."""
    copy = folder / unit.name
    text = unit.read_text(encoding="utf-8")
    text = text.replace("/opt/passenger-lane/.venv/bin/python", sys.executable)
    copy.write_text(text.replace("file:///opt/passenger-lane/.deploy/README.md", "man:systemd(1)"))
    command = [str(ANALYZE), *arguments, str(copy)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_reads_each_unit(unit: Path, tmp_path: Path) -> None:
    done = analyzed(unit, tmp_path, "verify", "--man=no", "--recursive-errors=no")
    faults = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (faults, done.returncode) == ([], 0), done.stderr


@needs_systemd
@pytest.mark.parametrize(("unit", "most"), [("passenger-lane-desk", 15), ("passenger-lane@", 35)])
def test_unit_confines_its_process(unit: str, most: int, tmp_path: Path) -> None:
    """It can do little harm, by the score of systemd."""
    done = analyzed(DEPLOY / f"{unit}.service", tmp_path, "security", "--offline=yes", f"--threshold={most}")
    assert done.returncode == 0, done.stdout[-400:]


def test_deploy_variables_are_settings() -> None:
    for path in (*UNITS, DEPLOY / "Containerfile", DEPLOY / "desk"):
        named = set(re.findall(r"PASSENGER_LANE_[A-Z_]+", path.read_text(encoding="utf-8")))
        desk = {name.removeprefix(ENV_PREFIX).lower() for name in named if name.startswith(ENV_PREFIX)}
        lane = {
            name.removeprefix(settings.PREFIX).lower() for name in named if not name.startswith(ENV_PREFIX)
        }
        assert desk <= set(Settings.model_fields), path
        assert lane <= {*settings.Settings.model_fields, "cache"}, path


def test_desk_ends_before_being_killed() -> None:
    unit = (DEPLOY / "passenger-lane-desk.service").read_text(encoding="utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None
    assert int(found.group(1)) > END_WITHIN_S


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines.splitlines() if line]


def test_container_is_locked_and_unprivileged() -> None:
    found = instructions()
    names = [name for name, _ in found]
    known = "ARG FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD"
    assert set(names) <= set(known.split())
    assert names.count("FROM") == 2
    images = [text for name, text in found if name == "ARG"]
    assert images == [
        image for image in images if ":" in image and "latest" not in image and "/" not in image
    ]
    installs = [text for name, text in found if name == "RUN" and "pip install" in text]
    assert all("--require-hashes" in text and "--no-deps" in text for text in installs)
    assert len(installs) == 1
    assert [text for name, text in found if name == "USER"] == ["10001:10001"]
    assert names.index("USER") > len(names) - names[::-1].index("COPY") - 1
    for text in (text for name, text in found if name == "COPY" and not text.startswith("--from=build")):
        assert (ROOT / text.split()[0]).exists(), text
    assert not re.search(
        r"(?i)password|token|secret", " ".join(text for name, text in found if name == "ENV")
    )


def test_container_health_asks_desk_readiness(tmp_path: Path) -> None:
    (check,) = [text for name, text in instructions() if name == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    command[0] = sys.executable
    with running(tmp_path) as desk:
        port = {f"{ENV_PREFIX}PORT": desk.address.rpartition(":")[2]}
        assert subprocess.run(command, env=port, check=False).returncode == 0
    assert subprocess.run(command, env=port, check=False, capture_output=True).returncode == 1


def test_proxy_fits_desk_and_lanes() -> None:
    """It lets go of a connection before the desk does, and takes what lanes send."""
    for name, pattern in (("Caddyfile", r"keepalive (\d+)s"), ("nginx.conf", r"keepalive_timeout (\d+)s")):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        found = re.search(pattern, text)
        assert found is not None
        assert int(found.group(1)) < Bounds().between_s
        size = re.search(r"(?:max_size|client_max_body_size) (\d+)(?:MB|m)", text)
        assert size is not None
        assert int(size.group(1)) * 1_000_000 > max(MOST_IMAGE_BYTES, MOST_ENTRIES_BYTES)
        assert text.count("{") == text.count("}")


def test_every_documented_metric_exists() -> None:
    table = (DEPLOY / "README.md").read_text(encoding="utf-8")
    table = table[table.index("| metric") : table.index("No label names")]
    named = {name.removesuffix("_total") for name in re.findall(r"`(\w+)(?:\{[a-z,]+\})?`", table)}
    code = "".join((ROOT / "api" / name).read_text() for name in ("platform/metrics.py", "web/gauges.py"))
    assert {name for name in named if f'"{name}"' not in code} == set()
