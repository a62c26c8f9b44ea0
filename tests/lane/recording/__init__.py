"""Tests of `lane.recording.record`."""
