"""Liveness cues."""
