"""Attacks are scored by weights that never saw their person, and reported by species."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy import attacks
from benchmarks.accuracy.attacks import Run, Sequenced
from benchmarks.accuracy.score_plots import det_of_attacks
from benchmarks.errors import BenchmarkError
from lane.decision.policy import load
from models.liveness.score import CUES, FARTHEST, Weights, read
from models.values.measurement import Measured, NotAssessed

PEOPLE = ("ann", "bob", "cem", "dai")


def made(seed: int = 1, *, apart: float = 4.0) -> list[Run]:
    """Twenty runs of each person and kind; the first cue tells them apart, the others nothing."""
    rng = np.random.default_rng(seed)
    return [
        Run(
            Sequenced(f"{species}/{subject}", subject, species),
            {
                name: Measured(rng.normal(apart if name == next(iter(CUES)) and species == "live" else 0))
                for name in CUES
            },
        )
        for subject in PEOPLE
        for species in ("live", "print a", "print b")
        for _ in range(20)
    ]


def test_cued_attacks_rejected_others_counted_accepted() -> None:
    clear, blind = (
        {one.name: one for one in attacks.figures(found, attacks.by_others(found))}
        for found in (made(), made(apart=0.0))
    )
    for figures, fewest, most in ((clear, 0.0, 0.3), (blind, 0.8, 1.0)):
        accepted = {name[1]: one for name, one in figures.items() if name[-1] == "APCER"}
        assert accepted.keys() == {"print a", "print b"}
        for one in accepted.values():
            assert one.number is not None
            assert one.interval is not None
            assert fewest <= one.number <= most
            assert one.interval[0] <= one.number <= one.interval[1]
            assert one.n == 80
    assert (clear["live", "rejected", "BPCER"].number or 0) <= attacks.BPCER


def test_nobody_scored_by_own_fitted_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    fit = attacks.fitted

    def noting(found: list[Run]) -> Weights:
        seen.append({run.sequence.subject for run in found})
        return fit(found)

    monkeypatch.setattr(attacks, "fitted", noting)
    found = made()
    found[0] = Run(found[0].sequence, dict(found[0].cues) | {"moire": NotAssessed("too small")})
    assert np.isfinite(attacks.by_others(found)).all(), "a missing cue is no number"
    assert seen == [set(PEOPLE) - {one} for one in PEOPLE]


def test_two_percent_of_fitted_are_rejected_and_no_cue_dominates() -> None:
    found = made()
    weights = attacks.fitted(found)
    live = [weights.score(run.cues) for run in found if run.sequence.species == "live"]
    below = sum(isinstance(one, Measured) and one.value < 0.5 - 1e-9 for one in live)
    assert below <= attacks.BPCER * len(live)
    name = next(iter(CUES))
    cues = dict.fromkeys(CUES, Measured(0.0))
    far = weights.score(cues | {name: Measured(1e9)})
    one = weights.cues[name]
    assert far == weights.score(cues | {name: Measured(one.mean + FARTHEST * one.deviation)})


def test_written_weights_are_what_lane_reads() -> None:
    weights = attacks.fitted(made())
    text = json.dumps(attacks.as_file(weights, {"pictures": 0}, {}))
    one = made(2)[0].cues

    assert read(text).constant == pytest.approx(weights.constant, abs=1e-5)
    stored, known = read(text).score(one), weights.score(one)
    assert isinstance(stored, Measured)
    assert isinstance(known, Measured)
    assert stored.value == pytest.approx(known.value, abs=1e-3)


def test_species_from_column_or_folder_number(tmp_path: Path) -> None:
    for folder in ("live/1_00_01", "print/1_03_02", "print/2_03_02"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0.jpg").touch()
    rows = "sequence,subject,kind\nlive/1_00_01,1,live\nprint/1_03_02,1,print\nprint/2_03_02,2,print\n"
    (tmp_path / "list.csv").write_text(rows)

    found = attacks.read_attacks(tmp_path / "list.csv", tmp_path)
    assert [one.species for one in found] == ["live", "print 03_02", "print 03_02"]

    (tmp_path / "one.csv").write_text("sequence,subject,kind\nlive/1_00_01,1,live\n")
    with pytest.raises(BenchmarkError, match="two people"):
        attacks.read_attacks(tmp_path / "one.csv", tmp_path)


def test_live_sequences_checked_against_stream(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    (tmp_path / "live").mkdir()
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"live/{number}.png"), rng.integers(120, 130, (48, 64, 3), np.uint8))
    one = Sequenced("live", "ann", "live")

    listed = [one, Sequenced("none", "ann", "print")]
    figures = {one.name[-1]: one.number or 0 for one in attacks.streams(listed, tmp_path, load().stream, 0.2)}
    assert (figures["live sequences"], figures["suspected"]) == (1, 0)
    assert figures["p50"] > 0


def test_each_species_det_curve_is_drawn() -> None:
    live, held = np.linspace(0.4, 1, 50), np.linspace(0, 0.6, 50)
    page = det_of_attacks({"print a": (live, held), "print b": (live, held / 2)}, "DET")

    (axes,) = page.axes
    assert [one.get_label() for one in axes.lines] == ["print a\n50 runs", "print b\n50 runs"]
    assert "APCER" in axes.get_xlabel()
