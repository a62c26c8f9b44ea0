"""Error rates of matchers (FMR, FNMR), calibration, and when a lane stops looking."""
