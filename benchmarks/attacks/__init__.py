"""Presentation attack detection: APCER and BPCER of the liveness cues."""
