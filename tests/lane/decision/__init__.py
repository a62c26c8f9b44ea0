"""Tests of `lane.decision`."""
