"""What finishes an entry of an operator's catalogue: the prepared file's hash, and its known answer."""

import hashlib
from pathlib import Path

from models import golden, weights
from models.build import session_on
from models.embed import FaceEmbedder
from models.errors import CatalogueError
from models.ort import RuntimeSettings
from models.spec import NetworkSpec


def finishing_lines(spec: NetworkSpec, cache: Path) -> str:
    """`sha256` and `golden` as lines of TOML, from the file as it answers now, on the CPU.

    They only promise that the network will go on answering like this. Whether colour order, mean and layout
    are those that it was trained with shows in `python -m benchmarks accuracy`.
    """
    if spec.role != "matcher":
        raise CatalogueError(f"{spec.name} is no matcher but has the role {spec.role}")
    graph = weights.convert(spec, weights.source(spec, weights.Shelf(cache)))
    embedder = FaceEmbedder(spec, session_on(graph, spec, RuntimeSettings()), preprocessing="")
    numbers = [f"{value:.5f}" for value in golden.embedder_answer(embedder)]
    rows = [", ".join(numbers[start : start + 12]) for start in range(0, len(numbers), 12)]
    listed = "".join(f"    {row},\n" for row in rows)
    return f'sha256 = "{hashlib.sha256(graph).hexdigest()}"\ngolden = [\n{listed}]'
