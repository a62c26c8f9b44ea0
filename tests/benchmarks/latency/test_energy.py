"""Energy from a made-up machine: what is summed, what wraps around, and what is said where nothing counts."""

from pathlib import Path

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.result import NotAvailable
from benchmarks.latency.energy import EnergyUse, Nvml, Rapl, counted, meters

RANGE_UJ = 262_143_328_850


def zone(root: Path, name: str, called: str, energy_uj: int) -> Path:
    """As Linux shows a counter, but for what nobody here reads."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{called}\n", encoding="ascii")
    (folder / "energy_uj").write_text(f"{energy_uj}\n", encoding="ascii")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n", encoding="ascii")
    return folder


def found(root: Path) -> Rapl:
    rapl = Rapl.find(root)
    assert isinstance(rapl, Rapl), rapl
    return rapl


def test_packages_and_memory_summed_without_duplicates(tmp_path: Path) -> None:
    places = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:0:1": "dram"}
    places |= {"intel-rapl:1": "package-1", "intel-rapl:2": "psys", "intel-rapl-mmio:0": "package-0"}
    for name, called in places.items():
        zone(tmp_path, name, called, 1_000_000)
    rapl = found(tmp_path)
    for name, called in places.items():
        zone(tmp_path, name, called, 3_000_000)
    assert rapl.joules() == pytest.approx(3 * 2)


def package(root: Path, energy_uj: int) -> Path:
    return zone(root, "intel-rapl:0", "package-0", energy_uj)


def test_restarted_counter_goes_on(tmp_path: Path) -> None:
    package(tmp_path, RANGE_UJ - 2_000_000)
    rapl = found(tmp_path)
    for energy_uj, joules in ((1_000_000, 3), (5_000_000, 7)):
        package(tmp_path, energy_uj)
        assert rapl.joules() == pytest.approx(joules)


@given(st.lists(st.integers(0, RANGE_UJ - 1), min_size=1, max_size=20))
def test_energy_never_goes_back(tmp_path_factory: pytest.TempPathFactory, readings: list[int]) -> None:
    root = tmp_path_factory.mktemp("powercap")
    package(root, 0)
    rapl, before = found(root), 0.0
    for energy_uj in readings:
        package(root, energy_uj)
        now = rapl.joules()
        assert now >= before
        before = now


def test_machine_without_counters_says_so(tmp_path: Path) -> None:
    assert "no processor counts" in str(Rapl.find(tmp_path))
    assert "no processor counts" in str(Rapl.find(tmp_path / "missing"))
    (package(tmp_path, 0) / "energy_uj").write_text("much\n", encoding="ascii")
    assert "cannot be read" in str(Rapl.find(tmp_path))


class Driver:
    """Answers as NVML does: so many GPUs, each with so many millijoules, or an error."""

    def __init__(self, patch: pytest.MonkeyPatch, devices: int, error: int | None = None) -> None:
        self.millijoules, self._error = 1_000, error
        patch.setattr(pynvml, "nvmlInit", lambda: None)
        patch.setattr(pynvml, "nvmlDeviceGetCount", lambda: devices)
        patch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda number: number)
        patch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", self._energy)

    def _energy(self, device: int) -> int:
        if self._error is not None:
            raise pynvml.NVMLError(self._error)
        return self.millijoules


def test_gpus_are_summed_or_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch, devices=2)
    nvml = Nvml.find()
    assert isinstance(nvml, Nvml)
    with counted({"gpu": nvml}) as used:
        driver.millijoules = 3_500
    assert used.joules == {"gpu": pytest.approx(5)}
    Driver(monkeypatch, devices=0)
    assert "no GPU" in str(Nvml.find())
    Driver(monkeypatch, 1, pynvml.NVML_ERROR_NOT_SUPPORTED)
    assert "does not give its energy: Not Supported" in str(Nvml.find())

    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    assert "no NVIDIA driver" in str(Nvml.find())


def test_decision_costs_share_uncounted_is_null(tmp_path: Path) -> None:
    package(tmp_path, 0)
    with counted({"processor": found(tmp_path), "gpu": "none here"}) as used:
        package(tmp_path, 10_000_000)
    figures = {one.name: one for one in used.figures(("energy",), 4)}
    assert figures["energy", "processor", "joules"].number == 10
    assert figures["energy", "processor", "a decision"].number == 2.5
    assert (figures["energy", "processor", "mean watts"].number or 0) > 0
    assert figures["energy", "gpu"].value == NotAvailable(not_available="none here")
    with counted({"processor": found(tmp_path)}) as used:
        (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    (none,) = used.figures(("energy",), 1)
    assert isinstance(none.value, NotAvailable)
    assert "not to the end" in none.value.not_available


def test_this_machine_tells_energy_or_why() -> None:
    with counted(meters()) as used:
        pass
    assert isinstance(used, EnergyUse)
    assert set(used.joules) | set(used.reasons) == {"processor", "gpu"}
