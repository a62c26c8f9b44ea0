"""A float32 matrix product by numpy's own library, in a process whose threads were set before it started.

Started by `benchmarks.limits.ceilings`: each line that comes in asks for one more product, the nanoseconds
that it took go out; or, where the product is wrong, what it is.
"""

import os
import sys
import time

import numpy as np
from numpy.typing import NDArray

SEED = 1


def main() -> None:
    side = int(sys.argv[1])
    rng = np.random.default_rng(SEED)
    one, other = (rng.uniform(0.5, 1.5, (side, side)).astype(np.float32) for _ in range(2))
    right = float(one.sum(0, dtype=np.float64) @ other.sum(1, dtype=np.float64))
    for _ in sys.stdin:
        try:
            os.write(sys.stdout.fileno(), f"{timed(one, other, right)}\n".encode())
        except BrokenPipeError:  # who asked has gone
            return


def timed(one: NDArray[np.float32], other: NDArray[np.float32], right: float) -> int | str:
    """Nanoseconds of a product; where the sum of its elements is not `right`, a sentence that says so."""
    started = time.perf_counter_ns()
    product = one @ other
    took_ns = time.perf_counter_ns() - started
    found = float(product.sum(dtype=np.float64))
    if not abs(found / right - 1) < 1e-4:  # NaN compares false
        return f"numpy's matrix product sums to {found:.8g}, not {right:.8g}: timing it is worth nothing"
    return took_ns


if __name__ == "__main__":
    main()
