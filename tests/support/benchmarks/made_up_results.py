"""Results as benchmarks write them, with figures that nobody measured."""

import json
from pathlib import Path
from typing import Any

from benchmarks.capacity.bisection import Step
from benchmarks.harness.result import SHARE, Figure, Name, Result, not_available, parse

CPU = "CPUExecutionProvider"
NETWORKS = [
    {"role": "detector", "name": "yunet", "sha256": "2" * 64, "provider": CPU},
    {"role": "matcher", "name": "sface", "sha256": "8" * 64, "provider": CPU},
]
STAGES = {"detect": 9.0, "quality": 1.2, "embed": 13.0, "decide": 0.3}


def stamp(**changed: Any) -> dict[str, Any]:
    return {
        "date_utc": "2026-11-25T21:00:00+00:00",
        "commit": {"id": "c507155aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5", "dirty": False},
        "cpu": "Some Processor",
        "features": ["avx2", "amx_int8"],
        "cores": 2,
        "host_cores": 2,
        "affinity": 2,
        "quota_cores": None,
        "threads": 2,
        "threads_asked": None,
        "memory_bytes": 8_000_000_000,
        "memory_limit_bytes": None,
        "gpus": 0,
        "gpu_models": [],
        "gpu_driver": None,
        "os": "Linux 6.18 x86_64",
        "python": "3.11.7",
        "libraries": {"onnxruntime": "1.32.0", "numpy": "2.4.6"},
        "clock": {"function": "perf_counter_ns", "implementation": "clock_gettime", "source": "tsc"},
        "policy": {"version": "1", "sha256": "a" * 64},
        "networks": NETWORKS,
        **changed,
    }


def result(
    benchmark: str,
    *figures: Figure,
    conditions: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **changed: Any,
) -> Result:
    """With a lane's own conditions, as the stamp has them."""
    values = {
        "benchmark": benchmark,
        "stamp": stamp(**changed),
        "conditions": {},
        "settings": settings or {},
        "figures": [one.model_dump(mode="json") for one in figures],
    }
    found = parse(json.dumps(values), "made up")
    return found.model_copy(update={"conditions": {**found.stamp.same_lane, **(conditions or {})}})


def spread(name: Name, middle_ms: float, samples: int = 200) -> Figure:
    times = {"p90": 1.1, "p95": 1.2, "p99": 1.4, "max": 1.6}
    tails = {part: round(middle_ms * more, 4) for part, more in times.items()}
    return Figure(name=name, value=middle_ms, unit="ms", better="lower", n=samples, tails=tails)


def latency(
    times: float = 1.0,
    *,
    conditions: dict[str, Any] | None = None,
    samples: int = 200,
    missing: dict[str, str] | None = None,
    provider: str = CPU,
    **changed: Any,
) -> Result:
    beside = Figure(name=("face_recognition", "whole", "times as fast"), value=7.9, unit="×", better="higher")
    asked = {"frames": "640x480", "threads": changed.get("threads", 2)}
    return result(
        "latency",
        spread((provider, "end to end"), 25 * times, samples),
        *(spread((provider, stage), middle * times) for stage, middle in STAGES.items()),
        beside,
        *not_available({"opencv": "not installed"} | (missing or {})),
        conditions=asked | (conditions or {}),
        **changed,
    )


def capacity(
    lanes: int = 4, times: float = 1.0, *, conditions: dict[str, Any] | None = None, **changed: Any
) -> Result:
    asked = {"frames_per_second": 15, "good_frames": 3, "passenger_every_s": 2, "limit_ms": 100}
    steps = (1, 2, 4, 3)
    return result(
        "capacity",
        Figure(name=("lanes",), value=lanes, better="higher"),
        *(spread(("decision", "lanes", f"{count}"), 20 * times * (1 + count)) for count in steps),
        *(
            Figure(name=("steps", "lanes", f"{count}", name), value=value)
            for count in steps
            for name, value in (
                ("carried", int(count <= lanes)),
                ("cpu share", 0.2),
                ("passed over share", 0),
            )
        ),
        conditions=asked | (conditions or {}),
        **changed,
    )


def limit(missing: dict[str, str] | None = None, *, share: float = 0.86, **changed: Any) -> Result:
    networks = {"yunet 1×3×256×320": (0.2, 0.41), "sface 1×3×112×112": (1.2, share)}
    rates = {"float32 product by onnxruntime": 182.0, "copy, read and written": 11.0}
    rates |= {} if missing else {"int8 product": 1100.0}
    lane = ("overhead", "lane over bare networks")
    return result(
        "limit",
        *(
            Figure(name=("ceilings", name, "median"), value=rate, unit="GFLOP/s", better="higher")
            for name, rate in rates.items()
        ),
        *not_available(missing or {}, "ceilings"),
        *(
            figure
            for name, (gflop, part) in networks.items()
            for figure in (
                Figure(name=("graphs", name, "share of limit"), value=part, unit=SHARE, better="higher"),
                Figure(name=("work", name, "gflop"), value=gflop),
            )
        ),
        Figure(name=lane, value=1.11, unit="×", better="lower"),
        conditions={"threads": 2},
        **changed,
    )


def write(made: Result, path: Path) -> Path:
    path.write_text(made.text(), encoding="utf-8")
    return path


def of_step(step: Step) -> dict[str, Figure]:
    """A step's figures by the first part of their names, those of the steps' table by the last."""
    return {one.name[-1] if one.name[0] == "steps" else one.name[0]: one for one in step.figures}
