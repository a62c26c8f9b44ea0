"""Relief: whether what is nearer to the camera moves as what is nearer does.

Where a head turns, a point moves in proportion to its depth, beside what an affine movement explains. The
depth is the mesh's own guess, for a photograph too; what moves is not.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from models.liveness.frames import NO_MESH, NO_MOVEMENT, Look, Points, meshes, middle_of, rest
from models.values.measurement import Measure

LEAST_LEFT = 0.005
"""Eye distances: what an affine movement must leave, root mean square."""


def relief(looks: Sequence[Look]) -> Measure:
    """0 to 1: of what no affine movement explains, the share that depth does (median over pairs)."""
    seen = meshes(looks)
    if len(seen) < 2:
        return NO_MESH
    shares = [share for one, other in combinations(seen, 2) if (share := _by_depth(one, other)) is not None]
    return middle_of(shares, NO_MOVEMENT)


def _by_depth(one: Points, other: Points) -> float | None:
    flat = np.column_stack([np.ones(len(one)), one[:, :2]])
    left = rest(one, other, flat)
    energy = float((left**2).sum())
    if not energy >= LEAST_LEFT**2 * len(one):  # NaN compares false
        return None
    return 1 - float((rest(one, other, np.column_stack([flat, one[:, 2]])) ** 2).sum()) / energy
