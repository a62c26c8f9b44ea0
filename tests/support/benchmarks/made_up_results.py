"""Results as benchmarks write them, with figures that nobody measured."""

import json
from pathlib import Path
from typing import Any

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


def spread(middle_ms: float, samples: int = 200) -> dict[str, float | int]:
    tails = {"p50": 1.0, "p90": 1.1, "p95": 1.2, "p99": 1.4, "max": 1.6}
    return {"n": samples} | {f"{name}_ms": round(middle_ms * times, 4) for name, times in tails.items()}


def latency(times: float = 1.0, **changed: Any) -> dict[str, Any]:
    stages = {name: spread(middle * times) for name, middle in STAGES.items()}
    said = {"threads": 2, "stages": stages, "end_to_end": spread(25 * times)}
    return {
        "benchmark": "latency",
        "stamp": stamp(**{"frames": "640x480", **changed}),
        "providers": {CPU: said},
        "peers": {"face_recognition": {"ratio": 7.9}, "opencv": {"skipped": "not installed"}},
    }


def capacity(lanes: int = 4, times: float = 1.0, **changed: Any) -> dict[str, Any]:
    steps = [
        {
            "lanes": count,
            "decision": spread(20 * times * (1 + count)),
            "broken": [] if count <= lanes else ["decided later than 100 ms (p99)"],
        }
        for count in (1, 2, 4, 3)
    ]
    asked = {"frames_per_second": 15, "good_frames": 3, "passenger_every_s": 2, "limit_ms": 100}
    return {"benchmark": "capacity", "stamp": stamp(**changed), **asked, "lanes": lanes, "steps": steps}


def limit(missing: dict[str, str] | None = None, **changed: Any) -> dict[str, Any]:
    graphs = [
        {"network": "yunet", "input": [1, 3, 256, 320], "gflop": 0.2, "share_of_limit": {"ratio": 0.41}},
        {"network": "sface", "input": [1, 3, 112, 112], "gflop": 1.2, "share_of_limit": {"ratio": 0.86}},
    ]
    ceilings = {
        "float32_gflop_per_s": {"product": {"p50": 182.0}},
        "reduced_gop_per_s": {} if missing else {"int8": {"p50": 1100.0}},
        "not_measured": missing or {},
        "copy_gb_per_s": {"p50": 11.0},
    }
    said = {"graphs": graphs, "overhead": {"ratio": 1.11}, "ceilings": ceilings}
    return {"benchmark": "limit", "stamp": stamp(**changed), **said}


def write(result: dict[str, Any], path: Path) -> Path:
    path.write_text(json.dumps(result), encoding="utf-8")
    return path
