"""A film as a camera: what came of each document, in time or not."""

from pathlib import Path

import pytest

from benchmarks.harness.result import read
from tests.support.benchmarks.command_line import run
from tests.support.lane.http_camera import film


def test_film_judges_each_document(photos: Path, tmp_path: Path) -> None:
    path, out = film(tmp_path / "film.mp4", frames=20, rate=20), tmp_path / "film.json"
    documents = ("--document", str(photos / "obama.jpg"), "--document", str(photos / "biden.jpg"))
    done = run("film", str(path), *documents, "--threads", "1", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "biden.jpg" in done.stdout
    result = read(out)
    for document in ("obama.jpg", "biden.jpg"):
        one = {figure.name[-1]: figure for figure in result.under("documents", document)}
        assert (one["admitted"].number, one["similarity"].number, one["film was over"].number) == (0, None, 1)
        assert one["admitted"].note.startswith("refer F")
        looked_at, passed_over, came = (
            one[name].number or 0 for name in ("looked at", "passed over", "came")
        )
        assert 0 < looked_at + passed_over <= came


@pytest.mark.thorough
def test_missing_and_invalid_film_are_named(photos: Path, tmp_path: Path) -> None:
    document = ("--document", str(photos / "obama.jpg"))
    done = run("film", str(tmp_path / "nowhere.mp4"), *document)
    assert done.returncode == 2
    assert "not there" in done.stderr
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    done = run("film", str(tmp_path / "text.mp4"), *document)
    assert done.returncode == 2
    assert "no video" in done.stderr
