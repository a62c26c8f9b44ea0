"""A film as a camera: what came of each document, in time or not."""

import json
from pathlib import Path

import pytest

from tests.support.benchmarks.command_line import run
from tests.support.lane.http_camera import film


def test_each_document_is_judged_by_the_film(photos: Path, tmp_path: Path) -> None:
    path, out = film(tmp_path / "film.mp4", frames=20, rate=20), tmp_path / "film.json"
    documents = ("--document", str(photos / "obama.jpg"), "--document", str(photos / "biden.jpg"))
    done = run("film", str(path), *documents, "--threads", "1", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "biden.jpg" in done.stdout
    told = json.loads(out.read_text(encoding="utf-8"))
    assert [one["document"] for one in told["captures"]] == ["obama.jpg", "biden.jpg"]
    for one in told["captures"]:
        assert (one["outcome"], one["similarity"], one["film_was_over"]) == ("refer", None, True)
        assert 0 < one["looked_at"] + one["passed_over"] <= one["came"]


@pytest.mark.thorough
def test_a_film_that_is_not_there_is_said_and_one_that_is_none(photos: Path, tmp_path: Path) -> None:
    document = ("--document", str(photos / "obama.jpg"))
    done = run("film", str(tmp_path / "nowhere.mp4"), *document)
    assert done.returncode == 2
    assert "not there" in done.stderr
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    done = run("film", str(tmp_path / "text.mp4"), *document)
    assert done.returncode == 2
    assert "no video" in done.stderr
