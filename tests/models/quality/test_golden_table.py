"""What quality makes of the demo's photographs, held to a table: whatever moves a measure is seen.

`python -m tests.models.quality.test_golden_table > tests/models/quality/quality.csv` writes the table. Run it
after a measure was meant to change, and look at what else did.
"""

import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from lane.demo import photos
from models.image import read
from models.networks.build import Networks, build_networks
from models.quality.assessment import MEASURES, assess
from models.quality.components import mapped
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.face import ImageBGR
from models.values.measurement import Measure, Measured

TABLE = Path(__file__).with_name("quality.csv")
COLUMNS = ("photo", "component", "raw", "mapped", "tolerance")
TOLERANCES = {"yaw_deg": 0.05, "pitch_deg": 0.05, "roll_deg": 0.05, "illumination_uniformity": 0.03}
TOLERANCES |= {"eyes_visible": 0.03, "natural_colour": 0.03}
OTHERWISE = 0.002
RELATIVE = 0.005
"""How far a raw value may lie from the table's: about twice as far as it moves where each landmark and
point of the mesh is moved at random by a hundredth of a pixel, as another machine's arithmetic does."""
MAPPED = 1
"""A mapped value is a whole number, and may be rounded to the next."""


def rows(networks: Networks, people: Mapping[str, ImageBGR]) -> Iterator[tuple[str, ...]]:
    """A row for each photograph and component; what was not assessed says why in both columns."""
    for name, image in sorted(people.items()):
        measures = assess(image, networks.refined(image, networks.detector.detect(image)[0]))
        for component in MEASURES:
            raw = measures[component]
            yield name, component, said(raw), said(mapped(component, raw)), f"{tolerance(component, raw):.3g}"


def tolerance(component: str, raw: Measure) -> float:
    largest = RELATIVE * abs(raw.value) if isinstance(raw, Measured) else 0.0
    return max(TOLERANCES.get(component, OTHERWISE), largest)


def said(measure: Measure) -> str:
    return f"{measure.value:.6g}" if isinstance(measure, Measured) else measure.reason


def test_every_measure_matches_golden_table(networks: Networks, people: dict[str, ImageBGR]) -> None:
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows(networks, people)]
    with TABLE.open(encoding="ascii", newline="") as lines:
        golden = list(csv.DictReader(lines))
    named = [[(row["photo"], row["component"]) for row in one] for one in (found, golden)]
    assert named[0] == named[1]
    moved = [(old, new) for old, new in zip(golden, found, strict=True) if not same(old, new)]
    assert moved == []


def same(old: dict[str, str], new: dict[str, str]) -> bool:
    away = abs(float(new["raw"]) - float(old["raw"]))
    apart = abs(float(new["mapped"]) - float(old["mapped"]))
    return away <= float(old["tolerance"]) and apart <= MAPPED


if __name__ == "__main__":
    if not photos.ready():
        photos.fetch()
    known = {name: read(photos.folder() / name) for name in photos.SHA256}
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows(build_networks(RuntimeSettings(threads=1)), known))
