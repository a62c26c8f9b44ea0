"""How long a frame takes from camera to decision, by stage, on each provider of this machine."""

from collections.abc import Sequence
from typing import Any

from benchmarks import frames, machine, peers
from benchmarks.passes import STAGES, LanePass, Sample, warm_up
from benchmarks.progress import follow
from benchmarks.stamp import networks, stamp
from benchmarks.timing import settled_garbage, spread
from lane.policy import Policy
from models.errors import ProviderError
from models.ort import CPU, available_cores

WARM_UP = 10


def measure(count: int, threads: int | None, providers: Sequence[str]) -> dict[str, Any]:
    """The CPU and, where they run every node, other providers; then the peers, as JSON values."""
    rules = machine.policy()
    measured, failed = {}, {}
    measured[CPU], beside = _on_cpu(rules, count, threads)
    for provider in providers:
        try:
            measured[provider] = _on(provider, rules, count, threads)
        except ProviderError as error:
            failed[provider] = str(error)
    return {
        "benchmark": "latency",
        "stamp": {**stamp(rules, threads=threads), "garbage_collection": "on; set-up frozen", **_work()},
        "providers": measured,
        "providers_not_measured": failed,
        "peers": beside,
    }


def _on_cpu(rules: Policy, count: int, threads: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The lane alone first: a peer between its frames would empty its caches."""
    measurer = machine.measurer(rules, threads=threads)
    rules.check(measurer.networks.embedder.identity)  # PolicyError says more than an admission that fails
    walk = frames.holder(measurer)
    lane = LanePass(measurer, rules, walk)
    warm_up(lane, walk.first(WARM_UP))
    alone = _told(_samples(lane, walk, count, CPU), threads) | {"networks": networks(measurer.networks)}
    return alone, peers.compared(lane, walk, count)


def _on(provider: str, rules: Policy, count: int, threads: int | None) -> dict[str, Any]:
    measurer = machine.measurer(rules, provider=provider, threads=threads)
    walk = frames.holder(measurer)
    lane = LanePass(measurer, rules, walk)
    warm_up(lane, walk.first(WARM_UP))
    samples = _samples(lane, walk, count, provider)
    return _told(samples, threads) | {"networks": networks(measurer.networks)}


def _samples(lane: LanePass, walk: frames.Walk, count: int, provider: str) -> list[Sample]:
    with settled_garbage():
        return [lane.run(frame) for frame in follow(walk.first(count), f"Timing {provider}")]


def _told(samples: Sequence[Sample], threads: int | None) -> dict[str, Any]:
    return {
        "threads": threads or available_cores(),
        "stages": {stage: spread([sample.stages_ns[stage] for sample in samples]) for stage in STAGES},
        "end_to_end": spread([sample.whole_ns for sample in samples]),
    }


def _work() -> dict[str, str]:
    return {"frames": f"640x480, {frames.DISTINCT} of the simulated holder standing, seed {frames.SEED}"}
