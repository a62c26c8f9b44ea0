"""What stands between this machine and a lane that runs: facts, a check of each network, and advice.

Looks, times and tells; changes nothing. A network that is missing or broken is a finding, not an error.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.detect.face_mesh import FaceMesh
from models.embed.template import FaceEmbedder
from models.errors import ModelError
from models.networks import build, known_face
from models.runtime.bf16 import in_bf16, native_bf16
from models.runtime.denormals import SUPPORTED
from models.runtime.machine import Host, host, versions
from models.runtime.onnx_runtime import OrtSession, RuntimeSettings, available_providers, why_unavailable
from models.runtime.providers import CPU, CUDA, IN_BF16, KNOWN, installed_runtimes, named, refuse_two_runtimes
from models.runtime.threads import ThreadPlan, cores, limits, plan

RUNS = 15
"""Warm runs that are timed."""


@dataclass(frozen=True, slots=True)
class Health:
    """One network, as far as it came."""

    spec: NetworkSpec
    state: weights.State
    provider: str = ""
    """Where every node of it ran; empty where it did not load."""
    nodes: int = 0
    load_ms: float | None = None
    """Loading and warming up on all shapes."""
    run_ms: float | None = None
    """Median of warm runs at `shape`."""
    shape: tuple[int, int] = (0, 0)
    """Width and height."""
    drift: float | None = None
    """Of the known face's answer: largest difference of a number from the catalogue's."""
    problem: str = ""

    @property
    def well(self) -> bool:
        """It loaded, ran, and gave the known answer; or it is none that this lane needs, and not prepared."""
        return not self.problem and (self.drift is not None or not self.needed)

    @property
    def needed(self) -> bool:
        return self.spec.use == "default"


@dataclass(frozen=True, slots=True)
class Findings:
    host: Host
    plan: ThreadPlan
    runtimes: dict[str, str]
    libraries: dict[str, str]
    providers: tuple[str, ...]
    """Available here."""
    provider: str
    """Asked for."""
    denormals_flushed: bool
    bf16: str
    """By what this processor computes in bfloat16, such as `amx`; empty where it has none of its own."""
    bf16_problem: str
    """Why no matcher can run in it here."""
    networks: tuple[Health, ...]
    problems: tuple[str, ...]
    """What keeps a lane's networks from starting as they were asked to."""
    advice: tuple[str, ...]
    """What would help; nothing where all is well."""

    @property
    def well(self) -> bool:
        return not self.problems


