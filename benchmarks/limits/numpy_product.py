"""A float32 matrix product by numpy's own library, in a process whose threads were set before it started.

Started by `benchmarks.limits.ceilings`: each line that comes in asks for one more product, the nanoseconds
that it took go out.
"""

import os
import sys
import time

import numpy as np

SEED = 1


def main() -> None:
    """Until no more lines come."""
    side = int(sys.argv[1])
    rng = np.random.default_rng(SEED)
    one, other = (rng.uniform(0.5, 1.5, (side, side)).astype(np.float32) for _ in range(2))
    right = float(one.sum(0, dtype=np.float64) @ other.sum(1, dtype=np.float64))
    for _ in sys.stdin:
        started = time.perf_counter_ns()
        product = one @ other
        took_ns = time.perf_counter_ns() - started
        if not abs(product.sum(dtype=np.float64) / right - 1) < 1e-4:  # NaN compares false
            raise SystemExit("numpy's matrix product is wrong: timing it is worth nothing")
        try:
            os.write(sys.stdout.fileno(), f"{took_ns}\n".encode())
        except BrokenPipeError:  # who asked has gone
            return


if __name__ == "__main__":
    main()
