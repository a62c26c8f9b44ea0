"""Photographs become what each network is really fed; what is no picture, or shows nobody, is left out."""

from pathlib import Path

import numpy as np
import pytest

from models.catalogue.spec import Role
from models.networks.build import Networks
from models.photographs import as_met, read_folder
from models.values.face import ImageBGR


@pytest.mark.parametrize("role", ["detector", "landmarks", "matcher"])
def test_each_network_meets_a_person_as_it_does_in_a_lane(
    networks: Networks, people: dict[str, ImageBGR], role: Role
) -> None:
    spec = networks.catalogue.for_role(role)
    met = as_met(spec, people.values(), networks.detector)
    assert len(met) == len(people)
    if role == "detector":
        assert all(one is image for one, image in zip(met, people.values(), strict=True))
    else:
        assert {(image.shape[1], image.shape[0]) for image in met} == set(spec.input.shapes)


def test_a_picture_of_nobody_is_left_out(networks: Networks, people: dict[str, ImageBGR]) -> None:
    spec = networks.catalogue.for_role("matcher")
    wall = np.full((240, 320, 3), 128, np.uint8)
    assert len(as_met(spec, [wall, people["biden.jpg"]], networks.detector)) == 1


def test_a_folder_is_read_with_its_folders_and_without_what_is_no_picture(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "inside").mkdir()
    for name, folder in (("obama.jpg", "."), ("biden.jpg", "inside")):
        (tmp_path / folder / name).write_bytes((photos / name).read_bytes())
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("nor this")
    (tmp_path / "folder.jpg").mkdir()
    assert len(read_folder(tmp_path)) == 2
    assert len(read_folder(tmp_path, most=1)) <= 1
    assert read_folder(tmp_path / "inside" / "none") == []
