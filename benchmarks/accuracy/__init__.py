"""Error rates of matchers and of liveness cues, calibration, and when a lane stops looking."""
