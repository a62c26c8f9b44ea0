"""A result is written whole, drawings beside it where they can be made."""

import sys
from pathlib import Path

import pytest

from benchmarks.harness.output import deliver
from benchmarks.harness.plots import PlotsMissingError, bars
from benchmarks.harness.result_file import read
from tests.support.benchmarks.made_up_results import latency


def draw() -> dict[str, object]:
    return {"bars": bars("times", {"one": {"a": 1.0}}, "ms")}


def test_drawings_lie_beside_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(latency(), tmp_path / "out.json", draw)  # type: ignore[arg-type]
    assert read(tmp_path / "out.json").drawings == ("out-bars.svg",)
    assert "<svg" in (tmp_path / "out-bars.svg").read_text()
    assert "end to end" in capsys.readouterr().out


def test_result_is_kept_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotsMissingError, match="extra `benchmarks`"):
        draw()
    deliver(latency(), tmp_path / "out.json", draw)  # type: ignore[arg-type]
    assert "extra `benchmarks`" in capsys.readouterr().err
    assert read(tmp_path / "out.json").drawings == ()
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