def examine(
    cache: Path,
    provider: str = CPU,
    threads: int | None = None,
    looking: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Look at everything. ProviderError only for a provider that nobody knows."""
    wanted = named(provider)
    specs: tuple[NetworkSpec, ...] = ()
    problems: list[str] = []
    runtimes = installed_runtimes()
    try:
        specs = catalogue.load().networks
    except ModelError as error:
        problems.append(str(error))
    try:
        refuse_two_runtimes(runtimes)
    except ModelError as error:
        problems.append(str(error))
    found = available_providers() if len(runtimes) == 1 else ()
    if len(runtimes) == 1 and (reason := why_unavailable(wanted)):
        problems.append(reason)
    settings = RuntimeSettings("require", wanted.name, threads) if wanted.name in found else None
    networks = tuple(_health(spec, cache, settings, looking) for spec in specs)
    problems += [f"{one.spec.name}: {one.problem}" for one in networks if one.problem and one.needed]
    made, machine = plan(limits(), threads), host()
    bf16, bf16_problem = _bf16()
    return Findings(
        host=machine,
        plan=made,
        runtimes=runtimes,
        libraries=versions(),
        providers=found,
        provider=wanted.name,
        denormals_flushed=SUPPORTED,
        bf16=bf16,
        bf16_problem=bf16_problem,
        networks=networks,
        problems=tuple(problems),
        advice=(
            *_about_runtime(wanted.name, runtimes, found),
            *_about_files(networks, cache),
            *_about_cores(made),
            *_about_gpus(machine, wanted.name, found),
        ),
    )


def _bf16() -> tuple[str, str]:
    """No problem of a lane's: it runs in fp32 unless it is told otherwise."""
    (provider,) = IN_BF16.values()
    native = ""
    try:
        native = native_bf16()
        in_bf16(provider)
    except ModelError as error:
        return native, str(error)
    return native, why_unavailable(provider)


def _health(
    spec: NetworkSpec, cache: Path, settings: RuntimeSettings | None, looking: Callable[[str], None]
) -> Health:
    """As far as it comes; without settings no further than its file."""
    looking(spec.name)
    state = weights.state(spec, cache)
    if state != "ready":
        return Health(spec, state, problem=f"its file is {state}" if spec.use == "default" else "")
    if settings is None:
        return Health(spec, state)
    try:
        return _examined(spec, cache, settings)
    except (ModelError, OSError) as error:
        return Health(spec, state, problem=str(error))


def _examined(spec: NetworkSpec, cache: Path, settings: RuntimeSettings) -> Health:
    start = time.perf_counter()
    session = build.session_of(spec, cache, settings)
    load_ms = (time.perf_counter() - start) * 1e3
    drift, problem = _known_face(spec, session)
    shape = max(spec.input.shapes, key=lambda shape: shape[0] * shape[1])
    return Health(
        spec=spec,
        state="ready",
        provider=session.provider,
        nodes=session.nodes,
        load_ms=load_ms,
        run_ms=_run_ms(session, shape),
        shape=shape,
        drift=drift,
        problem=problem,
    )


def _known_face(spec: NetworkSpec, session: OrtSession) -> tuple[float | None, str]:
    """How far the known face's answer lies from the catalogue's, and what the start-up check says of it."""
    try:
        if spec.role == "detector":
            return known_face.check_detector(FaceDetector(spec, session), spec.golden), ""
        if spec.role == "landmarks":
            return known_face.check_mesh(FaceMesh(spec, session), spec.golden), ""
        return known_face.check_embedder(FaceEmbedder(spec, session, preprocessing=""), spec.golden), ""
    except ModelError as error:
        return None, str(error)


def _run_ms(session: OrtSession, shape: tuple[int, int]) -> float:
    tensor = np.full((1, 3, shape[1], shape[0]), 0.5, np.float32)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        session.run(tensor)
        times.append(time.perf_counter() - start)
    return median(times) * 1e3


def _about_runtime(provider: str, runtimes: dict[str, str], found: tuple[str, ...]) -> Iterator[str]:
    extra = KNOWN[provider].extra_here
    if not runtimes:
        yield f"install the extra {extra}"
    elif len(runtimes) > 1:
        yield f"uninstall {', '.join(runtimes)}; then install the extra {extra} alone, in a fresh environment"
    elif provider not in found:
        lock = f"requirements{'' if extra == 'cpu' else '-' + extra}.lock"
        yield f"install the extra {extra} ({lock}), in a fresh environment"


def _about_files(networks: Iterable[Health], cache: Path) -> Iterator[str]:
    unready = []
    for one in networks:
        if one.needed and one.state == "unreadable":
            yield f"let this user read {weights.prepared_path(one.spec, cache)}, which must be a file"
        elif one.needed and one.state != "ready":
            unready.append(one)
    if unready:
        again = " --again" if any(one.state == "changed" for one in unready) else ""
        yield f"run `python -m models prepare{again} {' '.join(one.spec.name for one in unready)}`"


def _about_cores(made: ThreadPlan) -> Iterator[str]:
    usable = cores(made.limits)
    if made.crowded:
        yield f"ask for at most {usable} threads: {made.threads} take turns on {usable}"
    if made.limits.quota_cores is not None and made.limits.quota_cores < 1:
        yield f"raise the quota of {made.limits.quota_cores:g} cores to at least 1: every frame waits"


def _about_gpus(machine: Host, provider: str, found: tuple[str, ...]) -> Iterator[str]:
    if machine.gpus and CUDA not in found and provider == CPU:
        yield "there is an NVIDIA GPU: the extra gpu (requirements-gpu.lock) would use it"
    elif machine.gpus and CUDA in found and provider == CPU:
        yield "there is an NVIDIA GPU: see `python -m models doctor --provider cuda`"
