"""Trials of reduced networks, one after the other, and as people and machines read them."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from models.admission import FEWEST_PHOTOGRAPHS, Trial, must_be_possible, tried
from models.catalogue import catalogue, weights
from models.catalogue.spec import NetworkSpec
from models.detect.detector import FaceDetector
from models.errors import ImageError, ModelError, ProviderError
from models.networks.build import session_of
from models.networks.describe import plan_json, rounded, widened
from models.photographs import as_met, read_folder
from models.runtime.machine import commit, host, versions
from models.runtime.onnx_runtime import RuntimeSettings, why_unavailable
from models.runtime.providers import installed_runtimes, named
from models.runtime.threads import ThreadPlan, limits, plan
from models.values.face import ImageBGR

STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Failed:
    """A trial that did not come to its end."""

    name: str
    precision: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trials:
    """What was tried, and on what plan."""

    done: tuple[Trial, ...]
    failed: tuple[Failed, ...]
    plan: ThreadPlan


def run(
    specs: Sequence[NetworkSpec],
    precisions: Sequence[str],
    settings: RuntimeSettings,
    rounds: int,
    folder: Path | None,
    telling: Callable[[str], None],
) -> Trials:
    """Every network in every precision, on drawn faces and on a folder's photographs.

    Raises ModelError for what can be known before.
    """
    done, failed = [], []
    for precision in precisions:
        must_be_possible(precision, settings)
    if reason := why_unavailable(named(settings.provider)):
        raise ProviderError(reason)
    photographs = _photographs(folder)
    detector = _detector() if photographs else None
    for spec in specs:
        weights.load(spec, weights.cache_dir())
        met = as_met(spec, photographs, detector) if detector is not None else []
        for precision in precisions:
            telling(f"{spec.name} in {precision}")
            try:
                done.append(tried(spec, precision, weights.cache_dir(), settings, met=met, rounds=rounds))
            except ModelError as error:
                failed.append(Failed(spec.name, precision, str(error)))
    return Trials(tuple(done), tuple(failed), plan(limits(), settings.threads))


def _photographs(folder: Path | None) -> list[ImageBGR]:
    """Of a folder that is named, at least one: with none the answer would be that of drawn faces alone."""
    if folder is None:
        return []
    if not (found := read_folder(folder)):
        raise ImageError("empty", f"{folder} holds no picture that can be read")
    return found


def _detector() -> FaceDetector:
    """The default one, in full and on the CPU."""
    spec = catalogue.load().for_role("detector")
    return FaceDetector(spec, session_of(spec, weights.cache_dir(), RuntimeSettings()))


def must_be_writable(out: Path | None) -> None:
    """Before minutes of measuring: OSError if the file's folder is not there."""
    if out not in (None, STDOUT) and not out.absolute().parent.is_dir():
        raise FileNotFoundError(f"{out} cannot be written: there is no folder {out.absolute().parent}")


def write(trials: Trials, out: Path) -> None:
    """As JSON, to a file that appears whole, or to standard output for `-`."""
    text = json.dumps(trials_json(trials), indent=2, allow_nan=False) + "\n"
    if out == STDOUT:
        sys.stdout.write(text)
        return
    weights.write_atomically(out, text.encode())


def trials_json(trials: Trials) -> dict[str, Any]:
    """Trials with a stamp of what they were measured on, as JSON values."""
    networks: dict[str, Any] = {}
    for trial in trials.done:
        entry = networks.setdefault(trial.spec.name, {"role": trial.spec.role, "sha256": trial.spec.sha256})
        entry.setdefault("trials", {})[trial.precision] = _trial_json(trial)
    failed = [{"name": one.name, "precision": one.precision, "reason": one.reason} for one in trials.failed]
    return {"stamp": _stamp(trials.plan), "networks": networks, "failed": failed}


def _stamp(made: ThreadPlan) -> dict[str, Any]:
    machine = host()
    return {
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": machine.cpu,
        "features": list(machine.features),
        "threads": plan_json(made),
        "os": machine.os,
        "python": machine.python,
        "libraries": versions() | installed_runtimes(),
        "pictures": "drawn faces (models/selftest/drawn_faces.py), and photographs where a trial counts any; "
        "int8 is calibrated on some of them",
    }


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "sha256": trial.sha256,
        "size_ratio": round(trial.size, 4),
        "provider": trial.provider,
        "speed": {
            "ratio": rounded(trial.speed.ratio),
            "ratio_interval": [rounded(trial.speed.ratio_low), rounded(trial.speed.ratio_high)],
            "full_ms": rounded(trial.speed.full_ms),
            "reduced_ms": rounded(trial.speed.reduced_ms),
            "rounds": trial.speed.rounds,
        },
        "drift": {
            "cosine": rounded(trial.drift.cosine, 7),
            "moved": rounded(trial.drift.moved, 6),
            "score": rounded(trial.drift.score, 6),
            "pictures": trial.drift.pictures,
            "photographs": trial.photographs,
        },
        "limit": {
            "cosine": trial.limit.min_cosine,
            "moved": trial.limit.max_moved,
            "unit": trial.limit.unit,
            "score": trial.limit.max_score,
            "why": trial.limit.why,
        },
        "faster": trial.faster,
        "within_drift": trial.within,
        "would_be_admitted": trial.admitted,
        "fits_a_calibration_of_its_own": trial.calibrable,
    }


def show(trials: Trials, out: Console) -> None:
    """For a person at a terminal."""
    widened(out)
    table = Table(
        "network",
        "bits",
        "on",
        "times as fast",
        "cosine",
        "moved by",
        "score by",
        "",
        box=None,
        pad_edge=False,
    )
    for trial in trials.done:
        speed, moved = trial.speed, trial.drift
        table.add_row(
            trial.spec.name,
            trial.precision,
            trial.provider.removesuffix("ExecutionProvider"),
            f"{speed.ratio:.2f} [{speed.ratio_low:.2f}, {speed.ratio_high:.2f}]",
            f"{moved.cosine:.6f}",
            f"{moved.moved:.4f} {trial.limit.unit}",
            f"{moved.score:.4f}",
            _verdict(trial),
        )
    if trials.done:
        out.print(table)
    for trial in trials.done:
        if trial.path is not None:
            out.print(f"made  {trial.path}", markup=False)
    for one in trials.failed:
        out.print(f"failed  {one.name} in {one.precision}: {one.reason}", markup=False)
    out.print("Nothing uses a reduced network unless a catalogue names it.")


def _verdict(trial: Trial) -> str:
    if trial.admitted:
        return "would be admitted"
    photographed = trial.photographs >= FEWEST_PHOTOGRAPHS
    reasons = [
        ("not faster", trial.faster),
        ("drifts too far", trial.within),
        (f"on fewer than {FEWEST_PHOTOGRAPHS} photographs", photographed),
    ]
    why = ", ".join(reason for reason, passed in reasons if not passed)
    return f"not admitted: {why}" + ("; fits a calibration of its own" if trial.calibrable else "")
