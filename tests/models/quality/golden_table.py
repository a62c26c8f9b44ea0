"""What quality makes of the demo's photographs.

`python -m tests.models.quality.golden_table > tests/models/quality/quality.csv` writes the golden table that
measures are held to. Run it after a measure was meant to change, and look at what else did.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from lane.demo import photos
from models.image import read
from models.networks.build import Networks, build_networks
from models.quality.assessment import MEASURES, assess
from models.quality.components import mapped
from models.runtime.onnx_runtime import RuntimeSettings
from models.values.measurement import Measure, Measured

TABLE = Path(__file__).with_name("quality.csv")
COLUMNS = ("photo", "component", "raw", "mapped", "tolerance")
TOLERANCES = {"yaw_deg": 0.05, "pitch_deg": 0.05, "roll_deg": 0.05, "illumination_uniformity": 0.03}
TOLERANCES |= {"eyes_visible": 0.03, "natural_colour": 0.03}
OTHERWISE = 0.002
RELATIVE = 0.005
"""How far a raw value may lie from the table's: about twice as far as it moves where each landmark and
point of the mesh is moved at random by a hundredth of a pixel, as another machine's arithmetic does."""
PICTURES = ("biden.jpg", "obama.jpg", "obama2.jpg", "obama3.jpg")


def rows(networks: Networks, folder: Path) -> Iterator[tuple[str, ...]]:
    """A row for each photograph and component; what was not assessed says why in both columns."""
    for name in PICTURES:
        image = read(folder / name)
        measures = assess(image, networks.refined(image, networks.detector.detect(image)[0]))
        for component in MEASURES:
            raw = measures[component]
            yield name, component, said(raw), said(mapped(component, raw)), f"{tolerance(component, raw):.3g}"


def tolerance(component: str, raw: Measure) -> float:
    largest = RELATIVE * abs(raw.value) if isinstance(raw, Measured) else 0.0
    return max(TOLERANCES.get(component, OTHERWISE), largest)


def said(measure: Measure) -> str:
    return f"{measure.value:.6g}" if isinstance(measure, Measured) else measure.reason


if __name__ == "__main__":
    if not photos.ready():
        photos.fetch()
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows(build_networks(RuntimeSettings(threads=1)), photos.folder()))
