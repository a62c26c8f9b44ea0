"""Joules that a piece of work costs, where the machine counts them: processors by RAPL, GPUs by NVML.

What is counted is the whole of a processor or GPU while the work lasts, idle time between frames and whatever
else the machine does included. Where a machine does not count, there is no figure but a reason.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pynvml

from benchmarks.harness.result import Figure, Name, counts, not_available

POWERCAP = Path("/sys/class/powercap")
MICRO, MILLI = 1e-6, 1e-3


class Meter(Protocol):
    def joules(self) -> float:
        """Since any fixed moment; never goes back. Raises OSError where it cannot be read any more."""
        ...


@dataclass(slots=True)
class _Zone:
    """One counter of RAPL, which begins anew at its range: at 100 W after about three quarters of an hour."""

    folder: Path
    _last_uj: int
    _range_uj: int
    _sum_uj: int = 0

    def joules(self) -> float:
        now_uj = _number(self.folder / "energy_uj")
        passed_uj = now_uj - self._last_uj
        self._sum_uj += passed_uj if passed_uj >= 0 else passed_uj + self._range_uj
        self._last_uj = now_uj
        return self._sum_uj * MICRO


@dataclass(frozen=True, slots=True)
class Rapl:
    """The processors' packages, and the memory where it is counted by itself. See `Meter`.

    A package's own parts (core, uncore) are in its sum already, and so would be the whole board's (psys).
    Read at least once in each range of a counter, it loses nothing.
    """

    zones: tuple[_Zone, ...]

    @classmethod
    def find(cls, root: Path = POWERCAP) -> "Rapl | str":
        """Ready, or why not."""
        folders = sorted(folder for folder in root.glob("intel-rapl:*") if _counts(folder))
        if not folders:
            return f"no processor counts its energy here: no package under {root}/intel-rapl*"
        try:
            return cls(tuple(map(_zone, folders)))
        except PermissionError:
            return f"{folders[0]}/energy_uj is readable for root alone"
        except (OSError, ValueError) as error:
            return f"{folders[0]}/energy_uj cannot be read: {error}"

    def joules(self) -> float:
        return sum(zone.joules() for zone in self.zones)


def _counts(folder: Path) -> bool:
    try:
        name = (folder / "name").read_text(encoding="ascii").strip()
    except OSError:
        return False
    return name.startswith("package") or name == "dram"


def _zone(folder: Path) -> _Zone:
    return _Zone(folder, _number(folder / "energy_uj"), _number(folder / "max_energy_range_uj"))


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


@dataclass(frozen=True, slots=True)
class Nvml:
    """All NVIDIA GPUs that the driver shows. See `Meter`. By NVML's reference; has not run on a GPU."""

    devices: tuple[Any, ...]  # NVML's handles have no types

    @classmethod
    def find(cls) -> "Nvml | str":
        """Ready, or why not."""
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            found = cls(tuple(map(pynvml.nvmlDeviceGetHandleByIndex, range(count))))
            found.joules()
        except pynvml.NVMLError_LibraryNotFound as error:
            return f"no NVIDIA driver here: {error}"
        except (pynvml.NVMLError, OSError) as error:
            return f"no NVIDIA GPU counts its energy here: {error}"
        return found if found.devices else "NVML shows no GPU"

    def joules(self) -> float:
        """Of all of them, since the driver was loaded. GPUs before Volta do not count."""
        try:
            return float(sum(map(pynvml.nvmlDeviceGetTotalEnergyConsumption, self.devices))) * MILLI
        except pynvml.NVMLError as error:
            raise OSError(f"a GPU does not give its energy: {error}") from error


@dataclass(slots=True)
class EnergyUse:
    """What a piece of work cost; complete once the work is done."""

    joules: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def figures(self, row: Name, decisions: int) -> Iterator[Figure]:
        for name, joules in self.joules.items():
            if decisions and self.seconds:
                yield Figure(name=(*row, name, "a decision"), value=round(joules / decisions, 4), unit="J")
                numbers = {"joules": round(joules, 3), "mean watts": round(joules / self.seconds, 3)}
                yield from counts((*row, name), numbers)
        yield from not_available(self.reasons, *row)


def meters() -> dict[str, Meter | str]:
    """This machine's, or why there is none."""
    return {"processor": Rapl.find(), "gpu": Nvml.find()}


@contextmanager
def counted(meters: Mapping[str, Meter | str]) -> Iterator[EnergyUse]:
    """The energy of the block, by each meter that is there."""
    used = EnergyUse(reasons={name: meter for name, meter in meters.items() if isinstance(meter, str)})
    there = {name: meter for name, meter in meters.items() if not isinstance(meter, str)}
    before, began_s = {name: meter.joules() for name, meter in there.items()}, time.monotonic()
    yield used
    used.seconds = time.monotonic() - began_s
    for name, meter in there.items():
        try:
            used.joules[name] = meter.joules() - before[name]
        except OSError as error:
            used.reasons[name] = f"not to the end: {error}"
