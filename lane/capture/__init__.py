"""Frames until enough are good: tracking, guidance, quality limits, stop rule, stream check, measuring."""
