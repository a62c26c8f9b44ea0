"""Whatever moves a measure of quality on a known photograph is seen, by a table of what they were."""

import csv
from pathlib import Path

from models.networks.build import Networks
from tests.models.quality.golden_table import COLUMNS, TABLE, rows

MAPPED = 1
"""A mapped value is a whole number, and may be rounded to the next."""


def table() -> list[dict[str, str]]:
    with TABLE.open(encoding="ascii", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_measure_matches_golden_table(networks: Networks, photos: Path) -> None:
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows(networks, photos)]
    golden = table()
    assert [(row["photo"], row["component"]) for row in found] == [
        (row["photo"], row["component"]) for row in golden
    ]
    moved = [(old, new) for old, new in zip(golden, found, strict=True) if not same(old, new)]
    assert moved == []


def same(old: dict[str, str], new: dict[str, str]) -> bool:
    away = abs(float(new["raw"]) - float(old["raw"]))
    apart = abs(float(new["mapped"]) - float(old["mapped"]))
    return away <= float(old["tolerance"]) and apart <= MAPPED
